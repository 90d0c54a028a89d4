"""What is asked for one text is bounded, however many applications it tells of, and equal questions are asked once."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, cast

import pytest

from service.errors import PermanentError
from service.pipeline.manifest.sparing import LEAST, Allowance, AskedOnce
from service.ports import Forge


class Counting:
    """Answers what it is asked, and counts."""

    def __init__(self) -> None:
        self.asked: list[int] = []

    def pull_request(self, repository: str, number: int) -> str:
        self.asked.append(number)
        if number == 404:
            raise PermanentError("gone", code="gone")
        return f"{repository}#{number}"


def spare(allowance: Allowance | None) -> tuple[Counting, Any]:
    forge = Counting()
    return forge, AskedOnce(cast(Forge, forge), allowance)


def test_equal_question_is_asked_once_also_if_the_answer_is_an_error() -> None:
    forge, once = spare(None)
    assert [once.pull_request("acme/a", 1), once.pull_request("acme/a", 1)] == ["acme/a#1"] * 2
    for _ in range(2):
        with pytest.raises(PermanentError, match="gone"):
            once.pull_request("acme/a", 404)
    assert forge.asked == [1, 404]


def test_each_gets_its_part_and_all_together_no_more_than_is_allowed() -> None:
    allowance = Allowance(requests=10, renderings=1, seconds=60.0)
    forge, once = spare(allowance)
    for application in range(300):
        allowance.begin(300 - application)
        for number in range(20):
            with suppress(PermanentError):
                once.pull_request("acme/a", 1_000 * application + number)
    assert forge.asked == [0, 1, 2, 3, 1_000, 1_001, 1_002, 1_003, 2_000, 2_001]
    assert LEAST == 4
    allowance.render()
    with pytest.raises(PermanentError, match="no more is rendered"):
        allowance.render()


def test_nothing_is_asked_once_the_time_is_over() -> None:
    allowance = Allowance(requests=10, renderings=10, seconds=-1.0)
    forge, once = spare(allowance)
    allowance.begin(1)
    with pytest.raises(PermanentError, match="no more is asked"):
        once.pull_request("acme/a", 1)
    assert forge.asked == []
