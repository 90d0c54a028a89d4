"""Spans of time in which a freeze is on: single ones, repeated ones, and the union of all of them. Pure.

A source of spans answers two questions about a moment: which of its spans covers it, and which begins next.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple, Protocol
from zoneinfo import ZoneInfo

from service.core.gates.wall_clock import end_of, moments_of, walls_around

_MOST_JOINED = 1000
_FAR = timedelta(days=400)


class Span(NamedTuple):
    """From `start` up to, and without, `end`, both in UTC; None where it has no end on that side."""

    start: datetime | None
    end: datetime | None
    reason: str
    zone: ZoneInfo


class Spans(Protocol):
    """A source of spans."""

    def covering(self, moment: datetime) -> Span | None:
        """Give the span that covers a moment; of several the one that ends last."""
        ...

    def following(self, moment: datetime) -> Span | None:
        """Give the next span that begins after a moment."""
        ...


class Starts(Protocol):
    """Times on the wall at which something begins again and again."""

    def backward(self, wall: datetime) -> Iterator[datetime]:
        """Give those at or before a time, the latest first."""
        ...

    def forward(self, wall: datetime) -> Iterator[datetime]:
        """Give those at or after a time, the earliest first."""
        ...


@dataclass(frozen=True, slots=True)
class SingleSpan:
    """One span."""

    span: Span

    def covering(self, moment: datetime) -> Span | None:
        """Give the span if it covers the moment."""
        start, end = self.span.start, self.span.end
        covers = (start is None or start <= moment) and (end is None or moment < end)
        return self.span if covers else None

    def following(self, moment: datetime) -> Span | None:
        """Give the span if it begins later."""
        return self.span if self.span.start is not None and self.span.start > moment else None


@dataclass(frozen=True, slots=True)
class RepeatedSpan:
    """A span that begins at each of its starts; it lasts so many days on the wall, and so much time on top."""

    starts: Starts
    zone: ZoneInfo
    lasts: timedelta
    reason: str
    days: int = 0

    def covering(self, moment: datetime) -> Span | None:
        """Give the span of the latest start before the moment, if it still lasts."""
        low, high = walls_around(moment, self.zone)
        latest: tuple[datetime, datetime] | None = None
        for wall in self.starts.backward(high):
            if latest and moment - (low - wall) <= latest[0]:
                break  # no clock shows this time, or an earlier one, later than that
            for start in moments_of(wall, self.zone):
                if start <= moment and (latest is None or start > latest[0]):
                    latest = (start, wall)
        if latest is None:
            return None
        span = self._span(*latest)
        return span if span.end is not None and moment < span.end else None

    def following(self, moment: datetime) -> Span | None:
        """Give the span of the earliest start after the moment."""
        low, high = walls_around(moment, self.zone)
        earliest: tuple[datetime, datetime] | None = None
        for wall in self.starts.forward(low):
            if earliest and moment + (wall - high) >= earliest[0]:
                break  # no clock shows this time, or a later one, sooner than that
            for start in moments_of(wall, self.zone):
                if start > moment and (earliest is None or start < earliest[0]):
                    earliest = (start, wall)
        return self._span(*earliest) if earliest else None

    def _span(self, start: datetime, wall: datetime) -> Span:
        begun = end_of(wall + timedelta(days=self.days), self.zone) if self.days else start
        return Span(start, begun + self.lasts, self.reason, self.zone)


class Union(NamedTuple):
    """Spans that overlap or touch, joined: those that cover the moment now, and the moment at which all have ended.

    `opens` is None if that never happens, and `looked` the moment up to which it was looked for where it is too far.
    """

    covering: tuple[Span, ...]
    opens: datetime | None
    looked: datetime | None = None


def union_at(sources: Sequence[Spans], moment: datetime) -> Union:
    """Give the spans that cover a moment, and when the last of those that follow without a gap has ended."""
    covering = tuple(span for source in sources if (span := source.covering(moment)))
    spans, at = covering, moment
    for _ in range(_MOST_JOINED):
        if not spans:
            return Union(covering, at)
        if any(span.end is None for span in spans):
            return Union(covering, None)
        at = max(span.end for span in spans if span.end is not None)
        if at - moment > _FAR:
            break
        spans = tuple(span for source in sources if (span := source.covering(at)))
    return Union(covering, None, at)


def next_span(sources: Sequence[Spans], moment: datetime) -> Span | None:
    """Give the span that begins next after a moment."""
    spans = [span for source in sources if (span := source.following(moment))]
    return min(spans, key=lambda span: span.start or moment, default=None)
