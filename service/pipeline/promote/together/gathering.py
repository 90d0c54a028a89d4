"""Lets a run that is ready wait a moment for others of its group that are about to come, so that all share one push.

Called before a run joins a shared pull request.
"""

from __future__ import annotations

from datetime import timedelta

from service.core.words import WaitKind
from service.pipeline.manifest.place import shared_branch
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Pause, wait_for
from service.store import pull_request_runs
from service.store.edits import Edit

GATHERING = timedelta(seconds=5)
"""How long a run waits at most for others."""
RECENT = timedelta(minutes=1)


def gather(claim: Claim, edit: Edit) -> None:
    """Raise Pause for a moment while other runs of the group are about to come."""
    context, now = claim.context, claim.context.now()
    if not timedelta(0) <= now - edit.at < GATHERING:
        return
    branch = shared_branch(claim.target)
    names = {one.application for one in context.configurations.current().targets() if shared_branch(one) == branch}
    with context.store.read() as tx:
        more = pull_request_runs.coming(tx, claim.run.environment, names, since=now - RECENT)
    if more:
        wait = wait_for(
            context, claim.run, WaitKind.RETRY, key="", subject="group-gathering",
            saw="waits a moment for others of its group", not_before=now + timedelta(seconds=1),
        )  # fmt: skip
        raise Pause(wait)
