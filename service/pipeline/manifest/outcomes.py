"""Settles edits: what is written, refused or goes on as a pull request, and the runs that wait for it.

Called by who writes to a branch. An edit is settled once; whoever comes later, with older knowledge, changes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from service.core.values import Rewrite
from service.core.words import EditState, Publish, RunId, Sha, WaitKind
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.manifest.branch_lease import Holding
from service.pipeline.manifest.place import Place, place_of
from service.ports import Manifests
from service.store import Transaction, edits, runs, waits
from service.store.edits import Edit
from service.store.waits import Wait

JUST_NOW = timedelta(seconds=10)

OPEN = frozenset({EditState.PENDING, EditState.PUSHING})
"""The states of an edit that is still to be written."""


@dataclass(frozen=True, slots=True)
class Branch:
    """A branch that this worker may write to now: its repository, and the lease that says so."""

    context: Context
    manifests: Manifests
    place: Place
    holding: Holding

    def pending(self, tx: Transaction) -> list[Edit]:
        """List all that is to be written there, first accepted first."""
        return edits.open_at(tx, self.place.repository, self.place.branch)

    def only(self, some: Iterable[Edit]) -> Callable[[Transaction], list[Edit]]:
        """Give a way to list some of that, as they stand by then."""
        wanted = {edit.run_id for edit in some}
        return lambda tx: [edit for edit in self.pending(tx) if edit.run_id in wanted]


@dataclass(frozen=True, slots=True)
class Made:
    """A commit made for an edit, not pushed yet; `commit` is the parent where there was nothing to change."""

    edit: Edit
    commit: Sha
    rewrite: Rewrite


def about_to_write(branch: Branch) -> bool:
    """Tell whether another run that was accepted just now is on its way to this branch and has no edit yet."""
    context = branch.context
    with context.store.read() as tx:
        under_way = edits.expected_soon(tx, since=context.now() - JUST_NOW)
    return any(_writes_to(branch, *run) for run in under_way)


def _writes_to(branch: Branch, application: str, environment: str, configuration: Sha) -> bool:
    try:
        target = branch.context.configurations.at(configuration).target(application, environment)
        return (
            target is not None and target.publish is Publish.COMMIT and place_of(branch.context, target) == branch.place
        )
    except MergeportError:
        return False


def publish(branch: Branch, tip: Sha, made: Sequence[Made]) -> None:
    """Mark what a push has brought onto the branch, and wake its runs."""
    with branch.context.store.begin() as tx:
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
            _answer(tx, branch, waiting, one.edit.run_id, "written")
    _wake(branch, [one.edit for one in made])


def found(branch: Branch, edit: Edit, commit: Sha) -> None:
    """Mark an edit whose commit is on the branch by an earlier push, of which nobody had heard."""
    diff = branch.manifests.diff(commit)
    with branch.context.store.begin() as tx:
        base = edit.expected if commit == edit.commit else None
        edits.settle(tx, edit.run_id, state=EditState.PUBLISHED, commit=commit, base=base, diff=diff, message="")
        _answer(tx, branch, _waiting(tx, branch), edit.run_id, "written")
    _wake(branch, [edit])


def refuse(branch: Branch, some: Sequence[Edit], error: MergeportError) -> None:
    """Fail these edits, and no others, with the error's words."""
    with branch.context.store.begin() as tx:
        branch.holding.keep(tx)
        waiting = _waiting(tx, branch)
        for edit in some:
            edits.settle(tx, edit.run_id, state=EditState.REFUSED, message=str(error), code=error.code)
            _answer(tx, branch, waiting, edit.run_id, "refused")
    _wake(branch, some)


def turn(branch: Branch, edit: Edit, head: str, error: MergeportError) -> None:
    """Give the edit to the promotion branch `head`, where its run goes on with a pull request that says why."""
    with branch.context.store.begin() as tx:
        branch.holding.keep(tx)
        edits.settle(
            tx, edit.run_id, branch=head, state=EditState.PENDING, expected=None, commit=None, changes=None,
            message=error.message, code=error.code,
        )  # fmt: skip
        _answer(tx, branch, _waiting(tx, branch), edit.run_id, "refused")
    _wake(branch, [edit])


def enqueue(context: Context, run_id: RunId) -> None:
    """Hand a run to the engine."""
    with context.store.read() as tx:
        run = runs.get(tx, run_id)
    if run is not None:
        context.queue.enqueue_run(run)


def _waiting(tx: Transaction, branch: Branch) -> Mapping[RunId, Wait]:
    return {wait.run_id: wait for wait in waits.open_at(tx, WaitKind.PUSH, branch.place.lease)}


def _answer(tx: Transaction, branch: Branch, waiting: Mapping[RunId, Wait], run_id: RunId, text: str) -> None:
    if run_id in waiting:
        waits.answer(tx, waiting[run_id].id, text, at=branch.context.now())


def _wake(branch: Branch, some: Sequence[Edit]) -> None:
    for edit in some:
        enqueue(branch.context, edit.run_id)
