"""Brings all pending edits onto a branch, and judges those that it refuses for good.

Called by who holds the branch's lease. That a branch takes no push is told by its state alone: nobody moved it, and it
still refuses. What a refusal says is never read. Before that is believed it is tried for some seconds, for there are
hooks that fail now and then; and in ever smaller parts, so that one edit that a hook refuses takes no other with it.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import structlog

from service.core.words import Protected
from service.errors import PermanentError
from service.pipeline.manifest.batch import bring
from service.pipeline.manifest.outcomes import Branch, refuse, turn
from service.pipeline.manifest.place import promotion_branch
from service.store import runs
from service.store.edits import Edit

QUICK_PUSHES = 3
"""Pushes of a whole batch before it is taken apart."""
PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds between the later pushes of what is refused alone: about six in all, and a little chance."""

log = structlog.get_logger()


def write_pending(branch: Branch) -> None:
    """Have everything that is pending on the branch, or refused, each edit by itself."""
    left = bring(branch, branch.pending, patience=QUICK_PUSHES, gathers=True)
    alone = _halve(branch, left) if len(left) > 1 else left
    for seconds in PAUSES:
        if not alone:
            return
        branch.context.pause(seconds * random.uniform(0.7, 1.3))  # noqa: S311 - jitter
        alone = _again(branch, alone, singly=len(alone) < len(left))
    for edit in alone:
        _judge(branch, edit)


def _halve(branch: Branch, group: Sequence[Edit]) -> list[Edit]:
    """Bring what can be brought of a group that was refused as a whole; give the edits that are refused alone.

    What follows one of those in the same application and environment stays behind it.
    """
    middle = len(group) // 2
    refused: list[Edit] = []
    for half in (group[:middle], group[middle:]):
        behind = {(edit.application, edit.environment) for edit in refused}
        free = [edit for edit in half if (edit.application, edit.environment) not in behind]
        refused += [edit for edit in half if edit not in free]
        if free:
            left = bring(branch, branch.only(free), patience=1)
            refused += _halve(branch, left) if len(left) > 1 else left
    return refused


def _again(branch: Branch, alone: Sequence[Edit], *, singly: bool) -> list[Edit]:
    """Try once more what was refused, together; one after the other as well where others of the batch were taken."""
    left = bring(branch, branch.only(alone), patience=1)
    if len(left) > 1 and singly:
        return _halve(branch, left)
    return left


def _judge(branch: Branch, edit: Edit) -> None:
    """Let the run end in words, or go on with a pull request, as its configuration says."""
    place = branch.place
    with branch.context.store.read() as tx:
        run = runs.get(tx, edit.run_id)
    target = None
    if run is not None:
        target = branch.context.configurations.at(run.configuration_commit).target(run.application, run.environment)
    error = PermanentError(
        f"{place.repository}@{place.branch} refuses the push, though nobody moved it",
        code="push-refused",
        hint="a hook or branch protection? Allow Mergeport to push there, or say `protected: pull-request`",
    )
    log.warning("push refused for good", repository=place.repository, branch=place.branch, run=edit.run_id)
    if target is not None and target.writing.protected is Protected.PULL_REQUEST:
        turn(branch, edit, promotion_branch(target), error)
    else:
        refuse(branch, [edit], error)
