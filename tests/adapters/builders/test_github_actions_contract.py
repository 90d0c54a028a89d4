"""GitHub Actions keeps the contract of builders elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from devstack.github.runner import Script
from service.adapters.builders.github_actions import Options
from service.ports import ElsewhereBuilder, Progress
from tests.adapters.builders.elsewhere_contract import ElsewhereContract
from tests.fixtures.github_openapi import GitHubDescription
from tests.fixtures.workflows import SOURCE, Actions, actions_at


class Side:
    """GitHub as the other side. A workflow's log can be read when its run has ended: it is written then."""

    options = Options()
    wrong_options = Options(workflow="images.yaml")

    def __init__(self, actions: Actions) -> None:
        self._actions = actions
        self._logs: dict[str, str] = {}

    @property
    def builder(self) -> ElsewhereBuilder:
        return self._actions.builder

    @property
    def began(self) -> list[str]:
        return [str(run.inputs["correlation"]) for run in self._actions.runs]

    @property
    def unknown_id(self) -> str:
        return f"{SOURCE}/actions/runs/999999"

    def end(self, external_id: str, progress: Progress) -> None:
        run, runner = self._actions.run(external_id), self._actions.runner
        repository = self._actions.github.repository(SOURCE)
        log = self._logs.get(external_id, "")
        match progress:
            case Progress.CANCELLED:
                self._actions.workflows.cancel(repository, run)
            case Progress.FAILED:
                runner.play_one(repository, run, Script(fails_at="Build and push", log=log))
            case _:
                runner.play_one(repository, run, Script(log=log))

    def write(self, external_id: str, text: str) -> None:
        self._logs[external_id] = self._logs.get(external_id, "") + text

    def is_stopped(self, external_id: str) -> bool:
        return self._actions.run(external_id).conclusion == "cancelled"

    @contextmanager
    def away(self) -> Iterator[None]:
        self._actions.github.faults.answer("503 Service Unavailable", times=1000)
        yield
        self._actions.github.faults.clear()

    @contextmanager
    def deaf(self) -> Iterator[None]:
        self._actions.github.faults.cut(times=1000)
        yield
        self._actions.github.faults.clear()


@pytest.fixture
def other(tmp_path: Path, github_description: GitHubDescription) -> Iterator[Side]:
    with actions_at(tmp_path, github_description) as actions:
        yield Side(actions)


class TestGitHubActions(ElsewhereContract):
    """The contract."""
