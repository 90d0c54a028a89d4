"""The gates' table in a promotion's pull request: written with the body, and kept up to date in it.

Called by what writes the body, and by what shows gates when their answer has changed. The rest of a body may have been
edited by people, so only what stands between our two marks is replaced.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from service.core.foreign_text import cut, fitting, line, markdown
from service.core.gates.gate_table import Row

LONGEST_BODY = 65_000
"""In bytes. GitHub accepts 65,536 characters: https://github.com/orgs/community/discussions/27190"""
TABLE_ROOM = 6_000
_BEGIN, _END = "<!-- mergeport gates -->", "<!-- /mergeport gates -->"
_BETWEEN = re.compile(f"{_BEGIN}.*?{_END}", re.DOTALL)
_NEXT_LOOK = re.compile(r" \(next look [^)]*\)$")
"""When it is asked again may change with each answer, and is no reason to edit a body."""
_WORDS_LENGTH, _MOST = 300, 20
_WORST = ("refused", "waiting", "overridden", "open")
"""The states of gates, the worst first."""


def worst_of(told: Sequence[tuple[str, Sequence[Row]]]) -> list[Row]:
    """Give one row for each gate: the worst of what it says to the applications, and to which one it says it.

    Of one application these are its rows as they are.
    """
    if len(told) == 1:
        return list(told[0][1])
    found: dict[str, list[Row]] = {}
    for application, rows in told:
        for row in rows:
            found.setdefault(row.gate, []).append(row._replace(words=f"{application}: {row.words}"))
    return [_worst(rows) for rows in found.values()]


def _worst(rows: Sequence[Row]) -> Row:
    """Give the first of the worst rows, with the number of others like it. A state that is not known is a wait."""
    rank = [_WORST.index(row.state if row.state in _WORST else "waiting") for row in rows]
    same = [row for row, at in zip(rows, rank, strict=True) if at == min(rank)]
    return same[0]._replace(words=same[0].words + (f" (and {len(same) - 1} more)" if len(same) > 1 else ""))


def gates_section(gates: Sequence[Row] | None) -> str:
    """Write the gates between our marks; empty if there are no gates."""
    if gates is None:
        return ""
    told = "Its gates, each also a status `mergeport/gate/NAME` of this pull request:"
    if not gates:
        told = "Its gates are statuses `mergeport/gate/NAME` of this pull request, and are being judged."
    rows = [f"| {markdown(row.gate)} | {markdown(row.state)} | {_words(row)} |" for row in gates[:_MOST]]
    rows = fitting(rows, TABLE_ROOM)
    table = ["", "| Gate | State | |", "|---|---|---|", *rows] if rows else []
    return "\n".join([_BEGIN, "", told, *table, "", _END])


def with_gates(body: str, gates: Sequence[Row]) -> str:
    """Give a body with its table of gates as it is now; as it was if there is no table in it, or no room for it."""
    section = gates_section(gates)
    changed = _BETWEEN.sub(lambda _: section, body.replace("\r\n", "\n"), count=1)
    if changed == body.replace("\r\n", "\n") or len(changed.encode("utf-8", "replace")) > LONGEST_BODY:
        return body
    return changed


def _words(row: Row) -> str:
    return markdown(cut(_NEXT_LOOK.sub("", line(row.words)), _WORDS_LENGTH), _WORDS_LENGTH)
