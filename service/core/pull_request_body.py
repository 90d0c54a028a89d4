"""Writes the body of a promotion's pull request in GitHub's Markdown, of one application or of many, within its limits.

Called with the facts that the pipeline has gathered. A pull request has N members, and one is the plain case: its parts
stand side by side. Of several there is a table, and the parts of each are folded, shortened alike where room is short.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from service.core import trailers
from service.core.fair_room import fullest, shares
from service.core.foreign_text import code, fitting, line, link, markdown
from service.core.gates.gate_table import Row
from service.core.messages import BECAUSE_LENGTH, OVERRIDE_LENGTH, SHORT, Promotion, trailers_of_promotion
from service.core.promotion_body import WARNING_LENGTH, parts_of, run_link
from service.core.promotion_gates import LONGEST_BODY, gates_section, worst_of
from service.core.promotion_gates import TABLE_ROOM as GATES_ROOM
from service.core.promotion_title import mark_of, title_of
from service.core.rendered.comparison import rendered_section

ROOM = LONGEST_BODY - GATES_ROOM
RENDERED_ROOM, APPLICATIONS_ROOM, OUT_ROOM, TOLD_ROOM, MACHINE_ROOM = 30_000, 44_000, 6_000, 4_000, 12_000
"""The most bytes of the parts that grow: GitHub accepts 65,536 characters."""
LEAST_FOLDED = 700
"""With fewer bytes an application is not folded out."""
SECTIONS = (
    "headline", "warning", "because", "asked", "overrides", "changes", "details", "carried", "images", "model",
    "source", "marks", "evidence", "gates", "group", "rendered", "rollback",
)  # fmt: skip
DISPENSABLE = ("rendered", "evidence", "source", "model", "changes", "carried", "overrides", "images", "details")
"""What is left out, in this order, of a text that gets too long all the same."""
_FOLDED = ("asked", "changes", "carried", "images", "model", "source", "marks", "evidence")
_SHORT_TRAILERS = (
    trailers.RUN, trailers.APPLICATION, trailers.IMAGE, trailers.MODEL, trailers.OVERRIDE, trailers.SOURCE_COMMIT,
)  # fmt: skip
_CHANGE, _SHORT_CHANGE, _WORDS = 100, 40, 200
_ADVICE = (
    "Merging it promotes all of them. An application leaves it when it is held, locked or blocked, goes back, or "
    "moves by another way; closing it ends the promotion of each.\n\n"
    "To keep one commit for each application, merge it with a merge commit or a rebase, and not as one squashed commit."
)


@dataclass(frozen=True, slots=True)
class Offer:
    """All that a pull request's text tells: of each application what it brings.

    `because` says why it is a pull request where a commit was configured. `shared`: applications of a group share it,
    and `out` are those that are not in it, each with why. `commits_url` shows all its commits.
    """

    members: tuple[Promotion, ...]
    because: str = ""
    shared: bool = False
    out: tuple[tuple[str, str], ...] = ()
    commits_url: str = ""

    @property
    def gates(self) -> tuple[Row, ...] | None:
        """Each gate as the worst of all members say; None if none of them has gates."""
        told = [(one.application, one.gates) for one in self.members if one.gates is not None]
        return tuple(worst_of(told)) if told else None


def pull_request_body(offer: Offer) -> str:
    """Give the pull request's body in GitHub's Markdown."""
    return with_machine_part(offer, sections_of(offer))


def sections_of(offer: Offer, room: int = ROOM) -> dict[str, str]:
    """Give the parts of the body by name, in their order; one that has nothing to say is empty.

    What shows all there is gets the room that the others leave.
    """
    alone = offer.members[0] if len(offer.members) == 1 else None
    sections = dict.fromkeys(SECTIONS, "")
    sections |= parts_of(alone) if alone is not None else _of_several(offer)
    if offer.because:
        words = markdown(offer.because, BECAUSE_LENGTH)
        sections["because"] = f"This is a pull request and not a commit, because {words}."
    sections["gates"] = gates_section(offer.gates)
    sections["group"] = _group(offer) if offer.shared else ""

    ours = _size(_ours(offer))

    def left() -> int:
        return room - ours - _size("\n\n".join(filter(None, sections.values()))) - 4

    if alone is not None and alone.rendered is not None:
        sections["rendered"] = rendered_section(alone.rendered, min(RENDERED_ROOM, left()), run_link(alone))
    elif alone is None:
        sections["changes"] = _applications(offer, min(APPLICATIONS_ROOM, left()))
        sections["details"] = _details(offer, left())
    return sections


def with_machine_part(offer: Offer, sections: Mapping[str, str]) -> str:
    """Join parts, and add what only we write; what does not fit GitHub's limit is left out, and that is said."""
    kept, ours = dict(sections), _ours(offer)
    for name in (*DISPENSABLE, *kept, ""):
        whole = "\n\n".join(filter(None, (*kept.values(), ours)))
        if _size(whole) <= ROOM:
            return whole
        if kept.get(name):
            kept[name] = f"*{name}*: left out here, because this text would be longer than GitHub accepts."
    return ours


