"""Reads the configuration in force once more before a run's first write: it may have changed while the run waited.

Called by the promote stage. A run that has nowhere to go any more is cancelled. One whose images stay as they are is
written as is configured now; one whose images would be others now keeps its own target. A broken configuration changes
nothing: the last good one is in force.
"""

from __future__ import annotations

from service.core.config import Target
from service.core.config.patterns import matches
from service.core.words import Sha, Stage
from service.errors import NotFoundError
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Cancelled, step
from service.store import edits


def take_in_force(claim: Claim) -> None:
    """Bring the run to the configuration in force; Cancelled where it has no place there.

    Nothing changes once the run has asked for a write: what became of that is looked up where it was asked for.
    """
    current = claim.context.configurations.current()
    run = claim.run
    if current.commit == run.configuration_commit or run.pull_request is not None:
        return
    try:
        target = current.target(run.application, run.environment)
    except NotFoundError:
        target = None
    at = f"as of {current.commit[:12]} of the configuration"
    if target is None:
        raise Cancelled(f"{run.application} is not in {run.environment} any more, {at}")
    if target.source != run.repository or not matches(target.branch, run.branch):
        raise Cancelled(f"{run.environment} takes {target.branch} of {target.source} now, not {run.branch}, {at}")
    with claim.context.store.read() as tx:
        asked = edits.of_run(tx, run.id) is not None
    if target == claim.target or asked or _images(target) != _images(claim.target):
        return
    with step(claim, "take the configuration in force", Stage.PROMOTE) as record:
        claim.note(configuration_commit=Sha(current.commit))
        claim.found = target
        record.message = f"{current.commit[:12]} says otherwise where or how it is written"


def _images(target: Target) -> list[tuple[str, str, str, str]]:
    """Give what a target's images are, whoever builds them."""
    return [(one.name, one.registry_host, one.repository, one.tag) for one in target.images]
