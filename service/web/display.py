"""How pages show times, commits and differences: values in, text out. Templates call these as filters."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

from markupsafe import Markup, escape

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_SHORT = 12
_KINDS = {"@": "place", "+": "added", "-": "removed"}
_SHA = re.compile(r"[0-9a-f]{40}")


class DiffLine(NamedTuple):
    """One line of a difference; `kind` is the name of its style."""

    kind: str
    text: str


def size(count: int) -> str:
    """Give a number of bytes as registries' pages do: 12.3 MB of a million bytes each."""
    amount, unit = float(count), "B"
    for larger in ("kB", "MB", "GB", "TB"):
        if amount < 999.5:  # noqa: PLR2004 - what is rounded to 1000 is one of the next unit
            break
        amount, unit = amount / 1000, larger
    return f"{amount:.0f} {unit}" if unit == "B" or amount >= 99.95 else f"{amount:.1f} {unit}"  # noqa: PLR2004 - three digits


def length(seconds: float) -> str:
    """Give a length of time in its two largest units."""
    if seconds < 0.9995:  # noqa: PLR2004 - what is rounded to 1000 ms is a second
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 9.95:  # noqa: PLR2004 - below ten seconds tenths are worth their place
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < _MINUTE:
        return f"{whole} s"
    if whole < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if whole < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def between(start: datetime, end: datetime) -> str:
    """Give the length of time between two moments."""
    return length((end - start).total_seconds())


def ago(at: datetime, now: datetime) -> str:
    """Say how long ago a moment was, in whole units, or how far ahead it is, rounded."""
    seconds = (now - at).total_seconds()
    return f"{_past(seconds)} ago" if seconds >= 0 else f"in {_ahead(-seconds)}"


def _past(seconds: float) -> str:
    for unit, size in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= size:
            return f"{int(seconds / size)} {unit}"
    return f"{int(seconds)} s"


def _ahead(seconds: float) -> str:
    """Round to the nearest unit, so that a limit of 30 days or 15 minutes is shown as that when it begins."""
    if round(seconds) < _MINUTE:
        return f"{round(seconds)} s"
    minutes, hours = round(seconds / _MINUTE), round(seconds / _HOUR)
    if minutes < _HOUR // _MINUTE:
        return f"{minutes} min"
    if hours < _DAY // _HOUR:
        return _two(divmod(minutes, _HOUR // _MINUTE), "h", "min")
    return _two(divmod(hours, _DAY // _HOUR), "d", "h")


def _two(counts: tuple[int, int], large: str, small: str) -> str:
    return f"{counts[0]} {large}" + (f" {counts[1]} {small}" if counts[1] else "")


def moment(at: datetime) -> str:
    """Give a moment as people read it, in UTC."""
    return at.strftime("%Y-%m-%d %H:%M:%S UTC")


def short(text: str | None) -> str:
    """Give the first 12 characters of a commit id or of a digest after its algorithm; other text as it is."""
    if not text:
        return ""
    if text.startswith("sha256:"):
        return text[: len("sha256:") + _SHORT]
    return text[:_SHORT] if _SHA.fullmatch(text) else text


def with_code(text: str) -> Markup:
    """Give text as HTML in which what stands between backticks is code."""
    parts = text.split("`")
    return Markup("").join(
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part) for number, part in enumerate(parts)
    )


def safe_url(url: object) -> str:
    """Give an address if a link may have it; empty for one that is not http(s)."""
    if not isinstance(url, str):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.netloc else ""


def diff_lines(text: str) -> list[DiffLine]:
    """Split a unified difference into lines with the name of their style.

    The head of a file ends with its first hunk, so a removed `---` of YAML is no head.
    """
    lines, inside = [], False
    for line in text.removesuffix("\n").split("\n"):
        inside = line.startswith("@@") or (inside and not line.startswith("diff "))
        lines.append(DiffLine(_KINDS.get(line[:1], "same") if inside else "file", line))
    return lines


def last_lines(text: str, most: int) -> str:
    """Give the last lines of a text."""
    return "\n".join(text.splitlines()[-most:])
