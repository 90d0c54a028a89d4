"""Gives the gates of a pull request that several applications share: each as the worst of all members say.

Called by the loop that judges, for the run that shows them, and where the body is written. One status and one row of
the table tell of all members, so it is open only if the gate is open for each.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.core.gates.gate_table import Row
from service.core.group_text import worst_of
from service.core.words import RunId
from service.pipeline.manifest.place import Place, head_branch
from service.pipeline.promote.gates_shown import Shown
from service.pipeline.runs.claim import Claim
from service.ports import CommitState
from service.store import Transaction, judgements, pull_request_runs
from service.store.judgements import KeptJudgement

_STATES = {"open": CommitState.SUCCESS, "overridden": CommitState.SUCCESS, "refused": CommitState.FAILURE}
"""What the state of a row is as a status; any other is still waited for."""


def gates_of_all(
    claim: Claim, place: Place, shown: Shown, table: Sequence[Row], before: KeptJudgement
) -> tuple[Shown, Sequence[Row]]:
    """Give what is shown of all members, and the table; nothing for a run whose pull request another one looks after.

    Where another one's gates have changed, the one that looks after it is asked again.
    """
    context, run, head, number = claim.context, claim.run, head_branch(claim.run, claim.target), claim.run.pull_request
    with context.store.begin() as tx:
        first = pull_request_runs.first_on(tx, place.repository, head, number or 0)
        if first not in {run.id, None}:
            kept = judgements.of_run(tx, run.id)
            if kept is not None and kept.gates != before.gates:
                judgements.ask_again(tx, at=context.now(), run_ids=[first])
            return (), table
        there = [one for _, one in pull_request_runs.members(tx, place.repository, head)]
        others = [one.id for one in there if one.id != run.id and one.pull_request == number]
        told = kept_rows(tx, others)
    told = [(run.application, table), *told]
    rows = worst_of(told)
    mine = {gate for gate, _, _ in shown}
    gone = [one for one in shown if one[0] not in {row.gate for row in rows}]
    worst = [(row.gate, _STATES.get(row.state, CommitState.PENDING), row.words) for row in rows]
    return [*(one for one in worst if one[0] in mine or one[1] is not CommitState.SUCCESS), *gone], rows


def kept_rows(tx: Transaction, run_ids: Sequence[RunId]) -> list[tuple[str, Sequence[Row]]]:
    """Give what the gates of these runs said last, each with its application."""
    kept = judgements.of_runs(tx, run_ids)
    return [(one.application, [Row(*map(str, row)) for row in one.gates]) for one in kept]
