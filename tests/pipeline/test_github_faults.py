"""GitHub's API answers with limits, with errors, or not at all: a run waits for it and ends as it should."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devstack.github.server import GitHub
from service.core.words import RunState, WaitKind
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

PULLS = "/repos/acme/manifests/pulls"


def limit(github: GitHub) -> None:
    github.limit_primary(path=PULLS, times=2, reset_in=60)


def slow_down(github: GitHub) -> None:
    github.limit_secondary(path=PULLS, times=2, retry_after=60)


def fail(github: GitHub) -> None:
    github.faults.answer("500 Internal Server Error", path=PULLS, times=2)


def hang_up(github: GitHub) -> None:
    github.faults.cut(path=PULLS, times=4)


@pytest.mark.parametrize("misbehave", [limit, slow_down, fail, hang_up])
def test_promotion_waits_for_github_and_opens_one_pull_request(
    pipeline: Pipeline, misbehave: Callable[[GitHub], None]
) -> None:
    misbehave(pipeline.stack.github)
    pipeline.stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"})
    pipeline.settle()
    assert pipeline.wait(pipeline.run("prod"))[0] is WaitKind.RETRY
    pipeline.settle_over_time(seconds=180)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    run = pipeline.run("prod")
    assert (run.state, run.pull_request) == (RunState.WAITING, pull.number)


def test_configuration_that_cannot_be_read_holds_the_delivery_back_and_loses_nothing(pipeline: Pipeline) -> None:
    pipeline.stack.github.faults.answer("500 Internal Server Error", path="/repos/acme/manifests", times=6)
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pipeline.settle(looks=0)
    pipeline.settle_over_time("checkout-dev", seconds=120)
    assert pipeline.run("dev").state == RunState.SUCCEEDED
