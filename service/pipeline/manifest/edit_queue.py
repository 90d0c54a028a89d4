"""Decides who writes to a branch: group commit by flat combining under the branch's lease.

A run inserts its edit and tries to get the lease. If it gets the lease, it writes all pending edits, through
refused_pushes.py; otherwise it waits as a row. A single run writes at once, and a hundred runs share one push.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from service.core.changes import PROMOTION_BRANCHES
from service.core.words import EditState, RunId, WaitKind
from service.errors import PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.branch_lease import LEASE_SECONDS, Holding
from service.pipeline.manifest.collect import LARGEST_PUSH, OPEN, Branch
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.manifest.place import Place
from service.pipeline.manifest.refused_pushes import write_pending
from service.pipeline.runs.looks import Answers
from service.pipeline.runs.steps import Cancelled, Pause, Stale, is_ours, wait_for
from service.store import Transaction, edits, leases, pushes, runs, waits
from service.store.edits import Edit
from service.store.pauses import from_ahead
from service.store.runs import Run

HELD_FOR_OTHERS_SECONDS = 5.0


def write(context: Context, run: Run, place: Place, *, window: timedelta = timedelta(0)) -> Edit:
    """Bring the run's edit onto the branch, through this process or another that writes there now, and give it.

    It is published, overtaken or unordered then. One that the branch refuses for good and that goes on as a pull
    request has another branch than `place`. Raises Pause when another writes there or the window is not over,
    PermanentError when the edit is refused, Cancelled when the run was meanwhile, RetryableError when the repository
    does not answer.
    """
    edit = _begin(context, run, place, window)
    if _is_open(edit, place):
        with Holding(context, place.lease, _holder(context, run)) as holding:
            edit = _settled(_drain(context, run, place, holding, window), place)
    if edit.state is EditState.REFUSED:
        _raise_refusal(context, edit)
    return edit


def _holder(context: Context, run: Run) -> str:
    return f"{context.holder}/{run.id}"


def _is_open(edit: Edit, place: Place) -> bool:
    return edit.state in OPEN and edit.branch == place.branch


def _is_left_behind(edit: Edit, place: Place) -> bool:
    """Tell whether the edit was meant for a branch that was renamed since; its commits are known and searched for."""
    elsewhere = edit.branch != place.branch and not edit.branch.startswith(PROMOTION_BRANCHES)
    return edit.state in OPEN and elsewhere


def _begin(context: Context, run: Run, place: Place, window: timedelta) -> Edit:
    """Insert the edit and take the lease or open a wait, in one transaction, so that no wake-up is lost.

    The lease's row stays locked meanwhile, so the writer sees a branch's edits in the order of their insertion.
    """
    with context.store.begin() as tx:
        ours = leases.acquire(tx, place.lease, _holder(context, run), now=context.now(), seconds=LEASE_SECONDS)
        if ours:
            pushes.begin(tx, place.repository, place.lease, _holder(context, run))
        edit = edits.ensure(
            tx,
            run_id=run.id,
            repository=place.repository,
            branch=place.branch,
            application=run.application,
            environment=run.environment,
            at=context.now(),
        )
        if _is_left_behind(edit, place):
            edits.settle(tx, run.id, branch=place.branch, state=EditState.PENDING, expected=None, commit=None)
            edit = edits.of_run(tx, run.id) or edit
        pause = _pause(tx, context, run, place, window, ours=ours) if _is_open(edit, place) else None
        if ours and (pause is not None or not _is_open(edit, place)):
            leases.release(tx, place.lease, _holder(context, run))
    if pause is not None:
        raise pause
    return edit


def _pause(tx: Transaction, context: Context, run: Run, place: Place, window: timedelta, *, ours: bool) -> Pause | None:
    """Open the run's wait, because another run writes or the window of the first pending edit is not over."""
    pending = edits.open_at(tx, place.repository, place.branch) if window else []
    until = _closes(context, pending, window) if pending else context.now()
    gathers = until > context.now() and len(pending) < LARGEST_PUSH
    if ours and not gathers:
        return None
    if not is_ours(tx, run):
        raise Stale
    branch = f"{place.repository}@{place.branch}"
    saw = f"gathers promotions to {branch} until {until:%H:%M:%S} UTC"
    if not gathers:
        saw = f"another promotion is being written to {branch}"
    wait = wait_for(context, run, WaitKind.PUSH, key=place.lease, subject=place.lease, saw=saw)
    wait = replace(wait, deadline=until if gathers else None)
    waits.open_wait(tx, wait)
    return Pause(wait, opened=True)


def _closes(context: Context, pending: Sequence[Edit], window: timedelta) -> datetime:
    """Tell when the window ends: at once if the clock that opened it was ahead."""
    now, opened = context.now(), min(edit.at for edit in pending)
    return now if from_ahead(opened, now) else opened + window


def _settled(edit: Edit, place: Place) -> Edit:
    if _is_open(edit, place):
        raise RetryableError("the edit is not written yet", code="edit-pending", retry_after=0.0)
    return edit


def _raise_refusal(context: Context, edit: Edit) -> None:
    with context.store.read() as tx:
        run = runs.get(tx, edit.run_id)
    if run is not None and run.cancel_requested_by is not None:
        raise Cancelled(f"cancelled by {run.cancel_requested_by}")
    raise PermanentError(edit.message, code=edit.code or "edit-refused", repository=edit.repository)


def _drain(context: Context, run: Run, place: Place, holding: Holding, window: timedelta) -> Edit:
    """Write all pending edits of the branch. After its own edit and some seconds, leave the rest to the next waiter.

    Edits that come while others are written wait for their own window, if they have one. Gives the run's own edit as it
    stands then.
    """
    branch = Branch(context, context.outside.manifests.open(place.repository), place, holding)
    started = time.monotonic()
    while True:
        write_pending(branch)
        if holding.given_up:
            return _written(context, run)
        heir: RunId | None = None
        with context.store.begin() as tx:
            holding.keep(tx)
            pending = branch.pending(tx)
            own_is_done = all(edit.run_id != run.id for edit in pending)
            late = own_is_done and time.monotonic() - started > HELD_FOR_OTHERS_SECONDS
            gathers = bool(own_is_done and pending and window) and context.now() < _closes(context, pending, window)
            done = not pending or late or gathers
            if done:
                holding.release(tx)
                heir = wake_next(tx, context, place.lease) if pending else None
            edit = edits.of_run(tx, run.id)
        assert edit is not None  # noqa: S101 - ensured by write()
        if done:
            holding.is_released()
        if heir is not None:
            enqueue(context, heir)
        if done:
            return edit


def _written(context: Context, run: Run) -> Edit:
    with context.store.read() as tx:
        edit = edits.of_run(tx, run.id)
    assert edit is not None  # noqa: S101 - ensured by write()
    return edit


def wake_next(tx: Transaction, context: Context, lease: str) -> RunId | None:
    """Answer the oldest wait for a branch's lease; give its run, to be enqueued after the transaction.

    A run that waits for the end of its window is left alone until then.
    """
    for wait in waits.open_at(tx, WaitKind.PUSH, lease):
        if wait.deadline is None or wait.deadline <= context.now():
            return wait.run_id if waits.answer(tx, wait.id, "your turn", at=context.now()) else None
    return None


def look_at_push(context: Context, key: str) -> Answers:
    """Wake the oldest waiter if nobody holds the branch's lease, because its writer may have died."""
    with context.store.begin() as tx:
        if leases.holder(tx, key, now=context.now()) is not None:
            return {}
        woken = wake_next(tx, context, key)
    if woken is not None:
        enqueue(context, woken)
    return {}
