"""Tells a branch that was moved back to a commit whose runs are there already: its runs are a new generation.

Called by intake. Whether the push was forced says little: a branch may be deleted and made again, or go forward again
after it was forced back. So the rows tell whether another commit came since, and the forge where the branch is now;
a delivery that comes late, or twice by two webhooks, moves nothing.
"""

from __future__ import annotations

from service.core.changes import Push
from service.core.config import Target
from service.pipeline.context import Context
from service.store import Transaction, changes, run_order, runs
from service.store.changes import Change


def is_moved_back(context: Context, push: Push) -> bool:
    """Tell whether the push moved the branch back to an earlier commit of it, and the branch is still there."""
    with context.store.read() as tx:
        known = changes.find(tx, push.repository, push.branch, push.after)
        if known is None or not run_order.is_followed(tx, known.repository, known.branch, known.commit):
            return False
    return context.outside.forge.head(push.repository, push.branch) == push.after


def generation_of(tx: Transaction, change: Change, target: Target) -> int:
    """Give the generation of the change's run: a new one if the branch's newest run is of another commit."""
    place = (target.application, target.environment)
    newest = run_order.newest_of_branch(tx, change.repository, change.branch, *place)
    if newest is None or newest.commit == change.commit:
        return 0
    return runs.generation_after(tx, change.repository, change.branch, change.commit, *place)
