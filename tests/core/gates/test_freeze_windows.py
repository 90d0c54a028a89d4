"""Cron windows against a second library and a walk minute by minute, where clocks change and on leap days."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.core.gates.cron import CronStarts
from service.core.gates.spans import RepeatedSpan, union_at

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
NEW_YEAR = datetime(2026, 1, 1, tzinfo=UTC)
CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 29, 1, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 3, 8, 7, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 11, 1, 6, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 4, 15, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 3, 15, 30, tzinfo=UTC)),
    ("America/Santiago", datetime(2026, 9, 6, 4, tzinfo=UTC)),
    ("Asia/Seoul", datetime(2028, 2, 29, 0, tzinfo=UTC)),
    ("UTC", datetime(2028, 2, 29, 0, tzinfo=UTC)),
]
HOURS = st.sampled_from(["*", "0", "1", "2", "3", "0,2", "1-3", "*/2", "23"])
MINUTES = st.sampled_from(["0", "30", "59", "*/20", "15,45"])
DAYS = st.sampled_from(["* * *", "* * 6,0", "29 2 *", "L * *", "* * 0", "1-8 * *"])


def starts_by_minute(cron: str, zone: ZoneInfo, begin: datetime, end: datetime) -> list[datetime]:
    """Look at the clock each minute, and at all that it skipped since the minute before."""
    found, at = [], begin
    before = (begin - MINUTE).astimezone(zone).replace(tzinfo=None)
    while at <= end:
        wall = at.astimezone(zone).replace(tzinfo=None)
        shown = [before + MINUTE * step for step in range(1, int((wall - before) / MINUTE) + 1)] or [wall]
        if any(croniter.match(cron, each) for each in shown):
            found.append(at)
        before, at = wall, at + MINUTE
    return found


@settings(max_examples=15, deadline=None)
@example(("Europe/Berlin", datetime(2026, 10, 25, 1, tzinfo=UTC)), "*/20", "*", "* * *", 2, 1)
@given(st.sampled_from(CHANGES), MINUTES, HOURS, DAYS, st.integers(1, 200), st.integers(-150, 150))
def test_a_window_is_on_when_one_who_looks_each_minute_says_so(
    change: tuple[str, datetime], minutes: str, hours: str, days: str, lasts: int, apart: int
) -> None:
    zone, moment = ZoneInfo(change[0]), change[1] + MINUTE * apart
    length = MINUTE * lasts
    cron = f"{minutes} {hours} {days}"
    spans = RepeatedSpan(CronStarts(cron), zone, length, "")
    seen = starts_by_minute(cron, zone, moment - length, moment + timedelta(hours=3))

    covering, following = spans.covering(moment), spans.following(moment)

    past = [start for start in seen if start <= moment < start + length]
    assert (covering.start if covering else None) == max(past, default=None)
    coming = [start for start in seen if start > moment]
    if coming:
        assert following is not None
        assert following.start == coming[0]
    else:
        assert following is None or (following.start or moment) > moment + timedelta(hours=3)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 10 * 365 * 86_400).map(
        lambda seconds: datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    ),
    MINUTES,
    HOURS,
    DAYS,
)
def test_without_a_change_of_clocks_a_second_library_agrees(
    moment: datetime, minutes: str, hours: str, days: str
) -> None:
    cron = f"{minutes} {hours} {days}"
    spans = RepeatedSpan(CronStarts(cron), ZoneInfo("UTC"), timedelta(days=365 * 10), "")

    covering, following = spans.covering(moment), spans.following(moment)

    assert covering is not None
    assert following is not None
    assert covering.start == croniter(cron, moment + SECOND).get_prev(datetime)
    assert following.start == croniter(cron, moment).get_next(datetime)


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(CHANGES),
    st.lists(st.tuples(MINUTES, HOURS, st.integers(1, 180)), min_size=1, max_size=3),
    st.integers(-300, 300),
)
def test_the_union_opens_at_the_first_moment_that_no_window_covers(
    change: tuple[str, datetime], windows: list[tuple[str, str, int]], apart: int
) -> None:
    zone, moment = ZoneInfo(change[0]), change[1] + MINUTE * apart
    sources = [
        RepeatedSpan(CronStarts(f"{minutes} {hours} * * *"), zone, MINUTE * lasts, "")
        for minutes, hours, lasts in windows
    ]

    union = union_at(sources, moment)

    spans = sorted(span for source in sources for span in all_spans(source, moment))
    opens = moment
    for start, end in spans:
        if start <= opens:
            opens = max(opens, end)
    if union.opens is None:
        assert opens > moment + DAYS_LOOKED
    else:
        assert union.opens == opens
    assert bool(union.covering) == any(start <= moment < end for start, end in spans)


DAYS_LOOKED = timedelta(days=3)


def all_spans(source: RepeatedSpan, moment: datetime) -> Iterator[tuple[datetime, datetime]]:
    """Give every span from some hours before a moment up to some days after it."""
    at = moment - timedelta(hours=4)
    while (span := source.following(at)) and span.start and span.end and at < moment + timedelta(days=4):
        yield span.start, span.end
        at = span.start
