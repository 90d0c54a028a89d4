"""Writes docs/performance.md's figures and its plot. Called by the command with --write; measures nothing.

Only what stands between two marks is written anew: the words around it are people's.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.findings import COLUMNS, Finding
from benchmarks.machine import Machine
from benchmarks.one_write import NAME as ONE_WRITE
from benchmarks.one_write import seconds_by_size
from benchmarks.plot import Series, plot
from benchmarks.values_edit import NAME as VALUES_EDIT

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "performance.md"
IMAGE = ROOT / "docs" / "images" / "performance.svg"
BEGIN, END = "<!-- figures: written by the command, not by hand -->", "<!-- end of figures -->"


def write_page(results: Sequence[tuple[str, Sequence[Finding]]], machine: Machine, options: Sequence[str]) -> None:
    """Put the results between the page's marks, and draw the plot."""
    before, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    _, mark, after = rest.partition(END)
    if not mark:
        raise ValueError(f"{PAGE} has lost its marks")
    PAGE.write_text(f"{before}{BEGIN}\n\n{figures(results, machine, options)}\n{END}{after}", encoding="utf-8")
    IMAGE.parent.mkdir(exist_ok=True)
    IMAGE.write_text(_plot(results), encoding="utf-8")


def figures(results: Sequence[tuple[str, Sequence[Finding]]], machine: Machine, options: Sequence[str]) -> str:
    """Write the results as Markdown."""
    command = " ".join(["python -m benchmarks", *options])
    busy = max(machine.load_before, machine.load_after or 0.0) > machine.cores / 2
    blocks = [f"Machine: {machine.line}. Command: `{command}`."]
    if busy:
        blocks.append("Others worked on this machine during the run: the figures are provisional.")
    for title, findings in results:
        blocks += [f"### {title}", _table(findings)]
        notes = list(dict.fromkeys(finding.note for finding in findings if finding.note))
        blocks += ["\n".join(f"- {note}" for note in notes)] if notes else []
    return "\n\n".join(blocks) + "\n"


def _table(findings: Sequence[Finding]) -> str:
    rows = [COLUMNS, tuple("---" if name in {"what", "against", "is"} else "---:" for name in COLUMNS)]
    rows += [finding.cells() for finding in findings]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _plot(results: Sequence[tuple[str, Sequence[Finding]]]) -> str:
    findings = [finding for _title, found in results for finding in found]
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
