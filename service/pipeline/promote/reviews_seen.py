"""Reads whose approvals of a pull request are of another head, and keeps these from having it merged by itself.

Called by who tends a pull request. GitHub goes on counting an approval of an earlier head unless the branch dismisses
stale ones, so a release that nobody has looked at would be merged by an approval of another one.
"""

from __future__ import annotations

from typing import Any

import structlog

from service.core.gates import Judgement, Outcome
from service.core.gates.reviews import ReviewState
from service.core.proposal_comment import approvals_words
from service.core.words import Repository, Sha
from service.errors import MergeportError
from service.pipeline.promote.landing import LATER, NOT_NOW, SOON, Landed, take_back
from service.pipeline.promote.together.members import Members
from service.ports import PullRequest
from service.store import edits, proposals
from service.store.proposals import Proposal

STALE = (
    "It is not merged by itself: an approval of an earlier head still counts for GitHub. Whoever gave it approves "
    "again, or the review is dismissed, or a person merges it."
)
NOT_READ = "It is not merged by itself now: its reviews could not be read."
_GATE = "approval"

log = structlog.get_logger()


def approvals(
    members: Members, repository: Repository, known: Proposal, pull_request: PullRequest, judgement: Judgement
) -> dict[str, Any]:
    """Tell whose approvals are of another head; nothing if that was not read.

    They are read when the head has changed, as long as some are, and before it may be merged by itself.
    """
    head, claim = pull_request.head_sha, members.leads
    if head == known.head and not known.approvals and not _may_be_merged(members, judgement, pull_request):
        return {}
    with claim.context.store.read() as tx:
        edit = edits.of_run(tx, claim.run.id)
        made = known.together and edits.owner(tx, repository, head) is not None
    ours = edit is not None and edit.commit == head
    brought = "it was made anew" if known.together else f"it was brought to {claim.run.commit[:12]}"
    why = brought if ours or made else "somebody pushed to its branch"
    forge = claim.context.outside.manifest_forge
    try:
        given = forge.reviews_of(repository, known.number)
    except MergeportError as error:
        log.warning("reviews were not read, to be repeated", number=known.number, error=str(error))
        return {}
    last: dict[str, Sha] = {}
    for review in given:
        if review.state is ReviewState.APPROVED:
            last[review.login] = review.head
        else:
            last.pop(review.login, None)
    return {"head": head, "approvals": approvals_words(last, head, why, f"{forge.web_url(repository)}/compare")}


def kept_for_reviews(
    members: Members, repository: Repository, pull_request: PullRequest, judgement: Judgement, read: dict[str, Any]
) -> Landed | None:
    """Keep it from being merged by itself on approvals of another head; None where these decide nothing.

    A gate `approval` of each member decides by the head itself, and what GitHub requires no reviews for needs none.
    """
    if not _may_be_merged(members, judgement, pull_request):
        return None
    try:
        forge = members.leads.context.outside.manifest_forge
        if read and (not read["approvals"] or not forge.requires_reviews(repository, pull_request.number)):
            return None
        take_back(members.leads, repository)
    except MergeportError as error:
        log.warning("a pull request is not merged by itself", number=pull_request.number, error=str(error))
        with members.leads.context.store.read() as tx:
            known = proposals.get(tx, repository, pull_request.number)
        asked = (known.auto_head, known.auto_seen) if known is not None else (Sha(""), False)
        return Landed(NOT_NOW.format(error), *asked, again=SOON)
    return Landed(STALE, again=LATER) if read else Landed(NOT_READ, again=SOON)


def _may_be_merged(members: Members, judgement: Judgement, pull_request: PullRequest) -> bool:
    """Tell whether it is about to be merged by itself, and not every member has the gate that asks for approvals."""
    if members.policy.auto_merge is None or judgement.outcome is not Outcome.ALLOW or pull_request.draft:
        return False
    return any(_GATE not in {gate for gate, _ in one.target.gates} for one in members.all)
