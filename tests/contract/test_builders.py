"""What every builder elsewhere does, whatever its kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.ports import Progress
from service.store.ids import new_id
from tests.contract.builders import ActionsSide, Side, YardSide
from tests.fixtures.github_openapi import GitHubDescription
from tests.fixtures.workflows import actions_at


@pytest.fixture(params=["yard", "github-actions"])
def side(request: pytest.FixtureRequest, tmp_path: Path, github_description: GitHubDescription) -> Iterator[Side]:
    if request.param == "yard":
        yield YardSide()
        return
    with actions_at(tmp_path, github_description) as actions:
        yield ActionsSide(actions)


def start(side: Side) -> str:
    correlation = new_id()
    found = side.builder.start(side.request(correlation), correlation)
    assert found is not None
    return found


def progress(side: Side, *external_ids: str) -> dict[str, Progress]:
    return {one: standing.progress for one, standing in side.builder.states(external_ids).items()}


def whole_log(side: Side, external_id: str) -> str:
    """Read a log to its end, as the watch does."""
    text, after = "", ""
    for _ in range(50):
        piece = side.builder.log(external_id, after)
        if not piece.text:
            return text
        text, after = text + piece.text, piece.after
    raise AssertionError("the log has no end")


def test_started_build_is_under_way_under_its_id(side: Side) -> None:
    one = start(side)
    assert progress(side, one) == {one: Progress.RUNNING}


def test_started_build_is_found_by_its_correlation_and_by_no_other(side: Side) -> None:
    correlation = new_id()
    request = side.request(correlation)
    one = side.builder.start(request, correlation)
    assert side.builder.find(request, correlation) == one
    assert side.builder.find(request, new_id()) is None


def test_build_whose_start_told_no_id_is_found(side: Side) -> None:
    side.tell_no_ids()
    correlation = new_id()
    request = side.request(correlation)
    assert side.builder.start(request, correlation) is None
    found = side.builder.find(request, correlation)
    assert found is not None
    assert progress(side, found) == {found: Progress.RUNNING}


def test_build_that_is_not_listed_yet_is_not_seen_and_later_is(side: Side) -> None:
    side.hide()
    correlation = new_id()
    request = side.request(correlation)
    one = side.builder.start(request, correlation)
    assert one is not None
    assert (side.builder.find(request, correlation), progress(side, one)) == (None, {})
    side.reveal()
    assert (side.builder.find(request, correlation), progress(side, one)) == (one, {one: Progress.RUNNING})


@pytest.mark.parametrize("ended", [Progress.SUCCEEDED, Progress.FAILED, Progress.CANCELLED])
def test_ended_build_is_told_beside_one_that_goes_on(side: Side, ended: Progress) -> None:
    first, second = start(side), start(side)
    side.end(first, ended, "")
    assert progress(side, first, second) == {first: ended, second: Progress.RUNNING}


def test_failed_build_says_why(side: Side) -> None:
    one = start(side)
    side.end(one, Progress.FAILED, "")
    assert side.builder.states([one])[one].words


def test_cancelled_build_is_stopped_there(side: Side) -> None:
    one = start(side)
    side.builder.cancel(one)
    assert side.was_stopped(one)


def test_cancelling_what_has_ended_does_nothing(side: Side) -> None:
    one = start(side)
    side.end(one, Progress.SUCCEEDED, "")
    side.builder.cancel(one)
    assert progress(side, one) == {one: Progress.SUCCEEDED}


def test_log_is_read_to_its_end_each_piece_once(side: Side) -> None:
    one = start(side)
    early = side.builder.log(one, "")
    side.end(one, Progress.FAILED, "line 1\nerror: no space left\n")
    side.builder.states([one])
    text = early.text
    piece = side.builder.log(one, early.after)
    text += piece.text
    assert text.count("error: no space left") == 1
    assert side.builder.log(one, piece.after).text == ""
    assert whole_log(side, one).count("error: no space left") == 1
