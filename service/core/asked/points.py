"""Reads points in the history of an environment, as people write them: `prod@now`, `prod@3d`, `prod@4f2c1e9`. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime

from service.core.config.texts import TextError, duration
from service.errors import PermanentError

_COMMIT = re.compile(r"[0-9a-f]{7,40}")


@dataclass(frozen=True, slots=True)
class Point:
    """An environment now, at a time, or at a manifest commit by its beginning."""

    environment: str
    at: datetime | None = None
    commit: str = ""


def point(text: str, now: datetime) -> Point:
    """Read `ENV@TIME`; a time without a zone is UTC, a day is its beginning, and without `@` it is now."""
    environment, _, when = text.strip().partition("@")
    if not environment:
        raise _unclear(text)
    if when in {"", "now"}:
        return Point(environment)
    at = moment_of(when, now)
    if at is not None:
        return Point(environment, at)
    if _COMMIT.fullmatch(when.lower()):
        return Point(environment, commit=when.lower())
    raise _unclear(text)


def moment_of(text: str, now: datetime) -> datetime | None:
    """Read a time, or how long ago; None if it is neither. Eight digits and more without a mark are a commit."""
    if "-" in text:
        try:
            at = datetime.fromisoformat(text.replace("_", "T"))
        except ValueError:
            return None
        return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    try:
        return now - duration(text)
    except (TextError, OverflowError):
        return None


def _unclear(text: str) -> PermanentError:
    return PermanentError(
        f"{text[:100]} is no point in the history of an environment",
        code="point-unclear",
        hint="write ENV@now, ENV@3d (ago), ENV@2026-11-01, ENV@2026-11-01T08:00:00Z or ENV@MANIFEST-COMMIT",
    )
