"""The freeze gate: windows by cron and by dates, what they say, and whom they do not concern."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError

from service.core.gates import Allow, Unknown, Verdict, Wait
from service.core.gates.freeze import Options, judge
from tests.core.gates.promotions import NOW, facts

WEEKEND = {"cron": "0 18 * * 5", "duration": "62h", "timezone": "Asia/Seoul", "reason": "weekend"}


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def judged(*entries: object, at: str | datetime = NOW, **known: object) -> Verdict:
    now = utc(at) if isinstance(at, str) else at
    return judge(Options.model_validate(list(entries)), facts(now=now, **known))


def test_a_window_says_when_it_opens_in_its_own_zone() -> None:
    assert judged(WEEKEND, at="2026-01-03 00:00") == Wait(
        "frozen: weekend; opens Mon 2026-01-05 08:00 Asia/Seoul", utc("2026-01-04 23:00")
    )


def test_between_windows_it_says_when_the_next_one_begins() -> None:
    assert judged(WEEKEND) == Allow(
        "no freeze; the next one begins Fri 2026-01-09 18:00 Asia/Seoul: weekend", utc("2026-01-09 09:00")
    )


@pytest.mark.parametrize(
    ("at", "frozen"),
    [
        ("2026-01-09 08:59:59.999999", False),
        ("2026-01-09 09:00", True),
        ("2026-01-11 22:59:59.999999", True),
        ("2026-01-11 23:00", False),
    ],
)
def test_a_window_has_its_first_moment_and_not_its_last(at: str, frozen: bool) -> None:
    assert isinstance(judged(WEEKEND, at=at), Wait) == frozen


def test_windows_that_overlap_or_touch_open_together() -> None:
    monday = {"cron": "0 8 * * 1", "duration": "2h", "timezone": "Asia/Seoul", "reason": "standup"}
    tuesday = {"from": "2026-01-05 09:30", "until": "2026-01-06", "timezone": "Asia/Seoul", "reason": "move"}

    assert judged(WEEKEND, monday, tuesday, at="2026-01-03 00:00") == Wait(
        "frozen: weekend; opens Wed 2026-01-07 00:00 Asia/Seoul", utc("2026-01-06 15:00")
    )


def test_all_windows_that_are_on_are_told() -> None:
    other = {"from": "2026-01-01", "until": "2026-01-04", "reason": "holidays"}

    verdict = judged(WEEKEND, other, at="2026-01-03 00:00")

    assert isinstance(verdict, Wait)
    assert verdict.words.startswith("frozen: weekend, holidays; opens")


def test_dates_are_whole_days_of_their_zone() -> None:
    entry = {"from": "2026-12-24", "until": "2026-12-26", "timezone": "Europe/Berlin"}

    assert isinstance(judged(entry, at="2026-12-23 22:59"), Allow)
    assert judged(entry, at="2026-12-23 23:00") == Wait(
        "frozen; opens Sun 2026-12-27 00:00 Europe/Berlin", utc("2026-12-26 23:00")
    )


def test_a_freeze_without_an_end_says_so() -> None:
    assert judged({"from": "2026-01-01"}) == Wait("frozen; without an end")
    assert isinstance(judged({"until": "2026-01-04"}), Allow)


def test_windows_that_leave_no_gap_never_open_and_are_looked_at_again_later() -> None:
    verdict = judged({"cron": "0 0 * * *", "duration": "1d"})

    assert isinstance(verdict, Wait)
    assert "leave no gap" in verdict.words
    assert verdict.until is not None
    assert verdict.until > NOW + timedelta(days=365)


@pytest.mark.parametrize(
    ("zone", "cron", "duration", "day", "start", "end"),
    [
        ("Europe/Berlin", "0 18 * * 5", "62h", "2026-03-28 12:00", "2026-03-27 17:00", "2026-03-30 07:00"),
        ("Europe/Berlin", "0 18 * * 5", "62h", "2026-10-24 12:00", "2026-10-23 16:00", "2026-10-26 06:00"),
        ("Europe/Berlin", "30 2 29 3 *", "1h", "2026-03-29 01:10", "2026-03-29 01:00", "2026-03-29 02:00"),
        ("Europe/Berlin", "30 2 25 10 *", "1h", "2026-10-25 01:00", "2026-10-25 00:30", "2026-10-25 02:30"),
        ("America/New_York", "30 1 1 11 *", "30m", "2026-11-01 06:40", "2026-11-01 06:30", "2026-11-01 07:00"),
        ("Australia/Lord_Howe", "15 2 4 10 *", "1h", "2026-10-03 16:00", "2026-10-03 15:30", "2026-10-03 16:30"),
        ("UTC", "0 0 29 2 *", "1d", "2028-02-29 12:00", "2028-02-29 00:00", "2028-03-01 00:00"),
    ],
    ids=["spring", "autumn", "skipped time", "repeated time", "its second time", "half an hour", "leap day"],
)
def test_a_window_where_clocks_change_begins_and_ends_at_real_moments(
    zone: str, cron: str, duration: str, day: str, start: str, end: str
) -> None:
    entry = {"cron": cron, "duration": duration, "timezone": zone}
    second = timedelta(seconds=1)

    inside, before = judged(entry, at=day), judged(entry, at=utc(start) - second)

    assert isinstance(inside, Wait)
    assert inside.until == utc(end)
    assert isinstance(before, Allow)
    assert before.until == utc(start)
    assert isinstance(judged(entry, at=utc(end) + second), Allow)


def test_a_day_that_a_zone_skipped_is_no_gap() -> None:
    """Samoa had no 30 December 2011."""
    entry = {"from": "2011-12-30", "until": "2011-12-30", "timezone": "Pacific/Apia"}

    with pytest.raises(ValidationError, match="ends before it begins"):
        Options.model_validate([entry])


def test_a_repeated_hour_is_told_with_its_offset() -> None:
    entry = {"from": "2026-10-25", "until": "2026-10-25 02:30", "timezone": "Europe/Berlin"}

    verdict = judged(entry, at="2026-10-25 00:00")

    assert isinstance(verdict, Wait)
    assert verdict.words == "frozen; opens Sun 2026-10-25 02:30+0100 Europe/Berlin"


@pytest.mark.parametrize("excepted", [{"applications": ["checkout"]}, {"labels": ["hotfix", "x"]}], ids=str)
def test_an_exception_is_not_frozen_and_says_so(excepted: object) -> None:
    verdict = judged({**WEEKEND, "except": excepted}, at="2026-01-03 00:00", labels=frozenset({"Hotfix"}))

    assert verdict == Allow("excepted from the freeze: weekend")


def test_an_exception_of_one_window_opens_no_other() -> None:
    entry = {**WEEKEND, "except": {"applications": ["checkout"]}}

    assert isinstance(judged(entry, {"from": "2026-01-01", "until": "2026-01-05"}, at="2026-01-03 00:00"), Wait)
    assert isinstance(judged({**WEEKEND, "except": {"applications": ["cart"]}}, at="2026-01-03 00:00"), Wait)


def test_labels_that_could_not_be_read_except_nothing() -> None:
    entry = {**WEEKEND, "except": {"labels": ["hotfix"]}}

    verdict = judged(entry, at="2026-01-03 00:00", labels=Unknown("GitHub answers 502"))

    assert isinstance(verdict, Wait)
    assert verdict.words.endswith("; whether it has an excepted label could not be read: GitHub answers 502")
    assert isinstance(judged(entry, labels=Unknown("GitHub answers 502")), Allow)


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ({}, "is not one freeze"),
        ({"cron": "0 0 * * *", "duration": "1h", "from": "2026-01-01"}, "is not one freeze"),
        ({"cron": "0 0 * * *"}, "has cron without duration"),
        ({"from": "2026-01-01", "duration": "1h"}, "has duration without cron"),
        ({"cron": "0 0 * *", "duration": "1h"}, "not a cron expression"),
        ({"cron": "0 0 0 * * *", "duration": "1h"}, "not a cron expression"),
        ({"cron": "61 0 * * *", "duration": "1h"}, "not a cron expression: minute is wrong"),
        ({"cron": "@weekly", "duration": "1h"}, "nickname"),
        ({"cron": "0 0 30 2 *", "duration": "1h"}, "cron expression: day-of-month is wrong"),
        ({"cron": "0 0 L/2-3 * *", "duration": "1h"}, "not a cron expression"),
        ({"cron": "0 0 * * MON#6", "duration": "1h"}, "not a cron expression"),
        ({"cron": "0 0 * * *", "duration": "1 hour"}, "not a duration"),
        ({"cron": "0 0 * * *", "duration": 60}, "expected a duration"),
        ({"cron": "0 0 * * *", "duration": "1h", "timezone": "Berlin"}, "not a time zone"),
        ({"cron": "0 0 * * *", "duration": "1h", "timezone": "Europe"}, "not a time zone"),
        ({"cron": "0 0 * * *", "duration": "1h", "timezone": "../etc/passwd"}, "not a time zone"),
        ({"cron": "0 0 * * *", "duration": "1h", "timezone": ""}, "not a time zone"),
        ({"from": "24.12.2026"}, "not a date"),
        ({"from": "2026-02-30"}, "not a date"),
        ({"until": "9999-12-31"}, "not between 2000 and 2999"),
        ({"from": "2026-02-02", "until": "2026-02-01"}, "ends before it begins"),
        ({"file": "/etc/passwd.ics"}, "not a path inside"),
        ({"file": "a/../b.ics"}, "not a path inside"),
        ({"file": "freezes.txt"}, "neither a calendar nor a list"),
        ({"file": "a.ics", "except": {"teams": ["x"]}}, "Extra inputs"),
    ],
    ids=str,
)
def test_an_entry_that_means_nothing_is_refused(entry: object, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        Options.model_validate([entry])
