"""Actions on runs and deliveries: try again, cancel, process again. Each writes rows in the caller's transaction.

Called through the package. The worker acts on the rows.
"""

from __future__ import annotations

from datetime import datetime

from service.core.words import DeliveryId, DeliveryState, RunId
from service.errors import PermanentError
from service.pipeline.runs import transitions
from service.store import Transaction, audit, configurations, deliveries, run_order, runs
from service.store.deliveries import StoredDelivery
from service.store.runs import Run


def retry(
    tx: Transaction, run_id: RunId, *, by: str, at: datetime, rebuild: bool = False, asked_id: str = "",
    person: bool = True,
) -> Run:  # fmt: skip
    """Queue the next generation of a run that has ended, by the newest valid configuration.

    `rebuild`: its images are built although they are there. `by` is a `person`, or a part of ours.
    """
    old = _run(tx, run_id)
    if not old.state.ended:
        hint = f"it is {old.state}; `mergeport runs cancel {old.id}` stops it"
        raise PermanentError(f"Run {old.id} has not ended", code="run-not-ended", hint=hint)
    later = run_order.later(tx, old)
    # What was gone back from may be asked for again: the hold decides when it may go in.
    if later is not None and (later.rollback is None or old.rollback is not None):
        raise PermanentError(
            f"There is a later run of {old.application} in {old.environment}: {later.id}, {later.state}",
            code="run-outdated",
            hint="the later run counts; to go back, `mergeport rollback`",
        )
    good = configurations.last(tx, good=True)
    configuration_commit = good.commit if good else old.configuration_commit
    made = transitions.accept_anew(
        tx, old, configuration_commit=configuration_commit, at=at, rebuild=rebuild, asked_by=by if person else "",
        asked_id=asked_id,
    )  # fmt: skip
    if made is None:
        raise PermanentError(
            f"Run {old.id} is being retried already", code="run-outdated", hint="`mergeport runs list` shows it"
        )
    audit.record(tx, at=at, actor=by, action="rebuild" if rebuild else "retry", subject=old.id, detail=made.id)
    return made


def cancel(tx: Transaction, run_id: RunId, *, by: str, at: datetime) -> str:
    """Make a run stop before its next step, and give who asked for that first; what it has done already stays."""
    run = _run(tx, run_id)
    if run.state.ended:
        raise PermanentError(
            f"Run {run.id} has ended: {run.state}", code="run-ended", hint="only a run under way can be cancelled"
        )
    first = run.cancel_requested_by or by
    if run.cancel_requested_by is None:
        audit.record(tx, at=at, actor=by, action="cancel", subject=run.id)
    transitions.request_cancel(tx, run, by=first, at=at)
    return first


def replay(tx: Transaction, delivery_id: DeliveryId, *, by: str, at: datetime) -> StoredDelivery:
    """Let a delivery be processed again, by the current configuration; its runs are new ones."""
    found = deliveries.get(tx, delivery_id)
    assert found is not None  # noqa: S101 - looked up in this transaction
    if not deliveries.body(tx, found.id):
        raise _not_kept(found)
    if not deliveries.replay(tx, found.id):
        raise PermanentError(
            f"Delivery {found.id} is not processed yet", code="delivery-waiting", hint="the worker will take it"
        )
    audit.record(tx, at=at, actor=by, action="replay", subject=found.id)
    return found


def _run(tx: Transaction, run_id: RunId) -> Run:
    """Give the run, locked until the transaction ends."""
    run = runs.hold(tx, run_id)
    assert run is not None  # noqa: S101 - looked up in this transaction
    return run


def _not_kept(found: StoredDelivery) -> PermanentError:
    if found.state is DeliveryState.IGNORED:
        return PermanentError(
            f"Delivery {found.id} was ignored on arrival: {found.reason}",
            code="delivery-not-kept",
            hint="its body was not kept, because it could not start a run",
        )
    return PermanentError(
        f"The body of delivery {found.id} was deleted because of its age",
        code="delivery-not-kept",
        hint="MERGEPORT_KEEP_DELIVERIES sets how many days bodies are kept; `mergeport runs retry` needs no body",
    )
