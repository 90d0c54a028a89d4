"""A name in the state that the configuration does not have is told, and stops what it may have been meant to stop."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.core.state import Block, Blocked, Candidate, Entry, Hold, Lock, Placed, State, in_the_way, recall, told
from service.core.state.astray import Names, astray_in_words, marked, read_stored, stored, strays

NOW = datetime(2026, 11, 29, 17, 0, tzinfo=UTC)
HAND, COMMAND = Placed("", "anna", NOW), Placed("01M8", "anna", NOW)
NAMES = Names(
    frozenset({"dev", "stage", "prod"}), frozenset({"checkout", "billing"}),
    frozenset({("checkout", "dev"), ("checkout", "prod"), ("billing", "prod")}), frozenset({("billing", "stage")}),
)  # fmt: skip
ALL = {("checkout", "dev"), ("checkout", "prod"), ("billing", "prod")}


def judged(*entries: Entry) -> State:
    """Give the state as it is in force after it was kept and read again."""
    state = State.of({entry.subject: entry for entry in entries})
    return marked(state, read_stored(stored(strays(state, NAMES))))


@pytest.mark.parametrize(
    ("entry", "closes", "words"),
    [
        (Lock(HAND, "prod"), {("checkout", "prod"), ("billing", "prod")}, ""),
        (Lock(HAND), ALL, ""),
        (Lock(HAND, "prd"), ALL, "no environment prd (did you mean prod?); until it is corrected it counts for"),
        (Lock(HAND, "live"), ALL, "no environment live (known: dev, prod, stage)"),
        (Lock(COMMAND, "prd"), ALL, "no environment prd"),
        (Lock(HAND, "prod", "chekout"), {("checkout", "prod"), ("billing", "prod")}, "did you mean checkout?"),
        (Lock(HAND, "prd", "checkout"), {("checkout", "dev"), ("checkout", "prod")}, "every environment"),
        (Lock(COMMAND, "prod", "old"), set(), "so it closes nothing; `mergeport unlock prod old` takes it away"),
        (Lock(HAND, "stage"), set(), "stage is written to another repository"),
        (Hold(HAND, "chekout", "prod"), {("checkout", "prod"), ("billing", "prod")}, "every application"),
        (Hold(HAND, "chekout", "prd"), ALL, "every environment and every application"),
        (Hold(COMMAND, "old", "prod"), set(), "`mergeport unhold old prod` takes it away"),
        (Hold(HAND, "billing", "dev"), set(), "billing is not in dev, so it closes nothing"),
        (Hold(HAND, "billing", "stage"), set(), "is written to another repository"),
        (Block(HAND, Blocked.MODEL, "fraud@7"), set(), "promotes no models by name and version"),
        (Block(HAND, Blocked.COMMIT, "4f2c1e9a" * 5), set(), ""),
    ],
)  # fmt: skip
def test_entry_closes_what_it_names_or_may_have_meant(entry: Entry, closes: set[tuple[str, str]], words: str) -> None:
    state = judged(entry)
    there = {
        (application, environment) for application, environment in ALL
        if in_the_way(state, Candidate(application, environment, "0" * 40), NOW)
    }  # fmt: skip
    assert there == closes
    said = list(astray_in_words(state))
    assert len(said) == bool(words)
    assert words in "".join(said)
    assert words in told(state.entries[0], NOW)


def test_empty_environment_may_be_locked() -> None:
    names = Names(frozenset({"dev", "later"}), frozenset({"checkout"}), frozenset({("checkout", "dev")}), frozenset())
    assert strays(State((Lock(HAND, "later"),)), names) == {}


def test_state_that_was_good_once_is_read_whatever_is_refused_in_it_since() -> None:
    text = 'locks:\n  - environment: Prod\n    who: anna\n    since: "2026-11-29T17:00:00Z"\n    reason: new key\n'
    (entry,) = recall(text).entries
    assert (entry.subject, entry.placed.who) == (("lock", "Prod", ""), "anna")
    assert recall("# nothing\n") == State()
