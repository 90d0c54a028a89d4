"""Turns times on the wall of a time zone into moments, also where clocks change. Pure; windows of freezes use it.

A time that a change of the clocks skips is the moment of the change. A time that it repeats is two moments. So a freeze
that begins at such a time never begins too late, and is never forgotten.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

_A_CHANGE = timedelta(hours=26)
"""More than any change of clocks: Samoa once skipped a whole day."""
_SECOND = timedelta(seconds=1)


def moments_of(wall: datetime, zone: ZoneInfo) -> tuple[datetime, ...]:
    """Give the moments, in UTC, at which clocks of a zone show a time; one for a time that is skipped."""
    first, second = (wall.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
    if first == second:
        return (first,)
    return (first, second) if first < second else (_change_between(second, first, zone),)


def beginning_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Give the first moment at which clocks of a zone show a time, or pass it."""
    return moments_of(wall, zone)[0]


def end_of(wall: datetime, zone: ZoneInfo) -> datetime:
    """Give the last moment at which clocks of a zone show a time, or pass it."""
    return moments_of(wall, zone)[-1]


def walls_around(moment: datetime, zone: ZoneInfo) -> tuple[datetime, datetime]:
    """Give the earliest and the latest time on the wall that may be a moment's, whatever change of clocks is near."""
    offsets = [
        (moment + apart).astimezone(zone).utcoffset() or timedelta(0) for apart in (-_A_CHANGE, timedelta(0), _A_CHANGE)
    ]
    bare = moment.astimezone(UTC).replace(tzinfo=None)
    return bare + min(offsets), bare + max(offsets)


def _change_between(before: datetime, after: datetime, zone: ZoneInfo) -> datetime:
    """Find the moment of the one change of clocks between two moments, to the second."""
    old = before.astimezone(zone).utcoffset()
    while after - before > _SECOND:
        middle = before + ((after - before) / 2 // _SECOND) * _SECOND
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after
