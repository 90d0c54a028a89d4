"""The title and the body of a pull request that several applications share.

Called where it is opened or updated. Pure text in, text out. Whatever people wrote is made harmless, and what does not
fit into GitHub's limits is counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.core.foreign_text import code, cut, fitting, link, markdown, plain, value
from service.core.gates.gate_table import Row
from service.core.models import commit_page
from service.core.promotion_gates import LONGEST_BODY, gates_section
from service.core.promotion_model import ModelStory, what_the_model_is
from service.core.promotion_title import TITLE_LENGTH, mark_of
from service.core.values import ScalarChange
from service.core.words import Sha

SHORT = 12
TABLE_ROOM, VALUES_ROOM, OUT_ROOM, MODELS_ROOM = 24_000, 18_000, 6_000, 12_000
"""The most bytes of the parts that grow: GitHub accepts 65,536 characters."""
_ADVICE = (
    "Merging it promotes all of them. An application leaves it when it is held, locked or blocked, goes back, or "
    "moves by another way; closing it ends the promotion of each.\n\n"
    "To keep one commit for each application, merge it with a merge commit or a rebase, and not as one squashed commit."
)
_WORDS, _SUBJECT = 200, 100
_NAMED = 10
_WORST = ("refused", "waiting", "overridden", "open")
"""The states of gates, the worst first."""


@dataclass(frozen=True, slots=True)
class GroupPart:
    """One application's part.

    `title` is its newest change, `along` says what goes along beside the images, `model` what is known of a model.
    """

    application: str
    commit: Sha
    source_url: str
    title: str
    run_url: str
    changes: Sequence[tuple[str, ScalarChange]]
    along: str = ""
    model: ModelStory | None = None


def group_title(environment: str, parts: Sequence[GroupPart]) -> str:
    """Give the title: `3 applications → prod: billing, catalog, checkout`; one alone is named with its change."""
    if len(parts) == 1:
        what = f": {parts[0].title}" if parts[0].title else ""
        return _cut(plain(f"{parts[0].application} {parts[0].commit[:7]} → {environment}{what}", TITLE_LENGTH))
    names = ", ".join(part.application for part in parts[:_NAMED])
    more = f" and {len(parts) - _NAMED} more" if len(parts) > _NAMED else ""
    lead = plain(f"{len(parts)} applications → {environment}: ", TITLE_LENGTH)
    room = TITLE_LENGTH - len(lead) - len(more) - 1
    return _cut(f"{lead} {cut(plain(names, TITLE_LENGTH), room)}{more}")


def worst_of(told: Sequence[tuple[str, Sequence[Row]]]) -> list[Row]:
    """Give one row for each gate: the worst of what it says to the applications, and to which one it says it."""
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


def group_body(
    environment: str,
    parts: Sequence[GroupPart],
    out: Sequence[tuple[str, str]],
    gates: Sequence[Row] | None = None,
) -> str:
    """Give the body; `out` are applications of the group that are not in it, each with why.

    `gates` are those of all as they were judged last; None if none of them has gates.
    """
    body = _body(environment, parts, out, gates_section(gates))
    if len(body.encode("utf-8", "replace")) > LONGEST_BODY:
        parts = [replace(part, model=None) for part in parts]
        body = _body(environment, parts, out, gates_section(gates))
    if len(body.encode("utf-8", "replace")) > LONGEST_BODY and gates:
        return _body(environment, parts, out, gates_section(()))
    return body


def _body(environment: str, parts: Sequence[GroupPart], out: Sequence[tuple[str, str]], gates: str) -> str:
    sections = [
        f"Brings {len(parts)} application{'s' if len(parts) != 1 else ''} to {markdown(environment)}, one commit each.",
        _table(parts),
        _values(parts),
        _models(parts),
        gates,
        _out(out),
        _ADVICE,
        mark_of(group_title(environment, parts)),
    ]
    return "\n\n".join(section for section in sections if section) + "\n"


def is_our_title(title: str, body: str) -> bool:
    """Tell whether the title is the one that its body was written with; a person's title is kept."""
    return mark_of(title) in body


def _table(parts: Sequence[GroupPart]) -> str:
    every = [
        f"| {markdown(part.application)} | {link(code(part.commit[:SHORT]), commit_page(part.source_url, part.commit))}"
        f" | {markdown(part.title, _SUBJECT)} | {link('run', part.run_url) if part.run_url else ''} |"
        for part in parts
    ]
    rows = fitting(every, TABLE_ROOM)
    left = len(parts) - len(rows)
    more = [f"| and {left} more | | | |"] if left else []
    return "\n".join(["| Application | Commit | Change | |", "|---|---|---|---|", *rows, *more])


def _values(parts: Sequence[GroupPart]) -> str:
    every = [
        f"| {code(file)} | {code(one.path)} | {code(value(one.before))} | {code(value(one.after))} |"
        for part in parts
        for file, one in part.changes
    ]
    rows = fitting(every, VALUES_ROOM)
    left = len(every) - len(rows)
    more = [f"| and {left} more: see the commits | | | |"] if left else []
    along = "\n".join(
        fitting([f"- {markdown(f'{p.application}: {p.along}', _WORDS)}" for p in parts if p.along], 4_000)
    )
    table = "\n".join(["| File | Value | Now | After the merge |", "|---|---|---|---|", *rows, *more])
    return "\n\n".join(filter(None, (table, along)))


def _models(parts: Sequence[GroupPart]) -> str:
    """Tell of each model's version; what has no room is left out, and its run has it."""
    every = [
        f"**{markdown(part.application)}**\n\n{what_the_model_is(part.model)}\n"
        for part in parts
        if part.model is not None
    ]
    shown = fitting(every, MODELS_ROOM)
    more = [f"and {len(every) - len(shown)} more: see their runs"] if len(shown) < len(every) else []
    return "\n".join([*shown, *more])


def _out(out: Sequence[tuple[str, str]]) -> str:
    if not out:
        return ""
    every = [f"- {markdown(name)}: {markdown(words, _WORDS)}" for name, words in out]
    shown = fitting(every, OUT_ROOM)
    more = [f"- and {len(out) - len(shown)} more"] if len(shown) < len(out) else []
    return "\n".join(["Not in it:\n", *shown, *more])


def _cut(text: str) -> str:
    """Cut a title; an emoji counts twice at GitHub."""
    kept = text
    while len(kept.encode("utf-16-le", "replace")) // 2 > TITLE_LENGTH:
        kept = f"{kept[:-2].rstrip()}…"
    return kept
