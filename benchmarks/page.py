"""Keeps what was measured in docs/performance.json and writes docs/performance.md's figures and plot from it.

Called by the command with --write; measures nothing. Benchmarks that were not run keep what they had. Of the page
only what stands between two marks is written anew: the words around it are people's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.findings import COLUMNS, Bar, Finding
from benchmarks.machine import Machine
from benchmarks.one_write import NAME as ONE_WRITE
from benchmarks.one_write import seconds_by_size
from benchmarks.plot import Series, plot
from benchmarks.values_edit import NAME as VALUES_EDIT

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
DATA = ROOT / "docs" / "performance.json"
IMAGE = ROOT / "docs" / "images" / "performance.svg"
BEGIN, END = "<!-- figures: written by the command, not by hand -->", "<!-- end of figures -->"


@dataclass(frozen=True, slots=True)
class Section:
    """What one benchmark found, where, and by which command."""

    title: str
    findings: tuple[Finding, ...]
    machine: Machine
    command: str


def write_page(new: Mapping[str, Section], order: Sequence[str]) -> None:
    """Store the new sections with the old ones, and write page and plot; `order` names all benchmarks."""
    kept = {**load_sections(), **new}
    sections = {name: kept[name] for name in order if name in kept}
    DATA.write_text(
        json.dumps({name: asdict(one) for name, one in sections.items()}, indent=1) + "\n", encoding="utf-8"
    )
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{PAGE} has lost its marks")
    PAGE.write_text(f"{before}{BEGIN}\n\n{figures(list(sections.values()))}\n{END}{after}", encoding="utf-8")
    IMAGE.parent.mkdir(exist_ok=True)
    IMAGE.write_text(drawn(list(sections.values())), encoding="utf-8")


def load_sections() -> dict[str, Section]:
    """Read the stored sections, in their order."""
    if not DATA.exists():
        return {}
    return {name: _section(kept) for name, kept in json.loads(DATA.read_text(encoding="utf-8")).items()}


def _section(kept: dict[str, Any]) -> Section:
    findings = tuple(
        Finding(**{
            **one,
            "bar": Bar(**one["bar"]) if one["bar"] else None,
            "spread": tuple(one["spread"]) if one["spread"] else None,
        })
        for one in kept["findings"]
    )  # fmt: skip
    return Section(kept["title"], findings, Machine(**kept["machine"]), kept["command"])


def figures(sections: Sequence[Section]) -> str:
    """Write the sections as Markdown."""
    blocks = [f"Machine: {line}." for line in dict.fromkeys(one.machine.parts for one in sections)]
    for one in sections:
        told = f"`{one.command}`, {one.machine.times}."
        if one.machine.busy:
            told += " Others worked on this machine then: the figures are provisional."
        notes = list(dict.fromkeys(finding.note for finding in one.findings if finding.note))
        blocks += [f"### {one.title}", _table(one.findings), "\n".join(f"- {note}" for note in [*notes, told])]
    return "\n\n".join(blocks) + "\n"


def _table(findings: Sequence[Finding]) -> str:
    rows = [COLUMNS, tuple("---" if name in {"what", "against", "is"} else "---:" for name in COLUMNS)]
    rows += [finding.cells() for finding in findings]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def drawn(sections: Sequence[Section]) -> str:
    """Draw the plot of the sections."""
    findings = [finding for one in sections for finding in one.findings]
    writes: dict[str, list[tuple[float, float]]] = {}
    for name, files, seconds in seconds_by_size([one for one in findings if one.benchmark == ONE_WRITE]):
        writes.setdefault(name, []).append((files, seconds))
    edits: dict[str, list[tuple[float, float]]] = {}
    for one in (one for one in findings if one.benchmark == VALUES_EDIT):
        lines = float(one.what.split(" ")[0].replace(",", ""))
        edits.setdefault("Mergeport", []).append((lines, one.ours))
        edits.setdefault(one.against, []).append((lines, one.theirs))
    return plot(
        [
            ("One write, by files in the repository", [Series(name, tuple(points)) for name, points in writes.items()]),
            ("One values edit, by lines of the file", [Series(name, tuple(points)) for name, points in edits.items()]),
        ]
    )
