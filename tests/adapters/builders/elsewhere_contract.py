"""What every builder elsewhere does, whatever its kind: run against a double of the other side, over its real client.

A kind's test file gives the other side by a fixture `other`, and a class `Test…` that inherits `ElsewhereContract`.
The yard of tests/kinds runs the same, so that the pipeline's tests know no builder that does more than the real ones.
"""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import UTC, datetime
from typing import Any, Protocol

import pytest

from service.core.images import ImageReference, labels_for
from service.core.words import BuilderPlace, Repository, Sha
from service.errors import PermanentError, RetryableError
from service.ports import ElsewhereBuilder, Progress, StartRequest
from service.store.ids import new_id
from tests.contract.registries import ECR_HOST, REVISION, SOURCE

TAG = REVISION[:12]


class OtherSide(Protocol):
    """The system that makes the images, as a test sees and moves it."""

    @property
    def builder(self) -> ElsewhereBuilder:
        """Give our builder that talks to it."""
        ...

    @property
    def options(self) -> object:
        """Give options with which a start succeeds."""
        ...

    @property
    def wrong_options(self) -> object:
        """Give options with which the other side refuses a start for good: it has no such workflow or project."""
        ...

    @property
    def began(self) -> list[str]:
        """Tell the correlation of every build that began there, oldest first."""
        ...

    @property
    def unknown_id(self) -> str:
        """Give an external id as the builder writes them, of a build that is not there."""
        ...

    def end(self, external_id: str, progress: Progress) -> None:
        """Let a build end there."""
        ...

    def write(self, external_id: str, text: str) -> None:
        """Let a build write a line of its log; it may be readable only after the build's end."""
        ...

    def is_stopped(self, external_id: str) -> bool:
        """Tell whether a build was asked to stop there."""
        ...

    def away(self) -> AbstractContextManager[Any]:
        """Let every call fail, and have no effect, as when the other side is down."""
        ...

    def deaf(self) -> AbstractContextManager[Any]:
        """Let every call have its effect, and no answer come back."""
        ...


def start_request(options: object, *, commit: str = REVISION, tag: str = TAG) -> StartRequest:
    """Give the request of an image, asked for now."""
    return StartRequest(
        repository=Repository("acme/checkout"),
        branch="main",
        commit=Sha(commit),
        reference=ImageReference(ECR_HOST, "checkout", tag),
        labels=labels_for(source_url=SOURCE, commit=Sha(commit), version=tag),
        options=options,
        since=datetime.now(UTC),
    )


def started(other: OtherSide, correlation: str = "") -> str:
    """Start a build; give its external id, found where the start did not tell it."""
    request, correlation = start_request(other.options), correlation or new_id()
    found = other.builder.start(request, correlation) or other.builder.find(request, correlation)
    assert found is not None
    return found


def whole_log(builder: ElsewhereBuilder, external_id: str) -> str:
    """Read a log as the pipeline does: piece by piece, until none is left."""
    text, after = "", ""
    for _ in range(100):
        piece = builder.log(external_id, after)
        if not piece.text or piece.after == after:
            return text
        text, after = text + piece.text, piece.after
    raise AssertionError("the log never ends")


