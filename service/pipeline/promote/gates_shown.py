"""Shows the gates of a run that waits for its pull request, each as a status `mergeport/gate/NAME` on its head.

Called by the loop that judges, and at the start of a worker. Branch protection can require these statuses, so that it
holds the door also while we are down. Statuses go through the reports: GitHub gets the newest words, until it has them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import assert_never

from service.core.gates import Allow, Judged, Judgement, Refuse, Wait, rows
from service.core.messages import status_description
from service.pipeline.manifest.place import Place, head_branch, is_shared
from service.pipeline.reports.statuses import GATES
from service.pipeline.runs.claim import Claim
from service.ports import CommitState
from service.store import judgements, pull_request_runs, reports
from service.store.judgements import KeptJudgement

Shown = tuple[str, CommitState, str]
_WORST = (CommitState.FAILURE, CommitState.ERROR, CommitState.PENDING, CommitState.SUCCESS)
_KEPT = {"open": CommitState.SUCCESS, "overridden": CommitState.SUCCESS, "refused": CommitState.FAILURE}
"""What the state of a kept row is as a status; any other is still waited for."""
OPEN_STATES = frozenset({"open", "overridden"})
"""The states of a kept row whose gate let the promotion go on."""


def show(claim: Claim, place: Place, judgement: Judgement, before: KeptJudgement) -> None:
    """Want the statuses of all gates on the head of the run's pull request, and on that of its merge queue.

    Without a gate in the configuration only what people have closed is shown, and later that it is open again. A gate
    that the configuration no longer has is shown as open, because its old status would keep the door shut for good.
    """
    context, run = claim.context, claim.run
    earlier = {gate: state for gate, state, _ in before.gates}
    shown = [
        (row.gate, _state(judged), row.words)
        for row, judged in zip(rows(judgement), judgement.gates, strict=True)
        if claim.target.gates or not judged.open or earlier.get(row.gate, "open") not in OPEN_STATES
    ]
    gone = set(earlier) - {judged.gate for judged in judgement.gates}
    shown += [
        (gate, CommitState.SUCCESS, "the configuration does not have this gate any more") for gate in sorted(gone)
    ]
    if run.pull_request is not None and is_shared(head_branch(run, claim.target)):
        shown = _of_all(claim, place, shown, before)
    if not shown or run.pull_request is None:
        return
    pull_request = context.outside.manifest_forge.pull_request(place.repository, run.pull_request)
    if not pull_request.open:
        return
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


def _of_all(claim: Claim, place: Place, shown: list[Shown], before: KeptJudgement) -> list[Shown]:
    """Give each gate as the worst of all that share the pull request say, since one status tells of all of them.

    One of them shows it; where another one's gates have changed, that one is asked again.
    """
    context, run, head, number = claim.context, claim.run, head_branch(claim.run, claim.target), claim.run.pull_request
    with context.store.begin() as tx:
        first = pull_request_runs.first_on(tx, place.repository, head, number or 0)
        if first not in {run.id, None}:
            kept = judgements.of_run(tx, run.id)
            if kept is not None and kept.gates != before.gates:
                judgements.ask_again(tx, at=context.now(), run_ids=[first])
            return []
        there = [one for _, one in pull_request_runs.members(tx, place.repository, head)]
        others = judgements.of_runs(tx, [one.id for one in there if one.id != run.id and one.pull_request == number])
    told = [(gate, state, f"{run.application}: {words}") for gate, state, words in shown]
    for one in others:
        for gate, state, words in one.gates:
            told.append((gate, _KEPT.get(state, CommitState.PENDING), f"{one.application}: {words}"))
    closed = {gate for gate, state, _ in told if state is not CommitState.SUCCESS}
    return [_worst(gate, told) for gate in dict.fromkeys((*(gate for gate, _, _ in shown), *sorted(closed)))]


def _worst(gate: str, told: Sequence[Shown]) -> Shown:
    of_gate = [(state, words) for kind, state, words in told if kind == gate]
    state = min((state for state, _ in of_gate), key=_WORST.index)
    words = [words for other, words in of_gate if other is state]
    return gate, state, words[0] + (f" (and {len(words) - 1} more)" if len(words) > 1 else "")


def closed_when_merged(claim: Claim) -> str:
    """Tell which gates were not open when the run's pull request was merged all the same, as they were judged last."""
    with claim.context.store.read() as tx:
        kept = judgements.of_run(tx, claim.run.id)
    closed = [gate for gate, state, _ in kept.gates if state not in OPEN_STATES] if kept else []
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
