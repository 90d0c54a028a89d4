"""The small HTML pages of the doubles, for people who follow a link to one of them.

Called by the GitHub, Argo CD and ECR doubles. All values are escaped, and no page has a script. Each double brings its
own template and values.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined

HTML = "text/html; charset=utf-8"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
MOST_SHOWN = 200_000
"""The most characters of a difference or a file; the page says that the rest is left out."""


class Line(NamedTuple):
    """A line of a difference, with the name of its style."""

    kind: str
    text: str


@cache
def _environment() -> Environment:
    made = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.filters["diff_lines"] = diff_lines
    made.filters["beginning"] = beginning
    return made


def show(template: str, **values: object) -> str:
    """Write a page."""
    return _environment().get_template(template).render(**values)


def diff_lines(text: str) -> list[Line]:
    """Split a difference into lines; a file's head ends with its first hunk."""
    lines, inside = [], False
    for line in beginning(text).split("\n"):
        inside = line.startswith("@@") or (inside and not line.startswith("diff --git "))
        kind = {"+": "added", "-": "removed", "@": "place"}.get(line[:1], "same") if inside else "head"
        lines.append(Line(kind, line))
    return lines


def beginning(text: str) -> str:
    """Give a text up to the length that a page shows."""
    if len(text) <= MOST_SHOWN:
        return text
    return f"{text[:MOST_SHOWN]}\n… {len(text) - MOST_SHOWN} more characters are not shown"
