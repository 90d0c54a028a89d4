"""Closes a pull request that an alias has left: it named another version, and names again what the base has already.

Called by the promotion of a run that finds nothing to change. Without this, a person could merge a version that the
alias does not name any more. Where an alias feeds nothing, older pull requests are none of its business.
"""

from __future__ import annotations

from service.core.models import NEWEST
from service.pipeline.manifest.place import Place
from service.pipeline.promote.closing import close_in_words
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import Claim
from service.store import pull_request_runs


def close_what_the_alias_left(claim: Claim, place: Place, head: Place) -> None:
    """Close the open pull request of a version that the alias named before; harmless when repeated."""
    model, context = claim.target.model, claim.context
    if model is None or claim.run.rollback is not None or model.alias in {"", NEWEST}:
        return
    known = context.outside.manifest_forge.find_pull_request(place.repository, head=head.branch, base=place.branch)
    if known is None:
        return
    words = f"{model.alias} names {claim.run.commit} again, which {place.branch} has already"
    with context.store.begin() as tx:
        others = pull_request_runs.others_on(tx, claim.run, known.number)
        transitions.supersede(tx, others, words, by=claim.run.id, at=context.now())
    close_in_words(context, place.repository, known.number, f"Overtaken: {words}.", run_id=claim.run.id)
