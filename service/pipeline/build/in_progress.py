"""Ends runs whose image is still being made when a newer merge comes, where `cancel_in_progress` says so.

Called by the build stage. The newer run wakes the earlier ones; each then judges whether it is older, and ends
as superseded. Its build is cancelled because nobody wants it any more, unless another run shares it.
"""

from __future__ import annotations

from service.pipeline.manifest.order import yield_to_later
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.runs.claim import Claim
from service.store import waits


def give_way(claim: Claim) -> None:
    """End the run where a newer one has come, and let those that it is newer than know; Superseded ends it."""
    if not claim.target.cancel_in_progress:
        return
    yield_to_later(claim)
    now = claim.context.now()
    with claim.context.store.read() as tx:
        earlier = waits.of_builds_before(tx, claim.run)
    for wait in earlier:
        with claim.context.store.begin() as tx:
            woken = waits.answer(tx, wait.id, "a newer merge came", at=now)
        if woken:
            enqueue(claim.context, wait.run_id)
