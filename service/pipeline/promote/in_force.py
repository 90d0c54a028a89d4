"""Reads the configuration in force once more before a run's first write: it may have changed while the run waited.

Called by the promote stage. A run that has nowhere to go any more is cancelled. One whose images stay as they are is
written as is configured now; one whose images would be others now keeps its own target.
"""

from __future__ import annotations

from service.core.config import Target
from service.core.words import Stage
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import step
from service.pipeline.runs.still_wanted import target_in_force
from service.store import edits, judgements


def take_in_force(claim: Claim) -> None:
    """Move the run to the configuration in force; Cancelled if its target is not in there.

    Nothing changes once the run has asked for a write, because its outcome must be looked up in the same place.
    """
    run = claim.run
    if run.pull_request is not None:
        return
    commit, target = target_in_force(claim)
    if target == claim.target or _images(target) != _images(claim.target):
        return
    with claim.context.store.read() as tx:
        if edits.of_run(tx, run.id) is not None:
            return
    with step(claim, "take the configuration in force", Stage.PROMOTE) as record:
        claim.note(configuration_commit=commit)
        claim.found = target
        if not target.gates:
            with claim.context.store.begin() as tx:
                judgements.forget(tx, [run.id])
        record.message = f"{commit[:12]} changes where or how the images are written"


def _images(target: Target) -> list[tuple[str, str, str, str]]:
    """Give all of a target's images but who builds them."""
    return [(one.name, one.registry_host, one.repository, one.tag) for one in target.artifacts]
