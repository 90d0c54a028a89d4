"""Writes a batch of edits to a branch: one commit each, one compare-and-swap push, recovery by looking.

Called by who holds the branch's lease. A refused push is computed again on the new tip, whatever it was
refused for. What was stored before a push tells, after a crash, what became of it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from dataclasses import dataclass

import structlog

from service.core.values import Rewrite
from service.core.words import EditState, RunId, Sha, WaitKind
from service.errors import MergeportError, PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest_place import Place, rewrite_at, wanted_edits
from service.pipeline.promotion_text import message_of, stored_changes
from service.ports import Manifests
from service.store import Transaction, edits, runs, waits
from service.store.edits import Edit
from service.store.runs import Run

MOST_REFUSALS = 4
MOST_RACES = 50
OPEN = frozenset({EditState.PENDING, EditState.PUSHING})
"""The states of an edit that is still to be written."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Made:
    """A commit made for an edit, not pushed yet; `commit` is the parent where there was nothing to change."""

    edit: Edit
    commit: Sha
    rewrite: Rewrite


def write_batch(context: Context, manifests: Manifests, place: Place, batch: Sequence[Edit]) -> None:
    """Bring the edits onto the branch in one push, computed anew on every new tip until it goes through."""
    refusals, last_tip = 0, None
    for race in range(MOST_RACES):
        tip = manifests.fetch(place.branch)
        if tip is None:
            error = PermanentError(
                f"{place.repository} has no branch {place.branch}",
                code="manifest-branch-missing",
                hint="push the branch, or name another in `manifest`",
            )
            _refuse_all(context, batch, error)
            return
        refusals = refusals + 1 if tip == last_tip else 0
        if refusals >= MOST_REFUSALS:
            _refused_for_good(context, manifests, place, batch)
            return
        if race:
            time.sleep(random.uniform(0.01, min(2.0, 0.05 * 2**race)))  # noqa: S311 - jitter
        batch = _recover(context, manifests, tip, batch)
        made = _make(context, manifests, place, tip, batch)
        newest = made[-1].commit if made else tip
        _count_attempt(context, made)
        if newest == tip or manifests.push(place.branch, newest, expected=tip):
            _publish(context, tip, made)
            return
        log.info("push refused, computing again", repository=place.repository, branch=place.branch, tip=tip)
        last_tip, batch = tip, _still_open(context, batch)
        if not batch:
            return
    raise RetryableError(f"{place.repository}@{place.branch} moves too fast", code="push-lost", retry_after=1.0)


def _still_open(context: Context, batch: Sequence[Edit]) -> list[Edit]:
    """Read the edits again: another process may have settled some of them meanwhile."""
    with context.store.read() as tx:
        stored = [edits.of_run(tx, edit.run_id) for edit in batch]
    return [edit for edit in stored if edit is not None and edit.state in OPEN]


def _recover(context: Context, manifests: Manifests, tip: Sha, batch: Sequence[Edit]) -> list[Edit]:
    """Read from the branch what became of earlier pushes of these edits; give those that are still to be written."""
    left: list[Edit] = []
    for edit in batch:
        if edit.state is not EditState.PUSHING or edit.commit is None or edit.expected is None:
            left.append(edit)
            continue
        known = manifests.ancestors(tip, {edit.commit, edit.expected})
        if edit.commit in known:
            with context.store.begin() as tx:
                _settle(tx, context, edit, commit=edit.commit, diff=manifests.diff(edit.commit))
            _wake(context, edit)
        elif edit.expected in known:
            left.append(edit)
        else:
            error = PermanentError(
                f"{edit.repository}@{edit.branch} was force-pushed: {edit.expected[:12]} is gone from it",
                code="manifest-history-rewritten",
                hint="nothing was written again; look at the branch, then `mergeport runs retry`",
            )
            _refuse(context, edit, error)
    return left


