"""Reads the events of an iCalendar file (RFC 5545) as windows of a freeze. Called by the freeze gate; pure.

Every event counts, whole days too, and those that are marked as free; a cancelled one does not. The library icalendar
parses the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from typing import Any, NamedTuple, TypeAlias
from zoneinfo import ZoneInfo

from service.core.config.texts import TextError
from service.core.gates.repeating import ListedStarts, repeated
from service.core.gates.spans import RepeatedSpan, SingleSpan, Span, Spans
from service.core.gates.wall_clock import beginning_of, end_of

Event: TypeAlias = Mapping[str, Any]
"""An event's properties as icalendar gives them."""
_LONGEST = 1_000_000
_MOST_EVENTS, _MOST_RULES = 2000, 100
_TOO_OFTEN = {"SECONDLY", "MINUTELY", "HOURLY"}


class _Reading(NamedTuple):
    """What an event is read with: see `calendar_spans`. `moved` are those of its starts that other events replace."""

    zone: ZoneInfo
    reason: str
    year: int
    moved: list[date | datetime]


class _Times(NamedTuple):
    """When an event is: its first start on the wall, and how long it lasts, in days or exactly."""

    wall: datetime
    zone: ZoneInfo
    days: int
    lasts: timedelta


@lru_cache(maxsize=64)
def calendar_spans(text: str, zone: ZoneInfo, reason: str, year: int) -> tuple[Spans, ...]:
    """Give the spans of all events; of those that repeat, up to some years after `year`.

    `zone` is that of whole days and of times that name none; `reason` is told where an event has no summary. Raise
    TextError for what cannot be understood as a whole: a freeze that was skipped would be a door left open.
    """
    from icalendar import Calendar  # noqa: PLC0415 - it loads slowly, and most commands read no calendar

    if len(text) > _LONGEST:
        raise TextError("the file is longer than a megabyte")
    try:
        calendars = Calendar.from_ical(text, multiple=True)
        events: list[Any] = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    except (ValueError, KeyError, IndexError, TypeError, AttributeError, RecursionError) as error:
        raise TextError(f"this is not a calendar: {_short(error)}") from error
    if broken := [f"{name} of an event: {words}" for event in events for name, words in event.errors]:
        raise TextError(f"this is not a calendar: {broken[0]}")
    if not calendars:
        raise TextError("this is not a calendar: it has no BEGIN:VCALENDAR")
    if len(events) > _MOST_EVENTS:
        raise TextError(f"more than {_MOST_EVENTS} events", "remove those that are over")
    moved = [(str(event.get("UID")), event["RECURRENCE-ID"].dt) for event in events if _is_moved(event)]
    if sum("RRULE" in event for event in events) > _MOST_RULES:
        raise TextError(f"more than {_MOST_RULES} events that repeat", "remove those that are over")
    spans = (
        _span(event, _Reading(zone, reason, year, [at for uid, at in moved if uid == str(event.get("UID"))]))
        for event in events
    )
    return tuple(span for span in spans if span)


def _is_moved(event: Event) -> bool:
    """Tell whether the event replaces a single one of those that repeat."""
    return "RECURRENCE-ID" in event


def _span(event: Event, reading: _Reading) -> Spans | None:
    summary = " ".join(str(event.get("SUMMARY") or reading.reason).split())
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return None
    try:
        times = _times(event, reading.zone)
        if _is_moved(event) or not ("RRULE" in event or "RDATE" in event):
            start = beginning_of(times.wall, times.zone)
            ends = end_of(times.wall + timedelta(days=times.days), times.zone) if times.days else start
            return SingleSpan(Span(start, ends + times.lasts, summary, times.zone))
        starts = _starts(event, times, reading)
    except TextError:
        raise
    except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
        raise TextError(f'the event "{summary}" cannot be read: {_short(error)}') from error
    return RepeatedSpan(ListedStarts(starts), times.zone, times.lasts, summary, times.days)


def _times(event: Event, zone: ZoneInfo) -> _Times:
    start: date | datetime = event["DTSTART"].dt
    duration = event["DURATION"].dt if "DURATION" in event else None
    end: date | datetime | None = event["DTEND"].dt if "DTEND" in event else None
    if not isinstance(start, datetime):
        days = duration.days if duration else (end - start).days if end else 1
        return _Times(datetime.combine(start, time()), zone, max(days, 1), timedelta(0))
    own = _zone(event["DTSTART"], zone)
    wall = _wall(start, own)
    if duration is not None:
        return _Times(wall, own, 0, duration)
    if not isinstance(end, datetime):
        return _Times(wall, own, 0, timedelta(0))
    return _Times(wall, own, 0, end_of(_wall(end, own), own) - beginning_of(wall, own))


def _zone(start: Any, zone: ZoneInfo) -> ZoneInfo:  # noqa: ANN401 - a property of icalendar
    """Give the zone of a time. One that the file defines itself must have a known name: only then its past is known."""
    given, name = start.dt.tzinfo, start.params.get("TZID")
    if isinstance(given, ZoneInfo):
        return given
    if given is None and name is None:
        return zone
    if given is not None and given.utcoffset(None) == timedelta(0):
        return ZoneInfo("UTC")
    raise TextError(f'"{name or given}" is not a time zone', "use a name such as Europe/Berlin as TZID")


def _wall(at: date | datetime, zone: ZoneInfo) -> datetime:
    """Give a time as the clocks of a zone show it."""
    if not isinstance(at, datetime):
        return datetime.combine(at, time())
    return (at.astimezone(zone) if at.tzinfo else at).replace(tzinfo=None)


def _starts(event: Event, times: _Times, reading: _Reading) -> tuple[datetime, ...]:
    """Give all starts of an event that repeats, without those that were taken out or moved."""
    starts = {times.wall, *_dates(event.get("RDATE"), times.zone)}
    for rule in _listed(event.get("RRULE")):
        if {str(one).upper() for one in rule.get("FREQ", [])} & _TOO_OFTEN:
            raise TextError("an event that repeats within a day is no freeze", "use FREQ=DAILY and longer")
        until = [_last(at, times.zone) for at in rule.pop("UNTIL", [])]
        starts.update(repeated(rule.to_ical().decode(), times.wall, min(until, default=None), reading.year))
    starts -= {*_dates(event.get("EXDATE"), times.zone), *(_wall(at, times.zone) for at in reading.moved)}
    return tuple(sorted(starts))


def _last(until: date | datetime, zone: ZoneInfo) -> datetime:
    """Give the last time at which an event may begin: of a day any time."""
    return _wall(until, zone) if isinstance(until, datetime) else datetime.combine(until, time(23, 59, 59))


def _dates(found: Any, zone: ZoneInfo) -> Iterator[datetime]:  # noqa: ANN401 - icalendar gives one or a list
    for one in _listed(found):
        for each in one.dts:
            if isinstance(each.dt, tuple):
                raise TextError("an RDATE with periods is not understood", "write the event as one of its own")
            yield _wall(each.dt, zone)


def _listed(found: Any) -> list[Any]:  # noqa: ANN401 - icalendar gives one or a list
    if found is None:
        return []
    return found if isinstance(found, list) else [found]


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
