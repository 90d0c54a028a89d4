"""Actions: everything that people can ask for. Each action is kept in the audit.

Called by the command line; pages, an API and comments can call the same functions. An action on runs writes rows in the
caller's transaction, and the worker acts on them. An action on the state makes a commit in the manifest repository.
None decides who may ask.
"""

from service.pipeline.actions.on_approvals import approve
from service.pipeline.actions.on_promotions import Done, planned, promote
from service.pipeline.actions.on_releases import GoingBack, plan_rollback, rollback
from service.pipeline.actions.on_runs import cancel, replay, retry
from service.pipeline.actions.on_state import (
    Asked,
    Listed,
    Outcome,
    accept,
    block,
    hold,
    listed,
    lock,
    unblock,
    unhold,
    unlock,
)
from service.pipeline.promote.rolling_back import Plan

__all__ = [
    "Asked",
    "Done",
    "GoingBack",
    "Listed",
    "Outcome",
    "Plan",
    "accept",
    "approve",
    "block",
    "cancel",
    "hold",
    "listed",
    "lock",
    "plan_rollback",
    "planned",
    "promote",
    "replay",
    "retry",
    "rollback",
    "unblock",
    "unhold",
    "unlock",
]
