"""Freezes from files of the manifest repository: calendars and lists."""

from __future__ import annotations

from datetime import UTC, date, datetime, time

import pytest
from dateutil.rrule import rrulestr
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.gates import Allow, FileText, Unknown, Verdict, Wait
from service.core.gates.freeze import Options, judge
from service.core.gates.repeating import repeated
from tests.core.gates.promotions import ahead, facts


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def calendar(*events: str) -> str:
    inner = "".join(f"BEGIN:VEVENT\nUID:{index}\n{event}\nEND:VEVENT\n" for index, event in enumerate(events))
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{inner}END:VCALENDAR\n"


def judged(text: str | Unknown, at: str, file: str = "freezes.ics", **entry: object) -> Verdict:
    options = Options.model_validate([{"file": file, "timezone": "Europe/Berlin", **entry}])
    return judge(options, facts(now=utc(at), files=(FileText(file, text),)))


def test_a_file_that_nobody_could_read_waits() -> None:
    unread = Unknown("the manifest repository does not answer", ahead(minutes=1))

    assert judged(unread, "2026-01-05 12:00") == Wait(
        "whether freezes.ics has a freeze could not be read: the manifest repository does not answer", ahead(minutes=1)
    )
    assert isinstance(judge(Options.model_validate([{"file": "freezes.ics"}]), facts()), Wait)


@pytest.mark.parametrize(
    ("event", "end"),
    [
        ("DTSTART;VALUE=DATE:20261224\nDTEND;VALUE=DATE:20261227\nSUMMARY:Xmas", "2026-12-26 23:00"),
        ("DTSTART;VALUE=DATE:20261224\nSUMMARY:Xmas\nTRANSP:TRANSPARENT", "2026-12-24 23:00"),
        ("DTSTART:20261224T000000Z\nDTEND:20261225T000000Z\nSUMMARY:Xmas", "2026-12-25 00:00"),
        ("DTSTART:20261224T000000\nDURATION:P1D\nSUMMARY:Xmas", "2026-12-24 23:00"),
        ("DTSTART;TZID=Asia/Seoul:20261224T180000\nDURATION:PT6H\nSUMMARY:Xmas", "2026-12-24 15:00"),
        ("DTSTART;TZID=W. Europe Standard Time:20261224T110000\nDURATION:PT6H\nSUMMARY:Xmas", "2026-12-24 16:00"),
        (
            "DTSTART;TZID=Asia/Seoul:20261224T180000\nDTEND;TZID=Europe/Berlin:20261224T180000\nSUMMARY:Xmas",
            "2026-12-24 17:00",
        ),
    ],
    ids=["days", "a day, marked as free", "UTC", "no zone", "zone", "a zone of Windows", "two zones"],
)
def test_an_event_is_a_window(event: str, end: str) -> None:
    verdict = judged(calendar(event), "2026-12-24 12:00")

    assert isinstance(verdict, Wait)
    assert verdict.words.startswith("frozen: Xmas; opens ")
    assert verdict.until == utc(end)


def test_an_event_that_repeats_keeps_its_time_on_the_wall() -> None:
    text = calendar("DTSTART;TZID=Europe/Berlin:20260102T180000\nDURATION:PT2H\nRRULE:FREQ=WEEKLY;BYDAY=FR")

    winter, summer = judged(text, "2026-01-09 17:30"), judged(text, "2026-07-03 16:30")

    assert isinstance(winter, Wait)
    assert winter.until == utc("2026-01-09 19:00")
    assert isinstance(summer, Wait)
    assert summer.until == utc("2026-07-03 18:00")


def test_whole_days_that_repeat_are_days_where_clocks_change_too() -> None:
    text = calendar("DTSTART;VALUE=DATE:20250329\nDTEND;VALUE=DATE:20250331\nRRULE:FREQ=WEEKLY")

    verdict = judged(text, "2026-03-28 12:00")

    assert isinstance(verdict, Wait)
    assert verdict.until == utc("2026-03-29 22:00")


REPEATED = "DTSTART:20260101T100000Z\nDURATION:PT1H\nRRULE:FREQ=DAILY;UNTIL=20260110T100000Z\nEXDATE:20260103T100000Z"


