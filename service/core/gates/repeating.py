"""The starts of an event that repeats by a rule of iCalendar (RFC 5545), as times on the wall. Called for calendars.

dateutil knows the rules. It looks for a start up to the year 9999, also where a rule can never come true, and a hostile
file would keep it busy for minutes. So a rule is asked at the end of that time instead: years there have the same days.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import MAXYEAR, date, datetime

from service.core.config.texts import TextError

_YEARS_AHEAD = 5
_OLDEST = 1970
_LAST = MAXYEAR - 1
_MOST = 30_000


@dataclass(frozen=True, slots=True)
class ListedStarts:
    """Times on the wall, in their order."""

    times: tuple[datetime, ...]

    def backward(self, wall: datetime) -> Iterator[datetime]:
        """Give those at or before a time, the latest first."""
        return (self.times[index] for index in range(bisect_right(self.times, wall) - 1, -1, -1))

    def forward(self, wall: datetime) -> Iterator[datetime]:
        """Give those at or after a time, the earliest first."""
        return (self.times[index] for index in range(bisect_left(self.times, wall), len(self.times)))


def repeated(rule: str, first: datetime, until: datetime | None, year: int) -> list[datetime]:
    """Give the starts of a rule from the first one up to some years after `year`, none after `until`."""
    from dateutil.rrule import rrulestr  # noqa: PLC0415 - only calendars need it

    end = year + _YEARS_AHEAD
    if first.year < _OLDEST:
        raise TextError(f"an event that repeats begins before {_OLDEST}", "let it begin later")
    if first.year > end:
        return []
    apart = _years_apart(end)
    starts = []
    for found in rrulestr(rule, dtstart=first.replace(year=first.year + apart)):
        at = found.replace(year=found.year - apart)
        if at.year > end or (until is not None and at > until):
            break
        starts.append(at)
        if len(starts) > _MOST:
            raise TextError("an event repeats too often", "let it begin later")
    return starts


def _years_apart(end: int) -> int:
    """Give the most years by which dates up to `end` can be moved so that all days of the week and leap years stay.

    Within a century that is every 28 years; the years around it must be without an exception of leap years.
    """
    apart = _LAST - end
    while apart % 4 or date(end + apart, 1, 1).weekday() != date(end, 1, 1).weekday():
        apart -= 1
    return apart
