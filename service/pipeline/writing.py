"""Decides who writes to a branch: group commit by flat combining under the branch's lease.

A run inserts its edit and tries the lease. Who gets it has all pending edits written (service.pipeline.batch);
who does not, waits as a row. No hop when alone, one push when a hundred come.
"""

from __future__ import annotations

import time

from service.core.words import EditState, RunId, WaitKind
from service.errors import PermanentError, RetryableError
from service.pipeline.batch import OPEN, enqueue, write_batch
from service.pipeline.context import Context
from service.pipeline.manifest_place import Place
from service.pipeline.steps import Pause, Stale, is_ours, wait_for
from service.store import Transaction, edits, leases, waits
from service.store.edits import Edit
from service.store.runs import Run

LEASE_SECONDS = 30.0
HELD_FOR_OTHERS_SECONDS = 5.0
LARGEST_BATCH = 200


def write(context: Context, run: Run, place: Place) -> Edit:
    """Have the run's edit on the branch, by this process or by another that writes there now, and give it.

    Raises Pause when another writes there, PermanentError when the edit is refused, RetryableError
    when the repository does not answer.
    """
    with context.store.begin() as tx:
        edit = edits.ensure(
            tx,
            run_id=run.id,
            repository=place.repository,
            branch=place.branch,
            application=run.application,
            environment=run.environment,
            at=context.now().replace(microsecond=0),
        )
    if edit.state in OPEN:
        _become_writer(context, run, place)
        try:
            _drain(context, run, place)
        finally:
            with context.store.begin() as tx:
                leases.release(tx, place.lease, _holder(context, run))
        edit = _settled(context, run)
    if edit.state is EditState.REFUSED:
        raise PermanentError(edit.message, code=edit.code or "edit-refused", repository=place.repository)
    return edit


def _holder(context: Context, run: Run) -> str:
    return f"{context.holder}/{run.id}"


def _become_writer(context: Context, run: Run, place: Place) -> None:
    """Take the branch's lease, or write the wait in the same transaction, so that no wake-up is lost."""
    with context.store.begin() as tx:
        holder = _holder(context, run)
        if leases.acquire(tx, place.lease, holder, now=context.now(), seconds=LEASE_SECONDS):
            return
        if not is_ours(tx, run):
            raise Stale
        saw = f"another promotion is being written to {place.repository}@{place.branch}"
        wait = wait_for(context, run, WaitKind.PUSH, key=place.lease, subject=place.lease, saw=saw)
        waits.open_wait(tx, wait)
    raise Pause(wait, opened=True)


def _settled(context: Context, run: Run) -> Edit:
    with context.store.read() as tx:
        edit = edits.of_run(tx, run.id)
    assert edit is not None  # noqa: S101 - ensured by write()
    if edit.state in OPEN:
        raise RetryableError("the edit is not written yet", code="edit-pending", retry_after=0.0)
    return edit


def _drain(context: Context, run: Run, place: Place) -> None:
    """Write all pending edits of the branch; after one's own and some seconds, leave the rest to the next waiter."""
    manifests = context.outside.manifests.open(place.repository)
    started = time.monotonic()
    while True:
        heir: RunId | None = None
        with context.store.begin() as tx:
            if not leases.acquire(tx, place.lease, _holder(context, run), now=context.now(), seconds=LEASE_SECONDS):
                return
            pending = edits.open_at(tx, place.repository, place.branch)
            own_is_done = all(edit.run_id != run.id for edit in pending)
            late = own_is_done and time.monotonic() - started > HELD_FOR_OTHERS_SECONDS
            if not pending or late:
                leases.release(tx, place.lease, _holder(context, run))
                heir = wake_next(tx, context, place.lease) if pending else None
        if heir is not None:
            enqueue(context, heir)
        if not pending or late:
            return
        write_batch(context, manifests, place, pending[:LARGEST_BATCH])


def wake_next(tx: Transaction, context: Context, lease: str) -> RunId | None:
    """Answer the oldest wait for a branch's lease; give its run, to be enqueued after the transaction."""
    waiting = waits.open_at(tx, WaitKind.PUSH, lease)
    if waiting and waits.answer(tx, waiting[0].id, "your turn", at=context.now()):
        return waiting[0].run_id
    return None
