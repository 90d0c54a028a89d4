"""Writes a batch of edits to a branch: one commit each, one compare-and-swap push, recovery by looking.

Called by who holds the branch's lease. A refused push is computed again on the new tip, whatever it was
refused for. What was stored before a push tells, after a crash, what became of it.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from service.core.words import EditState, RunId, Sha
from service.errors import MergeportError, PermanentError, RetryableError
from service.pipeline.manifest.order import keep_order
from service.pipeline.manifest.outcomes import Branch, Made, about_to_write, found, publish, refuse
from service.pipeline.manifest.place import rewrite_at, wanted_edits
from service.pipeline.promote.promotion_text import message_of, stored_changes
from service.store import Transaction, edits, runs
from service.store.edits import Edit
from service.store.runs import Run

MOST_RACES = 50
LARGEST_BATCH = 200
GROWING_SECONDS = 3.0
"""How long a batch grows by edits that come while the commits of the first are made."""
QUIET_SECONDS, LOOK_SECONDS = 0.3, 0.03
"""How long it waits in between for the next, while runs are on their way here; and how often it looks."""

log = structlog.get_logger()

Pending = Callable[[Transaction], list[Edit]]
"""Lists edits that are to be written, as they stand, first accepted first."""


def bring(branch: Branch, pending: Pending, *, patience: int, gathers: bool = False) -> list[Edit]:
    """Bring edits onto the branch in one push, computed anew on every new tip until it goes through.

    With `gathers` it waits a moment for runs that are about to want the same. Gives the edits that the branch takes
    not: so many pushes were refused though nobody moved it.
    """
    batch = _Batch(branch, pending)
    refusals, last_tip = 0, None
    for race in range(MOST_RACES):
        tip = branch.manifests.fetch(branch.place.branch)
        if tip is None:
            _refuse_all(branch, pending)
            return []
        refusals = refusals + 1 if tip == last_tip else 0
        if refusals >= patience:
            with branch.context.store.read() as tx:
                return pending(tx)
        if race and not refusals:
            batch.shrink()
            branch.context.pause(random.uniform(0.01, min(2.0, 0.05 * 2**race)))  # noqa: S311 - jitter
        made = batch.make(tip, gathers=gathers and not race)
        if not made:
            return []
        newest = made[-1].commit
        if newest == tip or branch.manifests.push(branch.place.branch, newest, expected=tip):
            publish(branch, tip, made)
            return []
        batch.lost(made)
        log.info("push refused", repository=branch.place.repository, branch=branch.place.branch, tip=tip)
        last_tip = tip
    place = f"{branch.place.repository}@{branch.place.branch}"
    raise RetryableError(f"{place} moves too fast", code="push-lost", retry_after=1.0)


def _refuse_all(branch: Branch, pending: Pending) -> None:
    with branch.context.store.read() as tx:
        batch = pending(tx)
    error = PermanentError(
        f"{branch.place.repository} has no branch {branch.place.branch}",
        code="manifest-branch-missing",
        hint="push the branch, or name another in `manifest`",
    )
    refuse(branch, batch, error)


@dataclass(slots=True)
class _Batch:
    """What is made on one tip after the other; `others` are commits of earlier writers, whose pushes may come yet.

    `most` is how many edits are made at once.
    """

    branch: Branch
    pending: Pending
    others: dict[RunId, frozenset[Sha]] = field(default_factory=dict)
    most: int = LARGEST_BATCH
    tried: int = 0

    def make(self, tip: Sha, *, gathers: bool) -> list[Made]:
        """Make one commit an edit, each on the one before, and store all before anything is pushed.

        The edits are read after the tip was: what somebody else has pushed of them is on it, or it has moved since.
        """
        made: list[Made] = []
        seen: set[RunId] = set()
        until, quiet = time.monotonic() + GROWING_SECONDS, 0.0
        while not seen or time.monotonic() < until:
            new = self._new(seen)[: self.most - len(seen)]
            if not new:
                if not (gathers and seen and quiet < QUIET_SECONDS and about_to_write(self.branch)):
                    break
                self.branch.context.pause(LOOK_SECONDS)
                quiet += LOOK_SECONDS
                continue
            quiet = 0.0
            seen |= {edit.run_id for edit in new}
            for edit in self._recover(tip, new):
                one = _commit(self.branch, made[-1].commit if made else tip, edit)
                made += [one] if one else []
        if made:
            self._store(tip, made)
        self.tried = len(made)
        return made

    def shrink(self) -> None:
        """Make half as many next time: on a branch that people keep moving, only what is made soon gets there."""
        self.most = max(1, self.tried // 2)

    def lost(self, made: Sequence[Made]) -> None:
        """Forget these commits: they are not on the branch for sure, so nobody has to look for them."""
        with self.branch.context.store.begin() as tx:
            self.branch.holding.keep(tx)
            for one in made:
                edits.settle(tx, one.edit.run_id, state=EditState.PENDING)
                if one.rewrite.files and one.commit not in self.others[one.edit.run_id]:
                    edits.disown(tx, self.branch.place.repository, one.commit)

    def _new(self, seen: set[RunId]) -> list[Edit]:
        context = self.branch.context
        with context.store.read() as tx:
            new = [edit for edit in self.pending(tx) if edit.run_id not in seen]
            tried = [edit.run_id for edit in new if edit.attempts and edit.run_id not in self.others]
            if tried:
                self.others |= edits.commits_of(tx, self.branch.place.repository, tried)
        for edit in new:
            self.others.setdefault(edit.run_id, frozenset())
        return new

    def _recover(self, tip: Sha, batch: Sequence[Edit]) -> list[Edit]:
        """Read from the branch what became of earlier pushes of these edits; give those still to be written."""
        left: list[Edit] = []
        for edit in batch:
            commits = self.others[edit.run_id]
            if not commits or edit.expected == tip:
                left.append(edit)
                continue
            expected = edit.expected if edit.state is EditState.PUSHING else None
            known = self.branch.manifests.ancestors(tip, commits | ({expected} if expected else set()))
            if there := commits & known:
                found(self.branch, edit, edit.commit if edit.commit in there else min(there))
            elif expected is None or expected in known:
                left.append(edit)
            else:
                error = PermanentError(
                    f"{edit.repository}@{edit.branch} was force-pushed: {expected[:12]} is gone from it",
                    code="manifest-history-rewritten",
                    hint="nothing was written again; look at the branch, then `mergeport runs retry`",
                )
                refuse(self.branch, [edit], error)
        return left

    def _store(self, tip: Sha, made: Sequence[Made]) -> None:
        with self.branch.context.store.begin() as tx:
            self.branch.holding.keep(tx)
            for one in made:
                attempts = one.edit.attempts + 1
                if not one.rewrite.files:
                    edits.settle(tx, one.edit.run_id, attempts=attempts)
                    continue
                edits.settle(
                    tx, one.edit.run_id, state=EditState.PUSHING, expected=tip, commit=one.commit,
                    changes=stored_changes(one.rewrite.changes), attempts=attempts,
                )  # fmt: skip
                edits.own(tx, self.branch.place.repository, one.commit, one.edit.run_id)


def _commit(branch: Branch, parent: Sha, edit: Edit) -> Made | None:
    """Make an edit's commit; one that is refused fails alone, and None is given."""
    with branch.context.store.read() as tx:
        run = runs.get(tx, edit.run_id)
    if run is None or run.state.ended or run.cancel_requested_by is not None:
        refuse(branch, [edit], PermanentError("the run has ended", code="run-ended"))
        return None
    try:
        return _make(branch, parent, edit, run)
    except RetryableError:
        raise
    except MergeportError as error:
        refuse(branch, [edit], error)
    except Exception:
        # A bug that one edit meets must not stop the others of its batch, for ever.
        log.exception("internal error in an edit", run=edit.run_id)
        words = "internal error in its edit; the worker's log has it"
        refuse(branch, [edit], PermanentError(words, code="internal-error"))
    return None


def _make(branch: Branch, parent: Sha, edit: Edit, run: Run) -> Made:
    context = branch.context
    target = context.configurations.at(run.configuration_commit).target(run.application, run.environment)
    if target is None:
        raise PermanentError(f"{run.application} is not in {run.environment}", code="target-gone")
    done = rewrite_at(branch.manifests, parent, wanted_edits(run, target))
    if not done.files:
        return Made(edit, parent, done)
    done = keep_order(context, branch.manifests, parent, run, target, done)
    message = message_of(context, run, target, done.changes)
    commit = branch.manifests.commit(
        parent, done.files, message, author=context.author, committer=context.committer, at=edit.at
    )
    return Made(edit, commit, done)