@pytest.mark.parametrize(
    ("at", "frozen"),
    [("2026-01-02", True), ("2026-01-03", False), ("2026-01-10", True), ("2026-01-11", False), ("2025-12-31", False)],
)
def test_an_end_and_exceptions_of_a_rule_count(at: str, frozen: bool) -> None:
    assert isinstance(judged(calendar(REPEATED), f"{at} 10:30"), Wait) == frozen


def test_a_single_event_of_many_may_be_moved_or_cancelled() -> None:
    moved = "RECURRENCE-ID:20260105T100000Z\nDTSTART:20260105T150000Z\nDURATION:PT1H"
    gone = "RECURRENCE-ID:20260106T100000Z\nDTSTART:20260106T100000Z\nDURATION:PT1H\nSTATUS:CANCELLED"
    text = calendar(REPEATED, moved, gone).replace("UID:1", "UID:0").replace("UID:2", "UID:0")

    assert isinstance(judged(text, "2026-01-05 10:30"), Allow)
    assert isinstance(judged(text, "2026-01-05 15:30"), Wait)
    assert isinstance(judged(text, "2026-01-06 10:30"), Allow)
    assert isinstance(judged(text, "2026-01-07 10:30"), Wait)


def test_an_event_of_a_zone_may_be_moved_by_a_time_in_utc() -> None:
    master = "DTSTART;TZID=Europe/Berlin:20260601T180000\nDURATION:PT1H\nRRULE:FREQ=DAILY"
    moved = "RECURRENCE-ID:20260605T160000Z\nDTSTART:20260605T190000Z\nDURATION:PT1H"
    text = calendar(master, moved).replace("UID:1", "UID:0")

    assert isinstance(judged(text, "2026-06-05 16:30"), Allow)
    assert isinstance(judged(text, "2026-06-05 19:30"), Wait)


END = date(2028, 6, 1)


@settings(max_examples=20, deadline=None)
@given(
    st.sampled_from(["DAILY", "WEEKLY", "MONTHLY", "YEARLY"]),
    st.sampled_from(["", ";INTERVAL=2", ";INTERVAL=7", ";COUNT=9", ";COUNT=30;INTERVAL=3"]),
    st.sampled_from(["", ";BYDAY=MO,FR", ";BYMONTHDAY=29,-1", ";BYMONTH=2", ";BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1"]),
    st.dates(date(2015, 1, 1), date(2027, 12, 31)),
)
def test_a_rule_has_the_starts_that_the_library_gives_from_its_real_beginning(
    frequency: str, every: str, by: str, first: date
) -> None:
    rule, start, end = f"FREQ={frequency}{every}{by}", datetime.combine(first, time(18)), datetime.combine(END, time())

    found = repeated(rule, start, end, 2026)

    assert found == rrulestr(rule, dtstart=start).between(start, end, inc=True)


def test_a_rule_that_never_comes_true_is_answered_soon() -> None:
    text = calendar("DTSTART:19700101T000000Z\nDURATION:P1D\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30")

    assert judged(text, "2026-01-05 12:00") == Allow("no freeze")


def test_a_cancelled_event_is_none() -> None:
    text = calendar("DTSTART:20260105T000000Z\nDURATION:P1D\nSTATUS:CANCELLED")

    assert judged(text, "2026-01-05 12:00") == Allow("no freeze")


