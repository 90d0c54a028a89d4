"""Sets a commit's status for environments that its branch feeds but in which nothing is to be deployed.

Called by intake in the transaction of the change. Where a run shares the status, the run's words stay.
"""

from __future__ import annotations

from service.core.messages import status_description
from service.core.routing import Routing
from service.core.words import DeliveryId
from service.ports import CommitState
from service.store import Transaction, reports, runs
from service.store.changes import Change


def want_refusals(tx: Transaction, change: Change, routing: Routing, delivery: DeliveryId) -> None:
    """Set the status of each environment in which nothing starts, with the reason."""
    for environment, reasons in _by_environment(routing).items():
        context = f"mergeport/{environment}"
        reports.hold(tx, change.repository, change.commit, context)
        if runs.of_commit(tx, change.repository, change.commit, environment):
            continue
        words = reasons[0] if len(reasons) == 1 else f"none of {len(reasons)} applications has anything to deploy"
        reports.want(
            tx,
            repository=change.repository,
            commit=change.commit,
            context=context,
            run_id="",
            state=CommitState.SUCCESS,
            description=status_description(words),
            url=f"/deliveries/{delivery}",
        )


def _by_environment(routing: Routing) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for application, environment, reason in routing.refused:
        found.setdefault(environment, []).append(f"nothing to deploy: {application}: {reason}")
    for application, environment in routing.off:
        found.setdefault(environment, []).append(f"nothing to deploy: {application} is switched off here")
    return found
