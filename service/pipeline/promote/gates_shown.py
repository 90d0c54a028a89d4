"""Shows the gates of a run that waits for its pull request, each as a status `mergeport/gate/NAME` on its head.

Called by the loop that judges, and at the start of a worker. Branch protection can require these statuses, so that it
holds the door also while we are down. Statuses go through the reports: GitHub gets the newest words, until it has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from service.core.gates import Allow, Judged, Judgement, Refuse, Wait, rows
from service.core.gates.gate_table import OPEN, Row
from service.core.messages import status_description
from service.core.promotion_gates import with_gates
from service.pipeline.manifest.branch_lease import LEASE_SECONDS, Holding
from service.pipeline.manifest.place import Place, head_branch
from service.pipeline.reports.statuses import GATES
from service.pipeline.runs.claim import Claim
from service.ports import CommitState, PullRequest
from service.store import judgements, leases, reports
from service.store.judgements import KeptJudgement

Shown = Sequence[tuple[str, CommitState, str]]
"""Gates as they are to be shown, each with its state and words."""


def to_show(claim: Claim, judgement: Judgement, before: KeptJudgement) -> Shown:
    """Give what is to be shown of the gates of a run's pull request.

    Without a gate in the configuration only what people have closed is shown, and later that it is open again. A gate
    that the configuration no longer has is shown as open, because its old status would keep the door shut for good.
    """
    earlier = {gate: state for gate, state, _ in before.gates}
    shown = [
        (row.gate, _state(judged), row.words)
        for row, judged in zip(rows(judgement), judgement.gates, strict=True)
        if claim.target.gates or not judged.open or earlier.get(row.gate, "open") not in OPEN
    ]
    gone = set(earlier) - {judged.gate for judged in judgement.gates}
    shown += [
        (gate, CommitState.SUCCESS, "the configuration does not have this gate any more") for gate in sorted(gone)
    ]
    return shown


def show(
    claim: Claim, place: Place, judgement: Judgement, shown: Shown, pull_request: PullRequest, table: Sequence[Row]
) -> None:
    """Want the statuses of gates on the head of the run's open pull request, and on that of its merge queue.

    `table` is what its body is to say of them.
    """
    context, run = claim.context, claim.run
    if shown:
        _show_in_body(claim, place, pull_request, table)
    with context.store.begin() as tx:
        kept = judgements.of_run(tx, run.id)
        if kept is None or kept.gates != [list(row) for row in rows(judgement)]:
            return  # another worker has judged it since
        for head in filter(None, (pull_request.head_sha, judgements.queued_head(tx, run.id))):
            for gate, state, words in shown:
                reports.want(
                    tx,
                    repository=place.repository,
                    commit=head,
                    context=f"{GATES}{gate}",
                    run_id=run.id,
                    state=state,
                    description=status_description(words),
                    url=f"/runs/{run.id}",
                )


def _show_in_body(claim: Claim, place: Place, pull_request: PullRequest, gates: Sequence[Row]) -> None:
    """Bring the table in the pull request's body to what the gates say; an equal table is no call.

    The body belongs to the run that holds the promotion branch: while another one writes it, the table stays as it is,
    and the next judgement brings it.
    """
    if with_gates(pull_request.body, gates) == pull_request.body:
        return
    context, run = claim.context, claim.run
    head, holder = Place(place.repository, head_branch(run, claim.target)), f"{context.holder}/{run.id}/gates"
    with context.store.begin() as tx:
        if not leases.acquire(tx, head.lease, holder, now=context.now(), seconds=LEASE_SECONDS):
            return
    with Holding(context, head.lease, holder):
        forge = context.outside.manifest_forge
        now_at = forge.pull_request(place.repository, pull_request.number)
        body = with_gates(now_at.body, gates)
        if now_at.open and now_at.head_sha == pull_request.head_sha and body != now_at.body:
            forge.rewrite_pull_request(place.repository, pull_request.number, body)


def closed_when_merged(claim: Claim) -> str:
    """Tell which gates were not open when the run's pull request was merged all the same, as they were judged last."""
    with claim.context.store.read() as tx:
        kept = judgements.of_run(tx, claim.run.id)
    closed = [gate for gate, state, _ in kept.gates if state not in OPEN] if kept else []
    return f", although not all gates were open: {', '.join(closed)}" if closed else ""


def _state(judged: Judged) -> CommitState:
    if judged.open:
        return CommitState.SUCCESS
    match judged.verdict:
        case Refuse():
            return CommitState.FAILURE
        case Wait():
            return CommitState.PENDING
        case Allow():
            return CommitState.SUCCESS
        case _:
            assert_never(judged.verdict)
