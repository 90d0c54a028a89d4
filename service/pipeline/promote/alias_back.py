"""Takes back what an alias has left: it named another version, and names again what the base has already.

Called by the promotion of a run that finds nothing to change: its pull request is closed, or left where it is shared.
Without this, a person could merge a version that the alias does not name any more. What no alias feeds is left alone.
"""

from __future__ import annotations

from service.core.models import NEWEST
from service.core.words import RunState
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.manifest.place import Place
from service.pipeline.promote.closing import close_in_words
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import Claim
from service.store import pull_request_runs, runs


def close_what_the_alias_left(claim: Claim, place: Place, head: Place) -> None:
    """Close the open pull request of a version that the alias named before; harmless when repeated."""
    model, context = claim.target.model, claim.context
    if model is None or not _follows(claim):
        return
    known = context.outside.manifest_forge.find_pull_request(place.repository, head=head.branch, base=place.branch)
    if known is None:
        return
    words = f"{model.alias} names {claim.run.commit} again, which {place.branch} has already"
    with context.store.begin() as tx:
        others = pull_request_runs.others_on(tx, claim.run, known.number)
        transitions.supersede(tx, others, words, by=claim.run.id, at=context.now())
    close_in_words(context, place.repository, known.number, f"Overtaken: {words}.", run_id=claim.run.id)


def leave_what_the_alias_left(claim: Claim) -> None:
    """Cancel the runs of versions that the alias named before and that wait in a shared pull request."""
    if claim.target.model is None or not _follows(claim):
        return
    run, context = claim.run, claim.context
    with context.store.begin() as tx:
        waiting = runs.newest(tx, application=run.application, environment=run.environment, states=[RunState.WAITING])
        older = [one for one in waiting if one.pull_request is not None and one.sequence < run.sequence]
        for one in older:
            transitions.request_cancel(tx, one, by=f"the alias {claim.target.model.alias}", at=context.now())
    for one in older:
        enqueue(context, one.id)


def _follows(claim: Claim) -> bool:
    """Tell whether an alias decides what the run's target has; a step back of our own follows none."""
    model = claim.target.model
    return model is not None and claim.run.rollback is None and model.alias not in {"", NEWEST}
