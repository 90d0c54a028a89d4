"""The yard, with which the pipeline's tests build elsewhere, does what real builders do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from service.errors import PermanentError, RetryableError
from service.ports import BuildStanding, ElsewhereBuilder, Progress
from tests.adapters.builders.elsewhere_contract import ElsewhereContract
from tests.kinds.builders.yard import Options, Yard

CALLS = ("find", "states", "cancel", "log")


class Side:
    """The yard as the other side of itself."""

    unknown_id = "acme/checkout/404"
    options = Options()
    wrong_options = Options(size=0)

    def __init__(self) -> None:
        self.yard = Yard()
        self.yard.refused[Options(size=0)] = PermanentError("no such yard", code="yard-missing", hint="name another")

    @property
    def builder(self) -> ElsewhereBuilder:
        return self.yard

    @property
    def began(self) -> list[str]:
        return [one.correlation for one in self.yard.builds.values()]

    def end(self, external_id: str, progress: Progress) -> None:
        self.yard.builds[external_id].standing = BuildStanding(progress)

    def write(self, external_id: str, text: str) -> None:
        self.yard.builds[external_id].log += text

    def is_stopped(self, external_id: str) -> bool:
        return self.yard.builds[external_id].stopped

    @contextmanager
    def away(self) -> Iterator[None]:
        error = RetryableError("the yard does not answer", code="yard-away")
        self.yard.failing.update(dict.fromkeys((*CALLS, "begin"), error))
        yield
        self.yard.failing.clear()

    @contextmanager
    def deaf(self) -> Iterator[None]:
        error = RetryableError("the yard's answer is lost", code="yard-away")
        self.yard.failing.update(dict.fromkeys((*CALLS, "start"), error))
        yield
        self.yard.failing.clear()


@pytest.fixture
def other() -> Side:
    return Side()


class TestYard(ElsewhereContract):
    """The contract."""
