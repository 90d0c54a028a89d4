"""Transitions: every change of a run's state, each in one place, with the status that it makes wanted.

Called by intake, by the stages through `advance`, by the sweeper and by what people ask for, always inside the
caller's transaction. Nothing else writes a run's state (but a wait's answer, which queues its run again). Never calls
out: the outbox of reports is sent by its own loop.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from service.core.image_origin import handed_on
from service.core.step_back import StepBack
from service.core.words import ChangeId, Repository, RunId, RunState, Sha, Stage, WaitKind, WaitOutcome
from service.pipeline.reports.statuses import want_status, want_statuses
from service.store import Transaction, edits, runs, successions, waits
from service.store.ids import new_id
from service.store.runs import Run
from service.store.waits import Wait

MOST_UNDER_WAY = 1_000
_UNDER_WAY = frozenset({RunState.QUEUED, RunState.RUNNING})


@dataclass(frozen=True, slots=True)
class Wish:
    """The run that somebody wants: one change of one application going to one environment."""

    change_id: ChangeId
    repository: Repository
    branch: str
    commit: Sha
    application: str
    environment: str
    generation: int
    configuration_commit: Sha
    rebuild: bool = False
    asked_by: str = ""
    asked_id: str = ""


def accept(tx: Transaction, wish: Wish, *, at: datetime) -> Run | None:
    """Queue a new run; None when the same one is there already."""
    run_id = RunId(new_id())
    return _told_again(tx, run_id) if _accept(tx, run_id, wish, at=at) else None


def _accept(tx: Transaction, run_id: RunId, wish: Wish, *, at: datetime) -> bool:
    return runs.accept(
        tx, id=run_id, change_id=wish.change_id, repository=wish.repository, branch=wish.branch, commit=wish.commit,
        application=wish.application, environment=wish.environment, generation=wish.generation,
        configuration_commit=wish.configuration_commit, rebuild=wish.rebuild, asked_by=wish.asked_by,
        asked_id=wish.asked_id, at=at,
    )  # fmt: skip


def accept_again(tx: Transaction, old: Run, *, at: datetime) -> Run | None:
    """Queue the next generation of an ended run from where it was: at stage promote, with its images and pull request.

    None if there is one already.
    """
    run_id = RunId(new_id())
    new = runs.accept(
        tx, id=run_id, change_id=old.change_id, repository=old.repository, branch=old.branch, commit=old.commit,
        application=old.application, environment=old.environment, generation=old.generation + 1,
        configuration_commit=old.configuration_commit, asked_by=old.asked_by, at=at,
    )  # fmt: skip
    if not new:
        return None
    runs.update(
        tx, run_id, at=at, stage=Stage.PROMOTE, images=handed_on(old.images, old.id), pull_request=old.pull_request,
        pull_request_url=old.pull_request_url, rollback=old.rollback, carried=old.carried,
    )  # fmt: skip
    edits.hand_on(tx, old.id, run_id)
    return _told_again(tx, run_id)


def accept_anew(
    tx: Transaction, old: Run, *, configuration_commit: Sha, at: datetime, rebuild: bool = False,
    asked_by: str = "", asked_id: str = "",
) -> Run | None:  # fmt: skip
    """Queue the next generation of an ended run from its beginning; None if there is one already.

    `rebuild`: its images are built although they are there. One that goes back begins with its images.
    """
    wish = Wish(
        change_id=old.change_id, repository=old.repository, branch=old.branch, commit=old.commit,
        application=old.application, environment=old.environment, generation=runs.next_generation(tx, old),
        configuration_commit=configuration_commit, rebuild=rebuild, asked_by=asked_by or old.asked_by,
        asked_id=asked_id,
    )  # fmt: skip
    back = StepBack.read(old.rollback)
    if back is not None:
        return accept_back(tx, wish, handed_on(old.images, old.id), back, carried=old.carried, at=at)
    new = accept(tx, wish, at=at)
    if new is not None and old.carried is not None:
        runs.update(tx, new.id, at=at, carried=old.carried)
    return new


def accept_released(
    tx: Transaction, released: Run, wish: Wish, *, carried: dict[str, Any] | None = None, at: datetime
) -> Run | None:
    """Queue a run that promotes what another run has released, at stage promote; None if there is one already."""
    run_id = RunId(new_id())
    if not _accept(tx, run_id, wish, at=at):
        return None
    images = handed_on(released.images, released.id)
    runs.update(tx, run_id, at=at, stage=Stage.PROMOTE, images=images, carried=carried)
    return _told_again(tx, run_id)


def accept_back(
    tx: Transaction,
    wish: Wish,
    images: dict[str, dict[str, Any]],
    back: StepBack,
    *,
    carried: dict[str, Any] | None = None,
    at: datetime,
) -> Run | None:
    """Queue a run that goes back to a former release, at stage promote; None if the same one is there already.

    What is under way there ends in its favour, whatever it waits for. `carried` goes back with it.
    """
    run_id = RunId(new_id())
    if not _accept(tx, run_id, wish, at=at):
        return None
    runs.update(tx, run_id, at=at, stage=Stage.PROMOTE, images=images, rollback=back.stored(), carried=carried)
    under_way = runs.newest(
        tx, limit=MOST_UNDER_WAY, application=wish.application, environment=wish.environment,
        states=[state for state in RunState if not state.ended],
    )  # fmt: skip
    supersede(tx, (run for run in under_way if run.id != run_id), back.words, by=run_id, at=at)
    return _told_again(tx, run_id)


def restore(
    tx: Transaction, run_id: RunId, wish: Wish, *, images: dict[str, dict[str, Any]], manifest_commit: Sha, at: datetime
) -> Run | None:
    """Keep a run again that succeeded before the database was lost; None if it is there. Its status is not set anew."""
    if not _accept(tx, run_id, wish, at=at):
        return None
    runs.update(
        tx, run_id, at=at, state=RunState.SUCCEEDED, stage=Stage.DEPLOY, images=images, manifest_commit=manifest_commit,
        message="live before the database was lost, as the manifest repository tells", ended_at=at,
    )  # fmt: skip
    return runs.get(tx, run_id)


def begin(tx: Transaction, run_id: RunId, workflow_id: str, *, at: datetime) -> Run | None:
    """Let a workflow begin to work on the run; None if the run is not its own, or has ended."""
    run = runs.hold(tx, run_id)
    if run is None or run.workflow_id != workflow_id or run.state not in _UNDER_WAY:
        return None
    runs.update(tx, run_id, at=at, state=RunState.RUNNING)
    run = replace(run, state=RunState.RUNNING, updated_at=at)
    want_status(tx, run)
    return run


def rest(tx: Transaction, wait: Wait, *, at: datetime, opened: bool = False, patient: bool = False) -> None:
    """Let the run wait; `opened` says that the wait was written before.

    A cancelled run is woken at once so that it ends, unless it is `patient`: then its ending itself is being retried.
    """
    if not opened:
        waits.open_wait(tx, wait)
    run = runs.get(tx, wait.run_id)
    if run is None:
        return
    if wait.kind is not WaitKind.RETRY and (run.resumes or run.shared_deaths):
        runs.update(tx, wait.run_id, at=at, resumes=0, shared_deaths=0)
    want_status(tx, run)
    if run.cancel_requested_by is not None and not patient:
        waits.answer(tx, wait.id, "cancelled", at=at, outcome=WaitOutcome.CANCELLED)


def resume(tx: Transaction, wait: Wait, *, at: datetime) -> Run | None:
    """Queue a run that lost its worker under a new workflow, which answers `wait`."""
    waits.open_wait(tx, wait)
    waits.answer(tx, wait.id, "resumed", at=at, outcome=WaitOutcome.RESUMED)
    return runs.get(tx, wait.run_id)


def end(
    tx: Transaction,
    run_id: RunId,
    state: RunState,
    message: str,
    *,
    at: datetime,
    code: str = "",
    superseded_by: RunId | None = None,
) -> Run | None:
    """End the run for good; None if it had ended before, which changes nothing."""
    if not runs.end(tx, run_id, state, message, at=at, code=code):
        return None
    if superseded_by is not None:
        runs.update(tx, run_id, at=at, superseded_by=superseded_by)
    return next(iter(_ended(tx, [run_id])), None)


def supersede(tx: Transaction, some: Iterable[Run], message: str, *, by: RunId, at: datetime) -> None:
    """End several runs in favour of another. All of them are ended before the first status is wanted."""
    ended: list[RunId] = []
    for run in some:
        if runs.end(tx, run.id, RunState.SUPERSEDED, message, at=at):
            runs.update(tx, run.id, at=at, superseded_by=by)
            ended.append(run.id)
    _ended(tx, ended)


def request_cancel(tx: Transaction, run: Run, *, by: str, at: datetime) -> None:
    """Mark that somebody wants the run cancelled, and wake it if it waits; it ends before its next step."""
    runs.update(tx, run.id, at=at, cancel_requested_by=by)
    wait = waits.open_of_run(tx, run.id)
    if wait is not None:
        waits.answer(tx, wait.id, "cancelled", at=at, outcome=WaitOutcome.CANCELLED)


def _told(tx: Transaction, run_id: RunId) -> Run | None:
    """Give the run as it is now, after setting its wanted status."""
    run = runs.get(tx, run_id)
    if run is not None:
        want_status(tx, run)
    return run


def _told_again(tx: Transaction, run_id: RunId) -> Run | None:
    """Give a new run after setting its wanted status; for a retry, also the statuses of the runs that it follows."""
    run = runs.get(tx, run_id)
    if run is not None and run.generation:
        want_statuses(tx, [run])
    elif run is not None:
        want_status(tx, run)
    return run


def _ended(tx: Transaction, run_ids: Iterable[RunId]) -> list[Run]:
    """Give runs that have just ended, after setting the wanted statuses of these and of the runs that they superseded.

    The runs that superseded them are locked meanwhile, because they could end unnoticed otherwise.
    """
    some = [run for run_id in run_ids if (run := runs.get(tx, run_id)) is not None]
    for run in some:
        if run.state is RunState.SUPERSEDED:
            successions.last_of_chain(tx, run, {}, held=True)
    want_statuses(tx, some)
    return some
