"""Settles edits: what is written, refused or goes on as a pull request, and the runs that wait for it.

Called by who writes to a branch. An edit is settled once; whoever comes later, with older knowledge, changes nothing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from service.core.values import Rewrite
from service.core.words import EditState, RunId, Sha, WaitKind
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.manifest.collect import Branch
from service.store import Transaction, edits, runs, waits
from service.store.edits import Edit
from service.store.runs import Run
from service.store.waits import Wait


@dataclass(frozen=True, slots=True)
class Made:
    """A commit made for an edit, not pushed yet; `commit` is the parent where there was nothing to change."""

    edit: Edit
    commit: Sha
    rewrite: Rewrite


def publish(branch: Branch, tip: Sha, made: Sequence[Made]) -> None:
    """Mark what a push has brought, wake its runs, and give the lease up if nothing is left to write.

    The lease's row is locked first: a run that comes now either is seen as pending, or finds the lease free.
    """
    with branch.context.store.begin() as tx:
        held = branch.holding.locks(tx)
        waiting = _waiting(tx, branch)
        for one in made:
            edits.settle(
                tx,
                one.edit.run_id,
                state=EditState.PUBLISHED,
                commit=one.commit,
                base=tip,
                diff=one.rewrite.diff,
                message="; ".join(one.rewrite.warnings),
            )
        woken = _answer(tx, branch, waiting, [one.edit for one in made], "written")
        is_last = held and not branch.pending(tx)
        if is_last:
            branch.holding.release(tx)
        elif held:
            branch.marks_push(tx)
    if is_last:
        branch.holding.is_released()
    _wake(branch, woken)


def found(branch: Branch, edit: Edit, commit: Sha) -> None:
    """Mark an edit whose commit an earlier push brought onto the branch, although its answer was lost."""
    diff = branch.manifests.diff(commit)
    with branch.context.store.begin() as tx:
        base = edit.expected if commit == edit.commit else None
        edits.settle(tx, edit.run_id, state=EditState.PUBLISHED, commit=commit, base=base, diff=diff, message="")
        woken = _answer(tx, branch, _waiting(tx, branch), [edit], "written")
    _wake(branch, woken)


def refuse(branch: Branch, some: Sequence[Edit], error: MergeportError) -> None:
    """Fail these edits, and no others, with the error's words and code."""
    with branch.context.store.begin() as tx:
        branch.holding.keep(tx)
        waiting = _waiting(tx, branch)
        for edit in some:
            edits.settle(tx, edit.run_id, state=EditState.REFUSED, message=str(error), code=error.code)
        woken = _answer(tx, branch, waiting, some, "refused")
    _wake(branch, woken)


def settle_aside(branch: Branch, edit: Edit, state: EditState, words: str) -> None:
    """Settle an edit that is not written now; its run is woken and decides by the edit's `state` how to go on."""
    with branch.context.store.begin() as tx:
        branch.holding.keep(tx)
        edits.settle(tx, edit.run_id, state=state, message=words)
        woken = _answer(tx, branch, _waiting(tx, branch), [edit], "refused")
    _wake(branch, woken)


def turn(branch: Branch, edit: Edit, head: str, error: MergeportError) -> None:
    """Move the edit to the promotion branch `head`; its run goes on with a pull request that says why."""
    with branch.context.store.begin() as tx:
        branch.holding.keep(tx)
        edits.settle(
            tx, edit.run_id, branch=head, state=EditState.PENDING, expected=None, commit=None, changes=None,
            message=error.message, code=error.code,
        )  # fmt: skip
        woken = _answer(tx, branch, _waiting(tx, branch), [edit], "refused")
    _wake(branch, woken)


def enqueue(context: Context, run_id: RunId) -> None:
    """Hand a run to the engine."""
    with context.store.read() as tx:
        run = runs.get(tx, run_id)
    if run is not None:
        context.queue.enqueue_run(run)


def _waiting(tx: Transaction, branch: Branch) -> Mapping[RunId, Wait]:
    return {wait.run_id: wait for wait in waits.open_at(tx, WaitKind.PUSH, branch.place.lease)}


def _answer(
    tx: Transaction, branch: Branch, waiting: Mapping[RunId, Wait], some: Sequence[Edit], text: str
) -> list[Run]:
    """Answer the waits of these edits' runs, and give the runs; the writer's own run does not wait."""
    at = branch.context.now()
    their_waits = [waiting[edit.run_id] for edit in some if edit.run_id in waiting]
    answered = [wait.run_id for wait in their_waits if waits.answer(tx, wait.id, text, at=at)]
    return list(runs.some(tx, answered).values()) if answered else []


def _wake(branch: Branch, woken: Sequence[Run]) -> None:
    for run in woken:
        branch.context.queue.enqueue_run(run)
