"""The state's file says exactly what was decided: it is read strictly, written readably, and changed entry by entry."""

from __future__ import annotations

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.config.texts import is_name
from service.core.state import (
    Block,
    Blocked,
    Candidate,
    Cause,
    Entry,
    Hold,
    Lock,
    Placed,
    State,
    add,
    in_the_way,
    parse,
    remove,
    tidied,
    told,
    write,
)
from service.core.state.state_writer import sound
from service.errors import ConfigError, PermanentError

NOW = datetime(2026, 11, 29, 17, 0, tzinfo=UTC)
DIGEST = f"sha256:{'0a' * 32}"
COMMIT = "4f2c1e9a" * 5


def placed(who: str = "anna", entry_id: str = "1", **more: object) -> Placed:
    return Placed(entry_id, who, NOW, **more)  # type: ignore[arg-type] # the test names fields of it


names = st.text(string.ascii_lowercase + string.digits + "-_", min_size=1, max_size=20).filter(is_name)
texts = st.text(min_size=0, max_size=200).map(sound)
times = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)).map(lambda at: at.replace(tzinfo=UTC, microsecond=0))  # noqa: DTZ001 - the zone follows


@st.composite
def entries(draw: st.DrawFn) -> Entry:
    put = Placed(
        draw(st.uuids()).hex,
        draw(texts.filter(bool)),
        draw(times),
        draw(texts),
        draw(st.none() | times),
    )
    match draw(st.integers(0, 4)):
        case 0:
            return Lock(put)
        case 1:
            return Lock(put, draw(names), draw(st.just("") | names))
        case 2:
            return Hold(
                put, draw(names), draw(names), draw(st.sampled_from(Cause)), draw(st.just("") | st.just(DIGEST))
            )
        case 3:
            return Block(put, Blocked.DIGEST, f"sha256:{draw(st.integers(0, 2**256 - 1)):064x}")
        case _:
            return Block(put, Blocked.COMMIT, f"{draw(st.integers(0, 2**160 - 1)):040x}")


states = st.lists(entries(), max_size=8).map(lambda some: State.of({one.subject: one for one in some}))


@given(states)
def test_what_is_written_reads_the_same(state: State) -> None:
    assert parse(write(state)) == state


@given(states, states)
def test_what_is_written_over_another_text_reads_the_same(before: State, after: State) -> None:
    assert parse(write(after, write(before))) == after


@given(states, entries(), entries())
def test_changes_of_different_entries_commute(state: State, one: Entry, other: Entry) -> None:
    there = state.by_subject()
    if one.subject == other.subject or {one.subject, other.subject} & set(there):
        return
    assert add(add(state, one, now=NOW), other, now=NOW) == add(add(state, other, now=NOW), one, now=NOW)
    both = add(add(state, one, now=NOW), other, now=NOW)
    assert remove(both, one.subject, one.name) == add(state, other, now=NOW)


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("locks:\n  - wasn: prod\n    who: a\n    since: '2026-01-01T00:00:00Z'\n", 2, "not a key here"),
        ("lokcs: []\n", 1, "not a key here"),
        ("locks:\n  - environment: prod\n    since: '2026-01-01T00:00:00Z'\n", 2, "`who` is missing"),
        ("locks:\n  - environment: prod\n    who: a\n", 2, "`since` is missing"),
        ("locks:\n  - environment: prod\n    who: a\n    since: yesterday\n", 4, "no time"),
        ("locks:\n  - environment: prod\n    who: a\n    since: '2026-01-01T00:00:00'\n", 4, "no time"),
        ("locks:\n  - environment: prod\n    who: a\n    since: 2026-01-01T00:00:00Z\n", 4, "a date in YAML 1.1"),
        ("locks:\n  - who: a\n    since: '2026-01-01T00:00:00Z'\n", 2, "does not say what is locked"),
        ("locks:\n  - all: true\n    environment: prod\n    who: a\n    since: '2026-01-01T00:00:00Z'\n", 2, "what"),
        ("locks:\n  - all: false\n    who: a\n    since: '2026-01-01T00:00:00Z'\n", 2, "expected true"),
        ("locks: prod\n", 1, "expected a list"),
        ("locks: [prod]\n", 1, "expected a mapping"),
        ("blocks:\n  - commit: 4f2c1e9\n    who: a\n    since: '2026-01-01T00:00:00Z'\n", 2, "is no commit"),
        ("blocks:\n  - who: a\n    since: '2026-01-01T00:00:00Z'\n", 2, "names one thing"),
        ("holds:\n  - application: a\n    who: a\n    since: '2026-01-01T00:00:00Z'\n", 2, "`environment` is missing"),
        ("locks:\n  - &a\n    environment: prod\n", 2, "anchor"),
        ("locks:\n  - environment: prod\n   who: a\n", 3, "not YAML"),
        ("locks: []\n---\nlocks: []\n", 2, "second document"),
        ("locks: []\nlocks: []\n", 2, "twice"),
        ("locks:\n  - environment: \x1bprod\n", 2, "U+001B"),
    ],
)
def test_what_is_not_understood_is_a_fault_with_its_line(text: str, line: int, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text.encode())
    assert caught.value.code == "state-broken"
    told_here = [fault for fault in caught.value.faults if fault.line == line and words in fault.message]
    assert told_here, [str(fault) for fault in caught.value.faults]


