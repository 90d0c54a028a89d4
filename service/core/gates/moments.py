"""Writes times and lengths of time for people, in the words of gates. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, tzinfo

from service.core.config.texts import duration_text


def moment(at: datetime, zone: tzinfo = UTC) -> str:
    """Write a time with its day of the week and its zone: `Mon 2026-01-05 08:00 Asia/Seoul`."""
    there = at.astimezone(zone)
    clock = "%H:%M:%S" if there.second else "%H:%M"
    name = "UTC" if zone is UTC else str(zone)
    twice = there.replace(fold=0).utcoffset() != there.replace(fold=1).utcoffset()
    return f"{there.strftime(f'%a %Y-%m-%d {clock}')}{there.strftime('%z') if twice else ''} {name}"


def length(span: timedelta) -> str:
    """Write a length of time, as the configuration does: `1h30m`."""
    return duration_text(span) or "0s"


def earliest(times: Iterable[datetime | None]) -> datetime | None:
    """Give the earliest of the times that there are."""
    return min((time for time in times if time is not None), default=None)
