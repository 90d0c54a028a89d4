"""Whether a run has a place in the configuration in force still: it may have waited since long before.

Called before whatever writes: the first write of a run, the push that carries its edit, and a pull request that is
made anew. Asks the store alone, and never decides how something is written.
"""

from __future__ import annotations

from service.core.config import Configuration, Target
from service.core.config.patterns import matches
from service.core.routing import fed_by
from service.core.words import Sha
from service.errors import NotFoundError
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Cancelled


def target_in_force(claim: Claim, current: Configuration | None = None) -> tuple[Sha, Target]:
    """Give the commit of the configuration in force and the run's target in it; Cancelled if the target is gone.

    A broken configuration changes nothing, because the last good one stays in force. `current` is that one, if it was
    read already.
    """
    run, current = claim.run, current or claim.context.configurations.current()
    if current.commit == run.configuration_commit:
        return run.configuration_commit, claim.target
    try:
        target = current.target(run.application, run.environment)
    except NotFoundError:
        target = None
    at = f"as of the configuration at {current.commit[:12]}"
    if target is None:
        raise Cancelled(f"{run.application} is not in {run.environment} any more, {at}")
    if target.source != run.repository or not _is_fed(claim, target):
        before = fed_by(claim.target) if claim.target.upstream else run.branch
        raise Cancelled(f"{run.environment} takes {fed_by(target)} of {target.source} now, not {before}, {at}")
    return Sha(current.commit), target


def _is_fed(claim: Claim, target: Target) -> bool:
    """Tell whether what brought the run still feeds its target: its branch, or one of the environments upstream."""
    if target.upstream is None:
        return matches(target.branch, claim.run.branch)
    before = claim.target.upstream
    return before is not None and not set(before.environments).isdisjoint(target.upstream.environments)
