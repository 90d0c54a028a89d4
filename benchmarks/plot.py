"""Draws panels of lines on two logarithmic axes as SVG, by hand: no library of ours draws, and this needs none.

Called by the page writer. Each line is named at its last point, so that no colour has to be told from another.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_WIDTH, _HEIGHT, _GAP = 560, 320, 20
_LEFT, _TOP, _RIGHT, _BOTTOM = 62, 40, 190, 40
_COLOURS = ("#0b6e4f", "#8a8d91", "#b3541e", "#5b4b8a")
_NAME_HEIGHT = 14


@dataclass(frozen=True, slots=True)
class Series:
    """A line: its name and its points (x, seconds), all above zero."""

    name: str
    points: tuple[tuple[float, float], ...]


def plot(panels: Sequence[tuple[str, Sequence[Series]]]) -> str:
    """Draw the panels next to each other; fewer seconds are better."""
    width = len(panels) * _WIDTH + (len(panels) - 1) * _GAP
    drawn = "".join(
        f'<g transform="translate({number * (_WIDTH + _GAP)} 0)">{_panel(title, lines)}</g>'
        for number, (title, lines) in enumerate(panels)
    )
    style = "text{font:12px sans-serif;fill:#333}.grid{stroke:#ddd}.title{font-weight:bold}"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {_HEIGHT}" role="img">'
        f"<title>Seconds of one write and of one edit, ours and the alternatives</title>"
        f'<style>{style}</style><rect width="100%" height="100%" fill="#fff"/>{drawn}</svg>\n'
    )


def _panel(title: str, lines: Sequence[Series]) -> str:
    xs = [x for line in lines for x, _y in line.points]
    ys = [y for line in lines for _x, y in line.points]
    if not xs:
        return _text(_LEFT, _TOP, f"{title}: not measured")
    across = _Axis(min(xs), max(xs), _LEFT, _WIDTH - _RIGHT)
    up = _Axis(10 ** math.floor(math.log10(min(ys))), 10 ** math.ceil(math.log10(max(ys))), _HEIGHT - _BOTTOM, _TOP)
    parts = [_text(_LEFT, _TOP - 20, title, "title")]
    for power in range(round(math.log10(up.low)), round(math.log10(up.high)) + 1):
        at = up.place(10.0**power)
        parts.append(f'<line class="grid" x1="{_LEFT}" x2="{_WIDTH - _RIGHT}" y1="{at:.1f}" y2="{at:.1f}"/>')
        parts.append(_text(_LEFT - 6, at + 4, _seconds(10.0**power), anchor="end"))
    parts += [_text(across.place(x), _HEIGHT - _BOTTOM + 18, f"{x:,.0f}", anchor="middle") for x in sorted(set(xs))]
    parts += [_line(line, across, up, _COLOURS[number % len(_COLOURS)]) for number, line in enumerate(lines)]
    parts += _names(lines, up)
    return "".join(parts)


@dataclass(frozen=True, slots=True)
class _Axis:
    """A logarithmic axis between two places on the page."""

    low: float
    high: float
    start: float
    end: float

    def place(self, value: float) -> float:
        if self.high == self.low:
            return self.start
        share = math.log(value / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)


def _line(line: Series, across: _Axis, up: _Axis, colour: str) -> str:
    places = [(across.place(x), up.place(y)) for x, y in sorted(line.points)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3" fill="{colour}"/>' for x, y in places)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>{dots}'


def _names(lines: Sequence[Series], up: _Axis) -> list[str]:
    """Write each name next to its line's end, moved down if two would overlap."""
    ends = sorted((up.place(max(line.points)[1]) + 4, line.name) for line in lines)
    placed, lowest = [], 0.0
    for wanted, name in ends:
        lowest = max(wanted, lowest + _NAME_HEIGHT)
        placed.append(_text(_WIDTH - _RIGHT + 8, lowest, name))
    return placed


def _text(x: float, y: float, text: str, kind: str = "", *, anchor: str = "start") -> str:
    named = f' class="{kind}"' if kind else ""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"{named}>{escape(text)}</text>'


def _seconds(value: float) -> str:
    return f"{value:g} s" if value >= 1 else f"{value * 1000:g} ms"