def test_second_lock_of_an_environment_is_a_fault_that_names_the_first() -> None:
    one = "  - environment: prod\n    who: a\n    since: '2026-01-01T00:00:00Z'\n"
    with pytest.raises(ConfigError, match="line 2 already"):
        parse(f"locks:\n{one}{one}")


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n\n", "\ufeff# nothing", "locks:\n", "locks: []\n"])
def test_file_that_says_nothing_is_the_empty_state(text: str) -> None:
    assert parse(text) == State()


def test_file_that_is_too_large_is_not_read() -> None:
    with pytest.raises(ConfigError, match="bytes"):
        parse(b"# x\n" * 300_000)


def test_comments_of_people_stay_where_an_entry_comes_and_goes() -> None:
    text = (
        "# read the runbook first\n"
        "locks:\n"
        "  # until the incident is closed\n"
        "  - environment: prod  # all of it\n"
        "    who: anna\n"
        '    since: "2026-11-29T17:00:00Z"\n'
        "\n"
        "blocks:\n"
        "  # crashes at night\n"
        f"  - commit: {COMMIT}\n"
        "    who: ben\n"
        '    since: "2026-11-29T17:00:00Z"\n'
    )
    before = parse(text)
    more = write(add(before, Lock(placed(), "stage"), now=NOW), text)
    assert (
        more.replace('  - environment: stage\n    who: anna\n    since: "2026-11-29T17:00:00Z"\n    id: "1"\n', "")
        == text
    )
    less = write(remove(before, ("lock", "prod", ""), "prod"), text)
    assert "# read the runbook first" in less
    assert "# crashes at night" in less
    assert "all of it" not in less


def test_text_in_another_form_is_written_as_a_whole() -> None:
    text = "locks: [{environment: prod, who: anna, since: '2026-11-29T17:00:00Z'}]\n"
    added = add(parse(text), Lock(placed(), "stage"), now=NOW)
    assert parse(write(added, text)) == added


def test_second_lock_is_refused_and_says_by_whom() -> None:
    locked = add(State(), Lock(placed(why="incident 42"), "prod"), now=NOW)
    with pytest.raises(
        PermanentError, match="prod is locked by anna since 2026-11-29 17:00 UTC: incident 42"
    ) as caught:
        add(locked, Lock(placed("ben", "2"), "prod"), now=NOW)
    assert caught.value.code == "already-locked"


