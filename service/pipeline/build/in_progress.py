"""Ends runs whose image is still being made when a newer merge comes, where `cancel_in_progress` says so.

Called by the build stage. The newer run wakes the earlier ones; each then judges whether it is older, and ends
as superseded. Its build is cancelled because nobody wants it any more, unless another run shares it.
"""

from __future__ import annotations

from service.pipeline.manifest.order import yield_to_later
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.runs.claim import Claim
from service.store import runs, waits


def give_way(claim: Claim) -> None:
    """End the run where a newer one has come, and let those that it is newer than know; Superseded ends it."""
    if not claim.target.cancel_in_progress:
        return
    yield_to_later(claim)
    now = claim.context.now()
    with claim.context.store.read() as tx:
        earlier = runs.building_before(tx, claim.run)
    for run in earlier:
        with claim.context.store.begin() as tx:
            wait = waits.open_of_run(tx, run.id)
            woken = wait is not None and waits.answer(tx, wait.id, "a newer merge came", at=now)
        if woken:
            enqueue(claim.context, run.id)
