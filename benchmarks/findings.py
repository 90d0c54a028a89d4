"""The results of a benchmark: one finding for each comparison, with its bar and whether it is met; printed as a table.

Made by the benchmarks, shown by the command and by the page writer. Nothing is measured here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

TIMES = "\N{MULTIPLICATION SIGN}"
_SECOND = 1.0
_TEN = 10.0
_FEW = 3
"""The fewest rounds for which a spread means something."""


class Verdict(StrEnum):
    """How a figure stands to its bar."""

    MET = "met"
    MISSED = "missed"
    NONE = ""


@dataclass(frozen=True, slots=True)
class Bar:
    """A limit for a finding's figure; `least` means that more is better. `unit` is written after the number."""

    limit: float
    unit: str = TIMES
    least: bool = False

    def judge(self, figure: float) -> Verdict:
        """Tell whether the figure is on the right side."""
        good = figure >= self.limit if self.least else figure <= self.limit
        return Verdict.MET if good else Verdict.MISSED

    def __str__(self) -> str:
        return f"{'≥' if self.least else '≤'} {amount(self.limit, self.unit)}"


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the table: our way, the other way, and the figure that is judged.

    `spread` is the interquartile range of the figure over the rounds, if there were rounds.
    """

    benchmark: str
    what: str
    ours: float
    against: str
    theirs: float
    figure: float
    bar: Bar | None = None
    unit: str = TIMES
    spread: tuple[float, float] | None = None
    rounds: int = 1
    measured: str = "s"
    note: str = ""

    @property
    def verdict(self) -> Verdict:
        """Whether the bar is met, if there is one."""
        return self.bar.judge(self.figure) if self.bar else Verdict.NONE

    @property
    def clear(self) -> bool:
        """Whether the middle half of the rounds lies on the same side of the bar as the figure."""
        if self.bar is None or self.spread is None or self.rounds < _FEW:
            return True
        return all(self.bar.judge(end) is self.verdict for end in self.spread)

    def cells(self) -> tuple[str, ...]:
        """Give the line's texts in the order of COLUMNS."""
        spread = (
            f" ({_number(self.spread[0])} to {_number(self.spread[1])})" if self.spread and self.rounds >= _FEW else ""
        )
        verdict = f"{self.verdict}{'' if self.clear else ', not clearly'}"
        return (
            self.what,
            amount(self.ours, self.measured),
            self.against,
            amount(self.theirs, self.measured),
            f"{amount(self.figure, self.unit)}{spread}",
            str(self.bar or ""),
            verdict,
        )


COLUMNS = ("what", "ours", "against", "theirs", "figure", "bar", "is")


def amount(value: float, unit: str) -> str:
    """Write a number as people read it; seconds below one become milliseconds."""
    if unit == "s" and abs(value) < _SECOND:
        return f"{_number(value * 1000)} ms"
    return f"{_number(value)} {unit}"


def show(findings: Sequence[Finding], console: Console) -> None:
    """Print the findings as a table, and their notes below it."""
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in COLUMNS:
        table.add_column(column, justify="left" if column in {"what", "against", "is"} else "right")
    for finding in findings:
        style = {Verdict.MET: "green", Verdict.MISSED: "bold red"}.get(finding.verdict, "")
        table.add_row(*finding.cells()[:-1], f"[{style}]{finding.cells()[-1]}[/]" if style else "")
    console.print(table)
    for note in dict.fromkeys(finding.note for finding in findings if finding.note):
        console.print(f"  {note}", highlight=False)


def _number(value: float) -> str:
    if value == int(value) and abs(value) < 1_000_000:  # noqa: PLR2004 - counts are written as such
        return f"{int(value):,}"
    return f"{value:,.0f}" if abs(value) >= 10 * _TEN else f"{value:.3g}"
