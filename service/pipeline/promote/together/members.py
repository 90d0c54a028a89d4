"""All who are in one pull request: the run that looks after it, and the others. Most have one member, which leads.

Called by the loop that judges. Its draft, labels and merge follow the gates of all, by what all of them want.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.core.config import PullRequestPolicy
from service.core.config.shared_policy import policy_of_all
from service.core.gates import Allow, Judged, Judgement, Refuse, Wait
from service.core.gates.gate_table import OPEN, Row
from service.core.words import RunId
from service.errors import MergeportError, NotFoundError
from service.pipeline.manifest.place import Place, head_branch, is_shared
from service.pipeline.runs.claim import Claim, claim_of
from service.store import judgements, pull_request_runs

NOT_JUDGED = "not judged yet"


@dataclass(frozen=True, slots=True)
class Members:
    """The members of a pull request, each with its target as the configuration in force presents it.

    `told` is what the gates of the others said last, with their applications.
    """

    leads: Claim
    others: tuple[Claim, ...] = ()
    told: tuple[tuple[str, Sequence[Row]], ...] = ()

    @property
    def all(self) -> tuple[Claim, ...]:
        """The one that leads, and the others."""
        return (self.leads, *self.others)

    @property
    def branch(self) -> str:
        """The head of the pull request."""
        return head_branch(self.leads.run, self.leads.target)

    @property
    def policy(self) -> PullRequestPolicy:
        """What all of them want of the pull request."""
        return policy_of_all([one.target.pull_request for one in self.all])

    def together(self, mine: Judgement) -> Judgement:
        """Give what all gates say: of the leading run as they were judged now, of the others as they said last."""
        return Judgement((*mine.gates, *(_judged(row) for _, rows in self.told for row in rows)))


def _judged(row: Row) -> Judged:
    if row.state in OPEN:
        return Judged(row.gate, Allow(row.words))
    return Judged(row.gate, Refuse(row.words) if row.state == "refused" else Wait(row.words))


def in_force(claim: Claim) -> Claim:
    """Give a claim with its gates, and how its pull request is presented, by the configuration in force."""
    try:
        current = claim.context.configurations.current().target(claim.run.application, claim.run.environment)
    except NotFoundError:
        current = None
    if current is not None:
        claim.found = claim.target._replace(gates=current.gates, pull_request=current.pull_request)
    return claim


def first_of(claim: Claim, place: Place) -> RunId | None:
    """Name the run that looks after the pull request of a run; None if that cannot be told."""
    branch, number = head_branch(claim.run, claim.target), claim.run.pull_request
    if not is_shared(branch):
        return claim.run.id
    with claim.context.store.read() as tx:
        return pull_request_runs.first_on(tx, place.repository, branch, number or 0)


def members_of(claim: Claim, place: Place) -> Members:
    """Read who is in the pull request of the run that looks after it. One that was not judged yet waits."""
    run, branch = claim.run, head_branch(claim.run, claim.target)
    if not is_shared(branch):
        return Members(claim)
    with claim.context.store.read() as tx:
        there = [one for _, one in pull_request_runs.members(tx, place.repository, branch)]
        others = [one for one in there if one.id != run.id and one.pull_request == run.pull_request]
        kept = {one.run_id: one.gates for one in judgements.of_runs(tx, [one.id for one in others])}
    claims, told = list[Claim](), list[tuple[str, Sequence[Row]]]()
    for one in others:
        rows = tuple(Row(*map(str, row)) for row in kept.get(one.id) or ())
        try:
            claims.append(in_force(claim_of(claim.context, one)))
        except MergeportError as error:
            rows = (Row("lock", "waiting", f"not judged: {error}"),)
        told.append((one.application, rows or (Row("lock", "waiting", NOT_JUDGED),)))
    return Members(claim, tuple(claims), tuple(told))
