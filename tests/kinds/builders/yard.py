"""A builder elsewhere for tests: a yard that builds nothing until a test says so.

What the yard has, it has also after a worker of ours was killed; a test may kill the worker right before a start has
effect or right after. Nothing but our correlation tells two starts of one build apart: it refuses no second one.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from service.adapters.parts import Parts
from service.core.words import BuilderPlace
from service.errors import MergeportError
from service.ports import BuildStanding, LogPiece, Progress, StartRequest


class Options(BaseModel):
    """The options of a yard, which builds an image when its test says so."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    kind: Literal["yard"] = "yard"
    size: int = 1
    at_once: int | None = None


def make(_parts: Parts) -> Yard:
    """Give an empty yard."""
    return Yard()


@dataclass
class YardBuild:
    """A build in the yard."""

    request: StartRequest
    correlation: str
    standing: BuildStanding = field(default_factory=lambda: BuildStanding(Progress.RUNNING, "queued in the yard"))
    log: str = ""
    stopped: bool = False


@dataclass
class Yard:
    """The builder elsewhere, and what it was asked."""

    place: Literal[BuilderPlace.ELSEWHERE] = BuilderPlace.ELSEWHERE
    listed_within: timedelta = timedelta(seconds=30)
    builds: dict[str, YardBuild] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    killed: Literal["", "before", "after"] = ""
    failing: dict[str, MergeportError] = field(default_factory=dict)
    """The error of a call of this name; a `start` fails after it has had effect, a `begin` before."""
    refused: dict[Options, MergeportError] = field(default_factory=dict)
    """Options that no start is possible with."""
    again: dict[str, str] = field(default_factory=dict)
    """The build that came of running one again."""
    tells_ids: bool = True
    beside: Callable[[], object] | None = None
    """What happens once, while it answers a search."""
    lags: bool = False
    """Whether builds are not listed yet."""

    def most_at_once(self, options: object) -> int | None:
        return options.at_once if isinstance(options, Options) else None

    def start(self, request: StartRequest, correlation: str) -> str | None:
        self.asked.append("start")
        if self.killed == "before":
            self.killed = ""
            raise SystemExit("the worker dies here")
        self._fail("begin")
        if isinstance(request.options, Options) and request.options in self.refused:
            raise self.refused[request.options]
        external_id = f"{request.repository}/{len(self.builds) + 1}"
        self.builds[external_id] = YardBuild(request, correlation)
        if self.killed == "after":
            self.killed = ""
            raise SystemExit("the worker dies here")
        self._fail("start")
        return external_id if self.tells_ids else None

    def find(self, request: StartRequest, correlation: str) -> str | None:  # noqa: ARG002 - the port's
        self.asked.append("find")
        self._fail("find")
        found = next((one for one in self._listed() if self.builds[one].correlation == correlation), None)
        if self.beside is not None:
            happens, self.beside = self.beside, None
            happens()
        return found

    def states(self, external_ids: Collection[str]) -> Mapping[str, BuildStanding]:
        if not external_ids:
            return {}
        self.asked.append("states")
        self._fail("states")
        return {one: self.builds[one].standing for one in external_ids if one in self._listed()}

    def repeated(self, external_ids: Collection[str]) -> Mapping[str, str]:
        return {one: self.again[one] for one in external_ids if one in self.again}

    def cancel(self, external_id: str) -> None:
        self.asked.append("cancel")
        self._fail("cancel")
        if external_id in self.builds:
            self.builds[external_id].stopped = True

    def log(self, external_id: str, after: str) -> LogPiece:
        self._fail("log")
        text = self.builds[external_id].log[int(after or 0) :]
        return LogPiece(text, str(int(after or 0) + len(text)))

    def _listed(self) -> Collection[str]:
        return () if self.lags else self.builds

    def _fail(self, call: str) -> None:
        if call in self.failing:
            raise self.failing[call]