class ElsewhereContract:
    """The claims. Each test gets the other side afresh."""

    def test_it_works_elsewhere(self, other: OtherSide) -> None:
        assert other.builder.place is BuilderPlace.ELSEWHERE

    def test_start_begins_one_build_that_is_under_way(self, other: OtherSide) -> None:
        external_id = started(other, "01ARZ3NDEKTSV4RRFFQ69G5FAV")
        assert other.began == ["01ARZ3NDEKTSV4RRFFQ69G5FAV"]
        assert other.builder.states([external_id])[external_id].progress is Progress.RUNNING

    def test_started_build_is_found_by_its_correlation(self, other: OtherSide) -> None:
        ids = {correlation: started(other, correlation) for correlation in (new_id(), new_id(), new_id())}
        request = start_request(other.options)
        assert {one: other.builder.find(request, one) for one in ids} == ids

    def test_start_that_never_was_is_not_found(self, other: OtherSide) -> None:
        started(other)
        assert other.builder.find(start_request(other.options), new_id()) is None

    def test_ended_build_is_found_too(self, other: OtherSide) -> None:
        correlation = new_id()
        external_id = started(other, correlation)
        other.end(external_id, Progress.SUCCEEDED)
        assert other.builder.find(start_request(other.options), correlation) == external_id

    def test_external_id_is_one_line_that_its_row_can_hold(self, other: OtherSide) -> None:
        external_id = started(other)
        assert external_id.isprintable()
        assert 0 < len(external_id) <= 500

    def test_start_whose_answer_is_lost_is_doubted_and_found(self, other: OtherSide) -> None:
        request, correlation = start_request(other.options), new_id()
        with other.deaf(), pytest.raises(RetryableError):
            other.builder.start(request, correlation)
        assert other.began == [correlation]
        assert other.builder.find(request, correlation) is not None

    def test_start_while_the_other_side_is_away_is_doubted_and_began_nothing(self, other: OtherSide) -> None:
        request, correlation = start_request(other.options), new_id()
        with other.away(), pytest.raises(RetryableError):
            other.builder.start(request, correlation)
        assert other.began == []
        assert other.builder.find(request, correlation) is None

    def test_start_that_is_refused_for_good_says_what_to_do(self, other: OtherSide) -> None:
        with pytest.raises(PermanentError) as caught:
            other.builder.start(start_request(other.wrong_options), new_id())
        assert caught.value.hint
        assert other.began == []

    @pytest.mark.parametrize("progress", [Progress.SUCCEEDED, Progress.FAILED, Progress.CANCELLED])
    def test_build_ends_as_it_ended_there(self, other: OtherSide, progress: Progress) -> None:
        external_id = started(other)
        other.end(external_id, progress)
        assert other.builder.states([external_id])[external_id].progress is progress

    def test_many_builds_are_told_apart_in_one_answer(self, other: OtherSide) -> None:
        ids = [started(other) for _ in range(4)]
        ends = [Progress.SUCCEEDED, Progress.FAILED, Progress.CANCELLED, Progress.RUNNING]
        for external_id, progress in zip(ids, ends, strict=True):
            if progress is not Progress.RUNNING:
                other.end(external_id, progress)
        told = other.builder.states(ids)
        assert [told[external_id].progress for external_id in ids] == ends

    def test_unknown_build_is_left_out(self, other: OtherSide) -> None:
        external_id = started(other)
        assert list(other.builder.states([other.unknown_id, external_id])) == [external_id]

    def test_nothing_is_asked_about_no_builds(self, other: OtherSide) -> None:
        with other.away():
            assert other.builder.states([]) == {}

    def test_builder_that_is_away_tells_no_state(self, other: OtherSide) -> None:
        external_id = started(other)
        with other.away(), pytest.raises(RetryableError):
            other.builder.states([external_id])

    def test_find_while_the_other_side_is_away_does_not_say_that_there_is_none(self, other: OtherSide) -> None:
        request, correlation = start_request(other.options), new_id()
        other.builder.start(request, correlation)
        with other.away(), pytest.raises(RetryableError):
            other.builder.find(request, correlation)

    def test_build_is_stopped(self, other: OtherSide) -> None:
        external_id = started(other)
        other.builder.cancel(external_id)
        assert other.is_stopped(external_id)

    def test_stopping_again_or_after_the_end_is_harmless(self, other: OtherSide) -> None:
        first, second = started(other), started(other)
        other.builder.cancel(first)
        other.builder.cancel(first)
        other.end(second, Progress.SUCCEEDED)
        other.builder.cancel(second)
        assert other.builder.states([second])[second].progress is Progress.SUCCEEDED

    def test_stopping_an_unknown_build_is_harmless(self, other: OtherSide) -> None:
        external_id = started(other)
        other.builder.cancel(other.unknown_id)
        assert other.builder.states([external_id])[external_id].progress is Progress.RUNNING

    def test_log_of_a_build_that_has_only_begun_has_an_end(self, other: OtherSide) -> None:
        """It may have what the builder itself says of the build, and nothing else."""
        assert "step one" not in whole_log(other.builder, started(other))

    def test_log_is_read_on_from_its_place_and_each_line_once(self, other: OtherSide) -> None:
        external_id, builder = started(other), other.builder
        other.write(external_id, "step one\n")
        first = builder.log(external_id, "")
        other.write(external_id, "error: no space left\n")
        other.end(external_id, Progress.FAILED)
        rest, after = "", first.after
        while (piece := builder.log(external_id, after)).text and piece.after != after:
            rest, after = rest + piece.text, piece.after
        text = first.text + rest
        assert (text.count("step one\n"), text.count("error: no space left\n")) == (1, 1)
        assert text.index("step one") < text.index("error: no space left")

    def test_log_of_an_ended_build_is_read_to_its_end(self, other: OtherSide) -> None:
        external_id = started(other)
        lines = [f"line {number}\n" for number in range(30)]
        for one in lines:
            other.write(external_id, one)
        other.end(external_id, Progress.FAILED)
        text = whole_log(other.builder, external_id)
        assert [text.count(one) for one in lines] == [1] * len(lines)

    def test_log_while_the_other_side_is_away_is_no_empty_log(self, other: OtherSide) -> None:
        external_id = started(other)
        other.write(external_id, "step one\n")
        other.end(external_id, Progress.FAILED)
        with other.away(), pytest.raises(RetryableError):
            other.builder.log(external_id, "")
