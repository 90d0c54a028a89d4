"""The table of gates that people read: on the page, in the pull request, and as the answer to why not. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple, assert_never

from service.core.foreign_text import markdown
from service.core.gates.gate_verdict import Allow, Refuse, Wait
from service.core.gates.judgement import FROM_STATE, Judged, Judgement
from service.core.gates.moments import moment

OPEN = frozenset({"open", "overridden"})
"""The states of a row whose gate lets the promotion go on."""
_LONGEST = 1000


class Row(NamedTuple):
    """One gate: its name, its state, and its words."""

    gate: str
    state: str
    words: str


def rows(judgement: Judgement) -> tuple[Row, ...]:
    """Give a row for each gate. The words are text of people in part, so each surface makes them harmless."""
    return tuple(_row(judged) for judged in judgement.gates)


def closed_in_words(kept: Iterable[Iterable[str]]) -> str:
    """Give the configured gates of kept rows that are not open in one line; empty if all are."""
    told = (Row(*row) for row in kept)
    return "; ".join(f"{one.gate}: {one.words}" for one in told if one.gate not in FROM_STATE and one.state not in OPEN)


def gate_table(judgement: Judgement) -> str:
    """Give the rows as a table in Markdown, in which nothing links, mentions or breaks out."""
    lines = ["| gate | state | |", "|---|---|---|"]
    lines += [f"| {row.gate} | {row.state} | {markdown(row.words, _LONGEST)} |" for row in rows(judgement)]
    return "\n".join(lines)


def in_words(judgement: Judgement) -> str:
    """Give the gates that are not open in one line; empty if all are."""
    closed = [row for row, judged in zip(rows(judgement), judgement.gates, strict=True) if not judged.open]
    return "; ".join(f"{row.gate}: {row.words}" for row in closed)


def _row(judged: Judged) -> Row:
    verdict, override = judged.verdict, judged.override
    if override:
        why = f": {override.why}" if override.why else ""
        return Row(judged.gate, "overridden", f"opened by {override.who}{why}; it says: {verdict.words}")
    match verdict:
        case Allow():
            return Row(judged.gate, "open", verdict.words)
        case Wait():
            look = f" (next look {moment(verdict.until)})" if verdict.until else ""
            return Row(judged.gate, "waiting", f"{verdict.words}{look}")
        case Refuse():
            return Row(judged.gate, "refused", verdict.words)
        case _:
            assert_never(verdict)
