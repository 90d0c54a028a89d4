"""Gives the gates of a pull request that several applications share: each as the worst of all members say.

Called by the loop that judges, for the run that looks after the pull request. One status and one row of the table tell
of all members, so it is open only if the gate is open for each.
"""

from __future__ import annotations

from collections.abc import Sequence

from service.core.gates.gate_table import Row
from service.core.promotion_gates import worst_of
from service.pipeline.promote.gates_shown import Shown
from service.pipeline.promote.together.members import Members
from service.ports import CommitState

_STATES = {"open": CommitState.SUCCESS, "overridden": CommitState.SUCCESS, "refused": CommitState.FAILURE}
"""What the state of a row is as a status; any other is still waited for."""


def gates_of_all(members: Members, shown: Shown, table: Sequence[Row]) -> tuple[Shown, Sequence[Row]]:
    """Give what is shown of all members, and the table; of one member it is what its own gates say."""
    if not members.others:
        return shown, table
    rows = worst_of([(members.leads.run.application, table), *members.told])
    wanted = {gate for gate, _, _ in shown} | {gate for one in members.all for gate, _ in one.target.gates}
    gone = [one for one in shown if one[0] not in {row.gate for row in rows}]
    worst = [(row.gate, _STATES.get(row.state, CommitState.PENDING), row.words) for row in rows]
    return [*(one for one in worst if one[0] in wanted or one[1] is not CommitState.SUCCESS), *gone], rows
