"""How pages show times, commits and differences: values in, text out. Templates call these as filters."""

from __future__ import annotations

import re
from datetime import datetime
from typing import NamedTuple
from urllib.parse import urlsplit

_MINUTE = 60
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_SHORT = 12
_SHA = re.compile(r"[0-9a-f]{40}")


class DiffLine(NamedTuple):
    """One line of a difference; `kind` is the name of its style."""

    kind: str
    text: str


def length(seconds: float) -> str:
    """Give a length of time in its two largest units."""
    if seconds < 1:
        return f"{max(0, round(seconds * 1000))} ms"
    if seconds < 10:  # noqa: PLR2004 - below ten seconds tenths are worth their place
        return f"{seconds:.1f} s"
    if seconds < _MINUTE:
        return f"{seconds:.0f} s"
    whole = int(seconds)
    if seconds < _HOUR:
        return f"{whole // _MINUTE} min {whole % _MINUTE} s"
    if seconds < _DAY:
        return f"{whole // _HOUR} h {whole % _HOUR // _MINUTE} min"
    return f"{whole // _DAY} d {whole % _DAY // _HOUR} h"


def between(start: datetime, end: datetime) -> str:
    """Give the length of time between two moments."""
    return length((end - start).total_seconds())


def ago(at: datetime, now: datetime) -> str:
    """Say how long ago a moment was, or in how long it will be."""
    seconds = (now - at).total_seconds()
    return f"{_coarse(seconds)} ago" if seconds >= 0 else f"in {_coarse(-seconds, early=0.01)}"


def _coarse(seconds: float, *, early: float = 0.0) -> str:
    """Give the whole units of the largest that fits; `early` is the part of a unit that may be missing from one."""
    for unit, size in (("d", _DAY), ("h", _HOUR), ("min", _MINUTE)):
        if seconds >= size * (1 - early):
            return f"{int(seconds / size + early)} {unit}"
    return f"{int(seconds)} s"


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


def safe_url(url: object) -> str:
    """Give an address that a link may have, or nothing for one that is not http(s)."""
    if not isinstance(url, str):
        return ""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return url if parts.scheme in {"http", "https"} and parts.netloc else ""


def diff_lines(text: str) -> list[DiffLine]:
    """Split a unified difference into lines with the name of their style."""
    return [DiffLine(_kind(line), line) for line in text.splitlines()]


def _kind(line: str) -> str:
    if line.startswith(("+++", "---", "diff ", "index ")):
        return "file"
    if line.startswith("@@"):
        return "place"
    if line.startswith("+"):
        return "added"
    if line.startswith("-"):
        return "removed"
    return "same"


def last_lines(text: str, most: int) -> str:
    """Give the last lines of a text."""
    return "\n".join(text.splitlines()[-most:])