def _make(context: Context, manifests: Manifests, place: Place, tip: Sha, batch: Sequence[Edit]) -> list[_Made]:
    """Make one commit an edit, each on the one before, and store all before anything is pushed."""
    made: list[_Made] = []
    parent = tip
    for edit in batch:
        with context.store.read() as tx:
            run = runs.get(tx, edit.run_id)
        if run is None or run.state.ended or run.cancel_requested_by is not None:
            _refuse(context, edit, PermanentError("the run has ended", code="run-ended"))
            continue
        try:
            one = _commit(context, manifests, parent, edit, run)
        except RetryableError:
            raise
        except MergeportError as error:
            _refuse(context, edit, error)
            continue
        except Exception:
            # A bug that one edit meets must not stop the others of its batch, for ever.
            log.exception("internal error in an edit", run=edit.run_id)
            words = "internal error in its edit; the worker's log has it"
            _refuse(context, edit, PermanentError(words, code="internal-error"))
            continue
        made.append(one)
        parent = one.commit
    with context.store.begin() as tx:
        for one in made:
            if one.rewrite.files:
                edits.update(
                    tx,
                    one.edit.run_id,
                    state=EditState.PUSHING,
                    expected=tip,
                    commit=one.commit,
                    changes=stored_changes(one.rewrite.changes),
                )
                edits.own(tx, place.repository, one.commit, one.edit.run_id)
    return made


def _commit(context: Context, manifests: Manifests, parent: Sha, edit: Edit, run: Run) -> _Made:
    target = context.configurations.at(run.configuration_commit).target(run.application, run.environment)
    if target is None:
        raise PermanentError(f"{run.application} is not in {run.environment}", code="target-gone")
    done = rewrite_at(manifests, parent, wanted_edits(run, target))
    if not done.files:
        return _Made(edit, parent, done)
    message = message_of(context, run, done.changes)
    commit = manifests.commit(
        parent, done.files, message, author=context.committer, committer=context.committer, at=edit.at
    )
    return _Made(edit, commit, done)


def _count_attempt(context: Context, made: Sequence[_Made]) -> None:
    with context.store.begin() as tx:
        for one in made:
            edits.update(tx, one.edit.run_id, attempts=one.edit.attempts + 1)


def _publish(context: Context, tip: Sha, made: Sequence[_Made]) -> None:
    with context.store.begin() as tx:
        for one in made:
            warnings = "; ".join(one.rewrite.warnings)
            _settle(tx, context, one.edit, commit=one.commit, base=tip, diff=one.rewrite.diff, message=warnings)
    for one in made:
        _wake(context, one.edit)


def _settle(
    tx: Transaction, context: Context, edit: Edit, *, commit: Sha, diff: str, base: Sha | None = None, message: str = ""
) -> None:
    edits.update(
        tx,
        edit.run_id,
        state=EditState.PUBLISHED,
        commit=commit,
        base=base or edit.expected,
        diff=diff,
        message=message,
    )
    _answer(tx, context, edit, "written")


def _answer(tx: Transaction, context: Context, edit: Edit, text: str) -> None:
    for wait in waits.open_at(tx, WaitKind.PUSH, Place(edit.repository, edit.branch).lease):
        if wait.run_id == edit.run_id:
            waits.answer(tx, wait.id, text, at=context.now())


def _wake(context: Context, edit: Edit) -> None:
    enqueue(context, edit.run_id)


def _refuse(context: Context, edit: Edit, error: MergeportError) -> None:
    with context.store.begin() as tx:
        edits.update(tx, edit.run_id, state=EditState.REFUSED, message=str(error), code=error.code)
        _answer(tx, context, edit, "refused")
    _wake(context, edit)


def _refuse_all(context: Context, batch: Sequence[Edit], error: MergeportError) -> None:
    for edit in batch:
        _refuse(context, edit, error)


def _refused_for_good(context: Context, manifests: Manifests, place: Place, batch: Sequence[Edit]) -> None:
    """Say that the branch stays where it is and takes no push; one by one first, so that one edit fails alone."""
    if len(batch) > 1:
        for edit in batch:
            write_batch(context, manifests, place, [edit])
        return
    error = PermanentError(
        f"{place.repository}@{place.branch} refuses the push, though nobody moved it",
        code="push-refused",
        hint="a hook or branch protection? Allow Mergeport to push there, or use `publish: pull-request`",
    )
    _refuse_all(context, batch, error)


def enqueue(context: Context, run_id: RunId) -> None:
    """Hand a run to the engine."""
    with context.store.read() as tx:
        run = runs.get(tx, run_id)
    if run is not None:
        context.queue.enqueue_run(run)
