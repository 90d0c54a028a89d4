"""Tends an open pull request: its draft, the label of its gates, and what our comment says of approvals.

Called by the loop that judges, with what the gates say now. Each thing is done once: what a person changed since (a
draft marked ready, a label taken off) stays as the person has it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, assert_never

import structlog

from service.core.config import PullRequestPolicy
from service.core.gates import Judgement, Outcome
from service.core.words import GATE_LABELS, READY_LABEL, REFUSED_LABEL, WAITING_LABEL, Repository
from service.errors import MergeportError, RetryableError
from service.pipeline.manifest.place import Place
from service.pipeline.promote.landing import LATER, SOON, land
from service.pipeline.promote.reviews_seen import approvals, kept_for_reviews
from service.pipeline.promote.together.members import Members
from service.pipeline.runs.claim import Claim
from service.ports import PullRequest
from service.store import proposals
from service.store.proposals import Proposal

BY_REVIEWERS = frozenset({"approval"})
"""The gates that reviewers open: a draft waits for all others."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Tended:
    """What became of it: `merged`, or after which time to look again, if that is soon.

    `reworded` says that it waits for something else now, and `behind` that its run has to bring it up to date.
    """

    merged: bool = False
    behind: bool = False
    reworded: bool = False
    again: timedelta | None = None


def is_tended(members: Members, repository: Repository) -> bool:
    """Tell whether anything of the pull request follows its gates, or did so until the configuration changed."""
    claim, policy = members.leads, members.policy
    number = claim.run.pull_request
    if policy.draft or policy.gate_labels or policy.auto_merge is not None or number is None:
        return True
    with claim.context.store.read() as tx:
        known = proposals.get(tx, repository, number)
    return known is not None and bool(known.draft == "draft" or known.gate_label or known.auto_head)


def tend(
    members: Members, place: Place, judgement: Judgement, pull_request: PullRequest, again: Callable[[], Judgement]
) -> Tended:
    """Bring an open pull request to what the gates of all say. `again` judges them anew, right before a merge."""
    claim, policy, repository, number = members.leads, members.policy, place.repository, pull_request.number
    with claim.context.store.read() as tx:
        known = proposals.get(tx, repository, number)
    if known is None or known.run_id not in {one.run.id for one in members.all}:
        return Tended()
    read = approvals(members, repository, known, pull_request, judgement)
    changed = dict(read)
    again_after = None
    try:
        changed |= _draft(claim, repository, known, pull_request, judgement, policy)
        changed |= _label(claim, repository, known, pull_request, judgement, policy)
    except MergeportError as error:
        log.warning("a pull request was not tended, to be repeated", number=number, error=str(error))
        again_after = SOON if isinstance(error, RetryableError) else LATER
    _keep(claim, repository, known, changed)
    kept = kept_for_reviews(members, repository, pull_request, judgement, read)
    landed = kept or land(members, place, judgement, pull_request, again)
    seen = {"auto_head": landed.auto_head, "auto_seen": landed.auto_seen}
    with claim.context.store.begin() as tx:
        proposals.update(tx, repository, number, **seen)
    _keep(claim, repository, known, {"merging": landed.words})
    ready_now = pull_request.draft and changed.get("draft") == "ready"  # it is merged at the next look
    soonest = min((one for one in (landed.again, again_after, SOON if ready_now else None) if one), default=None)
    return Tended(landed.merged, landed.behind, landed.words != known.merging, soonest)


def _keep(claim: Claim, repository: Repository, known: Proposal, changed: dict[str, Any]) -> None:
    """Keep what has changed, and have it told where people read it."""
    new = {name: value for name, value in changed.items() if getattr(known, name) != value}
    if not new:
        return
    with claim.context.store.begin() as tx:
        proposals.update(tx, repository, known.number, **new)
        if {"approvals", "merging"} & new.keys():
            proposals.tell(tx, repository, known.number, claim.context.now())


def _draft(
    claim: Claim, repository: Repository, known: Proposal, pull_request: PullRequest, judgement: Judgement,
    policy: PullRequestPolicy,
) -> dict[str, Any]:  # fmt: skip
    """Mark our draft as ready when its time has come. It is never made a draft again."""
    if known.draft != "draft":
        return {}
    closed = {one.gate for one in judgement.closed} - BY_REVIEWERS
    if pull_request.draft and closed and policy.draft:
        return {}
    if pull_request.draft:
        claim.context.outside.manifest_forge.mark_ready(repository, known.number)
    return {"draft": "ready"}


def _label(
    claim: Claim, repository: Repository, known: Proposal, pull_request: PullRequest, judgement: Judgement,
    policy: PullRequestPolicy,
) -> dict[str, Any]:  # fmt: skip
    """Have the label that tells what the gates say, and no other of these."""
    wanted = _label_of(judgement.outcome) if policy.gate_labels else ""
    if wanted == known.gate_label:
        return {}
    have = {label.lower(): label for label in pull_request.labels}
    add = [wanted] if wanted and wanted not in have else []
    remove = [have[other] for other in GATE_LABELS if other != wanted and other in have]
    claim.context.outside.manifest_forge.relabel(repository, known.number, add=add, remove=remove)
    return {"gate_label": wanted}


def _label_of(outcome: Outcome) -> str:
    match outcome:
        case Outcome.ALLOW:
            return READY_LABEL
        case Outcome.WAIT:
            return WAITING_LABEL
        case Outcome.REFUSE:
            return REFUSED_LABEL
        case _:
            assert_never(outcome)