def test_the_next_event_is_told() -> None:
    text = calendar("DTSTART;VALUE=DATE:20261224\nSUMMARY:Xmas", "DTSTART;VALUE=DATE:20261124\nSUMMARY:Sale")

    assert judged(text, "2026-01-05 12:00") == Allow(
        "no freeze; the next one begins Tue 2026-11-24 00:00 Europe/Berlin: Sale", utc("2026-11-23 23:00")
    )


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "not a calendar"),
        ("hello", "not a calendar"),
        ("BEGIN:VCALENDAR\nBEGIN:VEVENT\nSUMMARY:x\nEND:VEVENT\nEND:VCALENDAR", "cannot be read"),
        (calendar("DTSTART:someday"), "not a calendar"),
        (calendar("DTSTART:20260101T000000Z\nRRULE:FREQ=NEVER"), "not a calendar: RRULE"),
        (calendar("DTSTART:20260101T000000Z\nRRULE:FREQ=MINUTELY"), "repeats within a day"),
        (calendar("DTSTART;TZID=Home:20260101T000000\nDURATION:PT1H"), '"Home" is not a time zone'),
        (calendar("DTSTART:20260101T000000Z\nRDATE;VALUE=PERIOD:20260102T000000Z/PT1H"), "RDATE"),
        ("x" * 1_000_001, "megabyte"),
        (calendar(*["DTSTART:20260101T000000Z"] * 2001), "more than 2000 events"),
        (calendar(*["DTSTART:20260101T000000Z\nRRULE:FREQ=DAILY"] * 101), "more than 100 events that repeat"),
        (calendar("DTSTART:19690101T000000Z\nRRULE:FREQ=DAILY"), "begins before 1970"),
    ],
    ids=[
        "empty",
        "text",
        "no start",
        "bad start",
        "bad rule",
        "each minute",
        "unknown zone",
        "periods",
        "long",
        "many",
        "many rules",
        "old",
    ],
)
def test_a_calendar_that_is_not_understood_waits_in_words(text: str, words: str) -> None:
    verdict = judged(text, "2026-01-05 12:00")

    assert isinstance(verdict, Wait)
    assert verdict.words.startswith("whether freezes.ics has a freeze could not be read: ")
    assert words in verdict.words


LIST = """\
- {cron: "0 18 * * 5", duration: 62h, timezone: Asia/Seoul, reason: weekend}
- {from: "2026-12-24", until: "2026-12-26", reason: Xmas, except: {applications: [checkout]}}
"""


def test_a_list_has_the_same_entries_as_the_configuration() -> None:
    assert judged(LIST, "2026-01-03 00:00", "ops/freezes.yaml") == Wait(
        "frozen: weekend; opens Mon 2026-01-05 08:00 Asia/Seoul", utc("2026-01-04 23:00")
    )
    assert isinstance(judged(LIST, "2026-12-24 12:00", "ops/freezes.yaml"), Allow)


def test_an_exception_of_the_file_counts_for_all_of_it() -> None:
    excepted = {"except": {"applications": ["checkout"]}}

    assert isinstance(judged(LIST, "2026-01-03 00:00", "freezes.yml", **excepted), Allow)


def test_a_file_that_concerns_others_anyway_need_not_be_read() -> None:
    mine, other = ({"file": "a.ics", "except": {"applications": [name]}} for name in ("checkout", "cart"))

    assert isinstance(judge(Options.model_validate([mine]), facts()), Allow)
    assert isinstance(judge(Options.model_validate([mine, other]), facts()), Wait)


@pytest.mark.parametrize("text", ["", "[]", "# nothing\n"])
def test_an_empty_list_freezes_nothing(text: str) -> None:
    assert judged(text, "2026-01-03 00:00", "freezes.yaml") == Allow("no freeze")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a: b\n", "expected a list, found a mapping"),
        ("- [\n", "not YAML"),
        ('- {cron: "0 0 * *", duration: 1h}\n', "line 1"),
        ("- {from: 2026-12-24}\n", "line 1"),
        ("\n- {file: other.yaml}\n", "line 2"),
        ("- 5\n", "line 1"),
        ("- &a {from: '2026-12-24'}\n- *a\n", "anchors"),
    ],
)
def test_a_list_that_is_not_understood_waits_in_words(text: str, words: str) -> None:
    verdict = judged(text, "2026-01-03 00:00", "freezes.yaml")

    assert isinstance(verdict, Wait)
    assert verdict.words.startswith("whether freezes.yaml has a freeze could not be read: ")
    assert words in verdict.words


def test_a_window_that_is_on_is_told_beside_a_file_that_is_broken() -> None:
    options = Options.model_validate([{"file": "a.yaml"}, {"from": "2026-01-01", "until": "2026-01-09"}])

    verdict = judge(options, facts(files=(FileText("a.yaml", "x"),)))

    assert isinstance(verdict, Wait)
    assert verdict.words.startswith("frozen; opens Sat 2026-01-10 00:00 UTC; whether a.yaml has a freeze")
