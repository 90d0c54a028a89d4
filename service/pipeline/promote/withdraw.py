"""Closes the pull request of a run that somebody cancels, so that it cannot be merged by mistake.

Called by `advance` before such a run ends. It leaves a pull request as it is if it is merged or another run has taken
it over.
"""

from __future__ import annotations

from service.core.words import Sha
from service.pipeline.manifest.place import Place, head_branch, is_shared, place_of
from service.pipeline.promote.closing import close_in_words
from service.pipeline.promote.promotion_branch import alone_at, is_last_pusher
from service.pipeline.promote.together.shared_pull_request import withdraw_from
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Cancelled
from service.ports import PullRequest
from service.store import edits


def withdraw(claim: Claim, cancelled: Cancelled) -> Cancelled:
    """Close the run's pull request if it is open and still this run's; give the words that the run ends with.

    RetryableError if the forge does not answer, because the run ends only once the pull request is closed.
    """
    place = place_of(claim.context, claim.target)
    head = Place(place.repository, head_branch(claim.run, claim.target))
    found = _open(claim, place, head)
    if found is None:
        return cancelled
    if is_shared(head.branch) and withdraw_from(claim, head) is not None:
        return Cancelled(f"{cancelled}; pull request #{found.number} goes on without it")
    with alone_at(claim, head):
        if not is_shared(head.branch) and not is_last_pusher(claim, head):
            return cancelled
        close_in_words(
            claim.context, place.repository, found.number, f"Its run has ended: {cancelled}.", run_id=claim.run.id
        )
    return Cancelled(f"{cancelled}; pull request #{found.number} was closed", code="pull-request-closed")


def _open(claim: Claim, place: Place, head: Place) -> PullRequest | None:
    """Find the run's open pull request, even if the answer to its opening was lost."""
    forge, number = claim.context.outside.manifest_forge, claim.run.pull_request
    if number is not None:
        found = forge.pull_request(place.repository, number)
        return found if found.open else None
    commit = _pushed(claim, head)
    if commit is None:
        return None
    of_branch = forge.find_pull_request(place.repository, head=head.branch, base=place.branch)
    return of_branch if of_branch is not None and of_branch.head_sha == commit else None


def _pushed(claim: Claim, head: Place) -> Sha | None:
    with claim.context.store.read() as tx:
        edit = edits.of_run(tx, claim.run.id)
    return edit.commit if edit is not None and edit.branch == head.branch else None
