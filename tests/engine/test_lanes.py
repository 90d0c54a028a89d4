"""Lanes: so many workflows at once, the rest in line; nothing that happens to one takes the place of another."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest

from service.engine.lanes import BEGUN_WITHIN_SECONDS, LINE_OF_FOUND, Lane


@dataclass
class Starts:
    """Starts workflows for a lane as a test wants it."""

    known: set[str] = field(default_factory=set)
    broken: set[str] = field(default_factory=set)
    started: list[str] = field(default_factory=list)
    seconds: float = 0.0

    def __call__(self, workflow_id: str, argument: str) -> bool:
        if workflow_id in self.broken:
            raise OSError("the line broke")
        if workflow_id in self.known:
            return False
        self.known.add(workflow_id)
        self.started.append(f"{workflow_id} {argument}")
        return True

    def lane(self, most: int) -> Lane:
        return Lane(most, self, clock=lambda: self.seconds)


def offer(lane: Lane, *names: str) -> None:
    for name in names:
        lane.offer(name, f"of-{name}")


def test_no_more_than_the_limit_are_started_and_the_rest_stand_in_line() -> None:
    starts = Starts()
    offer(starts.lane(2), "a", "b", "c")
    assert starts.started == ["a of-a", "b of-b"]


def test_end_of_one_starts_the_next_in_the_order_of_the_offers() -> None:
    starts = Starts()
    lane = starts.lane(1)
    offer(lane, "a", "b", "c")
    with lane.going("a"):
        assert starts.started == ["a of-a"]
    assert starts.started == ["a of-a", "b of-b"]


def test_workflow_that_fails_gives_its_place_back() -> None:
    starts = Starts()
    lane = starts.lane(1)
    offer(lane, "a", "b")
    with pytest.raises(KeyError), lane.going("a"):
        raise KeyError
    assert starts.started == ["a of-a", "b of-b"]


def test_one_that_is_here_already_is_not_taken_twice() -> None:
    starts = Starts()
    lane = starts.lane(2)
    offer(lane, "a", "b", "c", "c", "a")
    with lane.going("a"), lane.going("b"):
        pass
    assert starts.started == ["a of-a", "b of-b", "c of-c"]


def test_id_that_was_started_elsewhere_takes_no_place() -> None:
    starts = Starts(known={"a", "b", "c"})
    offer(starts.lane(1), "a", "b", "c", "d")
    assert starts.started == ["d of-d"]


def test_start_that_fails_takes_no_place() -> None:
    starts = Starts(broken={"a"})
    lane = starts.lane(1)
    offer(lane, "a", "b")
    assert starts.started == ["b of-b"]
    assert not lane.has("a")


def test_one_that_was_started_and_never_begins_gives_its_place_up_after_a_time() -> None:
    starts = Starts()
    lane = starts.lane(1)
    offer(lane, "a", "b")
    starts.seconds = BEGUN_WITHIN_SECONDS + 0.1
    assert not lane.knows("a")
    offer(lane, "c")
    assert starts.started == ["a of-a", "b of-b"]


def test_one_that_goes_on_for_long_keeps_its_place() -> None:
    starts = Starts()
    lane = starts.lane(1)
    offer(lane, "a")
    with lane.going("a"):
        starts.seconds = 100 * BEGUN_WITHIN_SECONDS
        offer(lane, "b")
        assert starts.started == ["a of-a"]


def test_closed_lane_starts_no_more() -> None:
    starts = Starts()
    lane = starts.lane(1)
    offer(lane, "a", "b")
    with lane.going("a"):
        lane.close()
    offer(lane, "c")
    assert starts.started == ["a of-a"]


def test_of_what_another_worker_may_have_in_line_only_some_stand_here() -> None:
    """Two workers with the same long line would try to start everything twice; the sweeper comes again."""
    starts = Starts()
    lane = starts.lane(1)
    names = [f"run {number}" for number in range(LINE_OF_FOUND + 2)]
    for name in names:
        lane.offer(name, f"of-{name}", stands=False)
    assert starts.started == ["run 0 of-run 0"]
    assert [name for name in names if not lane.knows(name)] == names[-1:]


def test_lane_knows_what_stands_in_its_line() -> None:
    lane = Starts().lane(1)
    offer(lane, "a", "b")
    assert (lane.knows("b"), lane.has("b")) == (True, False)
