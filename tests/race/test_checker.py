"""The checker finds each fault that is planted, names it, and finds nothing where everything is right."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from devstack.bare import ZERO
from tests.race.checker import check
from tests.race.finding import Kind
from tests.race.hand import NAME, Hand
from tests.race.history import moves_of
from tests.race.planted import PLANTED
from tests.race.planted_closings import PLANTED_CLOSINGS
from tests.race.records import Stopped

ALL = PLANTED + PLANTED_CLOSINGS


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Hand:
    """Make one correct history for all tests."""
    hand = Hand(tmp_path_factory.mktemp("made"))
    clean(hand)
    return hand


@pytest.fixture
def hand(made: Hand, tmp_path: Path) -> Hand:
    return made.copy(tmp_path)


def kinds(hand: Hand) -> set[Kind]:
    return {one.kind for one in check(hand.evidence()).findings}


def clean(hand: Hand) -> None:
    """Write edits among people's commits; one is superseded, one removed by a person, one refused in words."""
    hand.write(hand.accept(1))
    hand.person()
    superseded, refused = hand.accept(2), hand.accept(1, "search")
    hand.end(superseded, "superseded")
    hand.end(refused, "failed", "manifest-history-rewritten")
    before = hand.write(hand.accept(3, "checkout", "prod"))
    hand.write(hand.accept(4))
    hand.force(before)
    hand.write(hand.accept(5))
    gone = hand.tip
    hand.force(ZERO)
    hand.force(gone)
    hand.write(hand.accept(6))
    close_and_open(hand)
    hand.first = 20


def close_and_open(hand: Hand) -> None:
    """Lock, hold, block and go back; what goes in meanwhile may do so."""
    blocked, late = hand.accept(6, "search"), hand.accept(7, "search")
    hand.act("lock", "search", "dev")
    hand.act("block", "", "", blocked.commit)
    hand.end(blocked, "failed", "blocked")
    hand.act("lock", "checkout", "prod", done=False)  # it was not done, so it promises nothing
    upstream = hand.accept(7)
    hand.write(upstream)
    hand.write(hand.accept(7, "checkout", "prod", upstream="dev"))
    asked = moves_of(hand.bare)
    hand.write(late)  # between the asking and the return it may go in
    hand.act("unlock", "search", "dev", asked=asked)
    hand.act("lock", "checkout", "dev", by_hand=True)
    hand.write(hand.accept(8))  # one push may miss an edit by hand
    hand.act("unlock", "checkout", "dev", by_hand=True)
    older, newer, superseded = (hand.accept(number, "search", "prod") for number in (7, 8, 9))
    hand.write(older)
    hand.write(newer)
    hand.act("rollback", "search", "prod", "BACK7")
    hand.end(superseded, "superseded")
    hand.roll_back(older)
    hand.act("unhold", "search", "prod")
    hand.write(newer, trailers={"Mergeport-Run": "AGAIN8"})


def test_a_right_history_passes(hand: Hand) -> None:
    verdict = check(hand.evidence())
    assert verdict.findings == []
    assert (verdict.counts["commits"], verdict.counts["pushes"], verdict.counts["accepted edits"]) == (13, 13, 14)


@pytest.mark.parametrize(("plant", "kind"), ALL, ids=[f"{plant.__name__}-{kind.name}" for plant, kind in ALL])
def test_a_planted_fault_is_found_and_named(hand: Hand, plant: Callable[[Hand], None], kind: Kind) -> None:
    plant(hand)
    assert kind in kinds(hand)


def test_every_kind_of_fault_is_planted() -> None:
    assert {kind for _, kind in ALL} == set(Kind)


def test_an_edit_removed_before_it_was_heard_of_may_be_written_again(hand: Hand) -> None:
    """The answer was lost and the tip under it was kept, so the branch looks as if the push never arrived."""
    before, edit = hand.tip, hand.accept(7)
    hand.write(edit)
    hand.force(before, settled=False)
    hand.person()
    hand.write(edit)
    verdict = check(hand.evidence())
    assert verdict.findings == []
    assert verdict.counts["edits written again that were removed unheard"] == 1


def test_what_a_person_brings_back_is_no_fault(hand: Hand) -> None:
    before, edit = hand.tip, hand.accept(7)
    commit = hand.write(edit)
    hand.force(before)
    hand.force(commit)
    hand.end(edit, "failed", "manifest-history-rewritten")
    assert kinds(hand) == set()


def test_one_push_of_a_process_that_slept_longer_than_its_lease_is_counted(hand: Hand) -> None:
    at = moves_of(hand.bare)
    hand.act("lock")
    hand.stopped.append(Stopped(34.0, {NAME: at}, {NAME: at}))
    hand.write(hand.accept(7))
    verdict = check(hand.evidence())
    assert verdict.findings == []
    assert verdict.counts["pushes of a process that slept longer than its lease"] == 1
