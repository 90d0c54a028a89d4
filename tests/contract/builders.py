"""Builders elsewhere for the contract tests: each with what a test does on its other side."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

from devstack.github.runner import Script
from service.core.images import ImageReference
from service.core.words import Repository, Sha
from service.ports import BuildStanding, ElsewhereBuilder, Progress, StartRequest
from tests.fixtures.workflows import Actions
from tests.kinds.builders import yard


class Side(Protocol):
    """A builder and its other side."""

    @property
    def builder(self) -> ElsewhereBuilder: ...

    def request(self, correlation: str) -> StartRequest: ...

    def end(self, external_id: str, progress: Progress, log: str) -> None:
        """Let a build end there."""

    def hide(self) -> None:
        """Let builds that start from now on be seen later."""

    def reveal(self) -> None: ...

    def tell_no_ids(self) -> None: ...

    def was_stopped(self, external_id: str) -> bool: ...


@dataclass
class YardSide:
    builder: yard.Yard = field(default_factory=yard.Yard)

    def request(self, correlation: str) -> StartRequest:  # noqa: ARG002 - the others need it
        reference = ImageReference("registry.test", "checkout", "one")
        return StartRequest(Repository("acme/checkout"), "develop", Sha("c" * 40), reference, {}, yard.Options())

    def end(self, external_id: str, progress: Progress, log: str) -> None:
        one = self.builder.builds[external_id]
        one.standing, one.log = BuildStanding(progress, "because"), log

    def hide(self) -> None:
        self.builder.lags = True

    def reveal(self) -> None:
        self.builder.lags = False

    def tell_no_ids(self) -> None:
        self.builder.tells_ids = False

    def was_stopped(self, external_id: str) -> bool:
        return self.builder.builds[external_id].stopped


@dataclass
class ActionsSide:
    actions: Actions

    @property
    def builder(self) -> ElsewhereBuilder:
        return self.actions.builder

    def request(self, correlation: str) -> StartRequest:
        return self.actions.request(correlation)

    def end(self, external_id: str, progress: Progress, log: str) -> None:
        run, runner = self.actions.run(external_id), self.actions.runner
        repository = self.actions.github.repository("acme/checkout")
        match progress:
            case Progress.CANCELLED:
                self.actions.workflows.cancel(repository, run)
            case Progress.FAILED:
                runner.play_one(repository, run, Script(fails_at="Build and push", log=log))
            case _:
                runner.play_one(repository, run, Script(log=log))

    def hide(self) -> None:
        self.actions.workflows.mode.lists = self.actions.workflows.mode.shows = False

    def reveal(self) -> None:
        self.actions.workflows.reveal()

    def tell_no_ids(self) -> None:
        self.actions.workflows.mode.answers = "nothing"

    def was_stopped(self, external_id: str) -> bool:
        return self.actions.run(external_id).conclusion == "cancelled"
