"""What a promotion's pull request is given: reviewers, assignees, labels, a milestone; and what of that it was given.

Called where it is opened and updated. What it was given once is not given again, so that what a person takes away stays
away; what the forge refused is tried again with the next update.
"""

from __future__ import annotations

from service.core.config import PullRequestPolicy
from service.core.words import Repository, Sha
from service.pipeline.manifest.place import Place
from service.pipeline.runs.claim import Claim
from service.ports import PullRequest, PullRequestDraft
from service.store import Transaction, proposals
from service.store.runs import Run

ROLLBACK_LABEL = "rollback"


def draft_of(
    claim: Claim, place: Place, head: Place, text: tuple[str, str], known: PullRequest | None,
    policy: PullRequestPolicy,
) -> PullRequestDraft:  # fmt: skip
    """Give what the run's pull request should be, without what it was given before; `text` is its title and body."""
    had = _had(claim, place, known)
    labels = policy.labels if claim.run.rollback is None else (*policy.labels, ROLLBACK_LABEL)
    milestone = policy.milestone if f"milestone {policy.milestone}" not in had else ""
    return PullRequestDraft(
        head=head.branch,
        base=place.branch,
        title=text[0],
        body=text[1],
        reviewers=_left("reviewer", policy.reviewers, had),
        labels=_left("label", tuple(dict.fromkeys(labels)), had),
        assignees=_left("assignee", policy.assignees, had),
        milestone=milestone,
        draft=policy.draft and known is None,
    )


def keep_given(
    tx: Transaction, claim: Claim, repository: Repository, draft: PullRequestDraft, made: PullRequest,
    policy: PullRequestPolicy,
) -> None:  # fmt: skip
    """Keep what the pull request has now and what the forge would not do, and have that told."""
    known = proposals.get(tx, repository, made.number)
    refused = {f"{one.kind} {one.name}".strip() for one in made.refused}
    wanted = {
        *(f"reviewer {one}" for one in draft.reviewers),
        *(f"label {one}" for one in draft.labels),
        *(f"assignee {one}" for one in draft.assignees),
        *((f"milestone {draft.milestone}",) if draft.milestone else ()),
    }
    given = sorted({*(known.given if known else ()), *(wanted - refused)})
    lacking = list(dict.fromkeys(one.words for one in made.refused))
    # One that is seen for the first time is our draft, even if the answer to its opening was lost.
    is_ours = known is None and made.draft and policy.draft
    values = {"draft": "draft"} if is_ours else {}
    proposals.keep(tx, repository, made.number, claim.run.id, given=given, lacking=lacking, ending="", **values)
    if lacking or (known is not None and known.lacking):
        proposals.tell(tx, repository, made.number, claim.context.now())


def note_waiting(tx: Transaction, run: Run, repository: Repository, number: int, head: Sha) -> None:
    """Note that a run waits for a pull request, which is open, whoever opened it."""
    known = proposals.get(tx, repository, number)
    if known is None:
        proposals.keep(tx, repository, number, run.id, head=head)
    elif known.run_id != run.id or known.ending or not known.head:
        proposals.update(tx, repository, number, run_id=run.id, ending="", head=known.head or head)


def _had(claim: Claim, place: Place, known: PullRequest | None) -> frozenset[str]:
    if known is None:
        return frozenset()
    with claim.context.store.read() as tx:
        proposal = proposals.get(tx, place.repository, known.number)
    return frozenset(proposal.given) if proposal else frozenset()


def _left(kind: str, wanted: tuple[str, ...], had: frozenset[str]) -> tuple[str, ...]:
    return tuple(one for one in wanted if f"{kind} {one}" not in had)