def test_lock_whose_time_is_over_is_replaced() -> None:
    locked = add(State(), Lock(placed(until=NOW), "prod"), now=NOW - timedelta(hours=1))
    assert add(locked, Lock(placed("ben", "2"), "prod"), now=NOW).entries[0].placed.who == "ben"


def test_same_entry_placed_twice_is_there_once() -> None:
    entry = Lock(placed(), "prod")
    assert add(add(State(), entry, now=NOW), entry, now=NOW) == State((entry,))


def test_nothing_to_unlock_is_refused_and_lists_what_is_locked() -> None:
    locked = add(State(), Lock(placed(), "prod"), now=NOW)
    with pytest.raises(PermanentError, match="nothing to unlock") as caught:
        remove(locked, ("lock", "stage", ""), "stage")
    assert caught.value.hint == "locked: prod"


def test_entry_is_tidied_away_only_long_after_its_time() -> None:
    """A clock that is five minutes ahead takes no lock away that is still in force."""
    locked = State((Lock(placed(until=NOW + timedelta(minutes=4)), "prod"),))
    assert tidied(locked, NOW + timedelta(minutes=5)) == locked
    assert tidied(locked, NOW + timedelta(hours=2)) == State()


@pytest.mark.parametrize(
    ("entry", "covers"),
    [
        (Lock(placed()), True),
        (Lock(placed(), "prod"), True),
        (Lock(placed(), "prod", "checkout"), True),
        (Lock(placed(), "prod", "cart"), False),
        (Lock(placed(), "stage"), False),
        (Hold(placed(), "checkout", "prod"), True),
        (Hold(placed(), "checkout", "stage"), False),
        (Block(placed(), Blocked.COMMIT, COMMIT), True),
        (Block(placed(), Blocked.COMMIT, "1" * 40), False),
        (Block(placed(), Blocked.DIGEST, DIGEST), True),
        (Block(placed(), Blocked.MODEL, "fraud-scorer@7"), True),
        (Block(placed(), Blocked.MODEL, "fraud-scorer@70"), False),
        (Lock(placed(until=NOW), "prod"), False),
        (Lock(placed(until=NOW + timedelta(seconds=1)), "prod"), True),
        (Lock(Placed("1", "a clock that is ahead", NOW + timedelta(minutes=5)), "prod"), True),
    ],
)
def test_entry_stands_in_the_way_of_what_it_names_until_its_time_is_over(entry: Entry, *, covers: bool) -> None:
    candidate = Candidate("checkout", "prod", COMMIT, frozenset({DIGEST}), frozenset({"fraud-scorer@7"}))
    assert bool(in_the_way(State((entry,)), candidate, NOW)) is covers


def test_reason_of_any_kind_is_kept_whole_and_told_in_one_short_line() -> None:
    why = sound("@team\x1b[31m fixes #3\r\n" + "ä" * 9_000)
    state = State((Lock(placed(why=why), "prod"),))
    assert parse(write(state)) == state
    assert len(told(state.entries[0], NOW)) < 400
    assert "\n" not in told(state.entries[0], NOW)


def test_file_of_empty_lines_and_comments_is_read_in_no_time() -> None:
    aside = "\n \n# nothing\n" * 60_000
    assert parse(aside) == State()
    with pytest.raises(ConfigError, match=r"state\.yaml has 1 fault"):
        parse(f"{aside}x")


@pytest.mark.parametrize("name", [" prod", "prod ", "prod\\0", "prod\\u200b", "pr\\u202eod", "Prod", "stage,prod", "*"])
@pytest.mark.parametrize("section", ["locks", "holds"])
def test_name_that_only_looks_like_one_closes_nothing_and_is_a_fault(section: str, name: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(
            f'{section}:\n- environment: "{name}"\n  application: shop\n  who: ann\n  since: "2026-11-29T17:00:00Z"\n'
        )
    assert "cannot be a name" in str(caught.value.faults[0])