def _ours(offer: Offer) -> str:
    """Give what only we write. The trailers are in it, because a squash merge may drop those of the commits."""
    alone = offer.members[0] if len(offer.members) == 1 else None
    run = link("The run in Mergeport", alone.run_url) if alone is not None and alone.run_url else ""
    machine = f"<details><summary>For machines</summary>\n\n```text\n{_trailers(offer)}\n```\n\n</details>"
    return "\n\n".join(filter(None, (mark_of(title_of(offer.members)), run, machine))) + "\n"


def _trailers(offer: Offer) -> str:
    every = [trailers_of_promotion(one) for one in offer.members]
    if len(every) == 1:
        return every[0]
    short = ["\n".join(each for each in one.split("\n") if each.startswith(_SHORT_TRAILERS)) for one in every]
    told = fullest([[f"{one}\n" for one in every], [f"{one}\n" for one in short]], MACHINE_ROOM)
    left = len(every) - len(told)
    return "\n".join([*told, *([f"(and {left} more, in their commits)"] if left else [])]).rstrip("\n")


def _size(text: str) -> int:
    return len(text.encode("utf-8", "replace"))


def _of_several(offer: Offer) -> dict[str, str]:
    members = offer.members
    environment = markdown(members[0].environment)
    return {
        "headline": f"Brings {len(members)} applications to {environment}, one commit each.",
        "warning": _warnings(members),
        "overrides": _counted(
            [
                f"Overridden for {markdown(one.application)}: {markdown(words, OVERRIDE_LENGTH)}"
                for one in members
                for words in one.overrides
            ],
            TOLD_ROOM,
        ),
        "rollback": f"To roll back after the merge: {code(f'mergeport rollback APPLICATION {members[0].environment}')} "
        "with a reason. Each application goes back alone.",
    }


def _warnings(members: Sequence[Promotion]) -> str:
    """Tell what people must know before they merge; the same words are told once for all whom they concern."""
    by_words: dict[str, list[str]] = {}
    for one in members:
        if one.warning:
            by_words.setdefault(one.warning, []).append(one.application)
    every = [
        f"> - {markdown(', '.join(names), WARNING_LENGTH)}: {markdown(words, WARNING_LENGTH)}"
        for words, names in by_words.items()
    ]
    return f"> [!WARNING]\n{_counted(every, TOLD_ROOM, '> - ')}" if every else ""


def _counted(every: list[str], room: int, before: str = "") -> str:
    """Give the lines that fit, and the number of the others."""
    shown = fitting(every, room)
    more = [f"{before}and {len(every) - len(shown)} more"] if len(shown) < len(every) else []
    return "\n".join([*shown, *more])


def _group(offer: Offer) -> str:
    told = [f"- {markdown(name)}: {markdown(words, _WORDS)}" for name, words in offer.out]
    return f"{_ADVICE}\n\nNot in it:\n\n{_counted(told, OUT_ROOM, '- ')}" if told else _ADVICE


def _applications(offer: Offer, room: int) -> str:
    """Write a row for each application; all rows lose their links and words alike before one is left out."""
    levels = [[_row(one, level) for one in offer.members] for level in range(3)]
    rows = fullest(levels, room - 200)
    left = len(offer.members) - len(rows)
    more = [f"| and {left} more | | | |"] if left > 0 else []
    return "\n".join(["| Application | Commit | Change | |", "|---|---|---|---|", *rows, *more])


def _row(one: Promotion, level: int) -> str:
    name, commit = markdown(one.application), one.source_commit
    if level == 0:
        way = f"compare/{one.previous}...{commit}" if one.previous else f"commit/{commit}"
        shown = code(f"{one.previous[:SHORT]}...{commit[:SHORT]}" if one.previous else commit[:SHORT])
        run = link("run", one.run_url) if one.run_url else ""
        return f"| {name} | {link(shown, f'{one.source_url}/{way}')} | {_change(one, _CHANGE)} | {run} |"
    if level == 1:
        return f"| {link(name, one.run_url)} | {code(commit[:SHORT])} | {_change(one, _SHORT_CHANGE)} | |"
    return f"| {name} | {code(commit[:SHORT])} | | |"


def _change(one: Promotion, length: int) -> str:
    number = f" ({markdown(f'#{one.newest_number}')})" if one.newest_number else ""
    more = f" and {one.more} more" if one.more else ""
    marks = f" — **{', '.join(one.marks)}**" if one.marks else ""
    return f"{markdown(one.newest or one.subject, length)}{number}{more}{marks}"


def _details(offer: Offer, room: int) -> str:
    """Fold out each application, none at the cost of the others; those without room are counted, with a link."""
    members = offer.members
    most = max(room - 300, 0) // LEAST_FOLDED
    urgent = sorted(range(len(members)), key=lambda at: not (members[at].warning or members[at].marks))
    shown = [(members[at], parts_of(members[at])) for at in sorted(urgent[:most])]
    whole = [_folded(one, parts, room) for one, parts in shown]
    given = shares([_size(block) + 2 for block in whole], room - 300)
    blocks = [
        block if _size(block) + 2 <= size else _folded(one, parts, size - 2)
        for (one, parts), block, size in zip(shown, whole, given, strict=True)
    ]
    return "\n\n".join(filter(None, (*blocks, _rest(offer, len(members) - len(shown)))))


def _rest(offer: Offer, left: int) -> str:
    where = link("all their commits", offer.commits_url) if offer.commits_url else "their commits"
    return f"What the other {left} bring is told by {where}, and by their runs." if left else ""


def _folded(one: Promotion, parts: Mapping[str, str], room: int) -> str:
    """Write all parts of one application in so many bytes; what is left out is named."""
    head = f"<details><summary>{escape(line(one.application))} {one.source_commit[:SHORT]}</summary>"
    kept, out = {name: parts[name] for name in _FOLDED if parts[name]}, list[str]()
    run = link("its run", one.run_url) if one.run_url else "its run"

    def written() -> str:
        lacking = f"Left out here: {', '.join(out)}. See {run}." if out else ""
        return "\n\n".join(filter(None, (head, *kept.values(), lacking, "</details>")))

    if one.rendered is not None:
        left = min(RENDERED_ROOM, room - _size(written()) - 2)
        kept["rendered"] = rendered_section(one.rendered, left, run_link(one))
    for name in (*DISPENSABLE, *kept):
        if _size(written()) <= room:
            break
        if kept.pop(name, ""):
            out.append(name)
    return written()
