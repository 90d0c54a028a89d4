"""A release that gets degraded soon after it went live is gone back from by itself, if that is wanted, and once."""

from __future__ import annotations

import pytest

from service.core.state import Cause
from service.core.words import RunState
from service.pipeline.deploy.live_watch import look_at_live
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_deployments import deployed
from tests.pipeline.test_downstream import configure
from tests.pipeline.test_rollback import digest, hold_of, unhold, values

WANTED = CONFIGURATION.replace(
    "dev: {branch: develop}", "dev: {branch: develop, rollback: {when_degraded_within: 10m}}"
)


def degrade(pipeline: Pipeline, *, after: float = 1) -> None:
    """Let the live release get degraded so many minutes later, and stay so."""
    pipeline.clock.move(minutes=after)
    pipeline.stack.argocd.application("checkout-dev").set_health("Degraded", "exec format error")
    for _ in range(3):
        look_at_live(pipeline.context)
        pipeline.clock.move(minutes=2)
    pipeline.settle(looks=0)


def backs(pipeline: Pipeline) -> list[Run]:
    return [run for run in pipeline.runs() if run.rollback is not None]


@pytest.fixture
def two(pipeline: Pipeline) -> tuple[Run, Run]:
    configure(pipeline, WANTED)
    return deployed(pipeline, "two"), deployed(pipeline, "three")


def test_degraded_release_is_gone_back_from_in_the_deployers_words(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    degrade(pipeline)
    assert digest(two[0]) in values(pipeline)
    hold = hold_of(pipeline)
    assert hold is not None
    assert (hold.cause, hold.placed.who, hold.refused) == (Cause.ROLLBACK, "mergeport", two[1].commit)
    assert "exec format error" in hold.placed.why


def test_run_whose_release_never_gets_healthy_is_gone_back_from_too(pipeline: Pipeline) -> None:
    configure(pipeline, WANTED)
    first = deployed(pipeline, "two")
    pipeline.stack.argocd.plan("checkout-dev", "degraded", message="exec format error")
    commit = pipeline.stack.github.merge("acme/checkout", "develop", {"app.py": "print('three')\n"}).merge_commit_sha
    pipeline.settle_live("checkout-dev")
    pipeline.clock.move(seconds=61)
    pipeline.settle()
    pipeline.settle()
    assert digest(first) in values(pipeline)
    pipeline.ended(pipeline.run(commit=commit or ""), RunState.SUPERSEDED)


def test_it_is_off_unless_it_is_wanted(pipeline: Pipeline) -> None:
    deployed(pipeline, "two")
    deployed(pipeline, "three")
    degrade(pipeline)
    assert backs(pipeline) == []


def test_what_is_degraded_later_is_left(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    degrade(pipeline, after=11)
    assert backs(pipeline) == []


def test_it_happens_once_for_one_release(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    degrade(pipeline)
    pipeline.settle_live("checkout-dev")
    unhold(pipeline)
    pipeline.settle_live("checkout-dev")
    assert digest(two[1]) in values(pipeline)
    degrade(pipeline)
    assert len(backs(pipeline)) == 1


def test_nothing_is_behind_the_first_release(pipeline: Pipeline) -> None:
    configure(pipeline, WANTED)
    first = deployed(pipeline, "two")
    degrade(pipeline)
    assert (backs(pipeline), digest(first) in values(pipeline)) == ([], True)


def test_nothing_happens_while_the_state_is_in_doubt(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    pipeline.stack.git.open(MANIFESTS).commit_files("mergeport/state", {"state.yaml": "holds: nonsense\n"}, "Break it")
    degrade(pipeline)
    assert (backs(pipeline), digest(two[1]) in values(pipeline)) == ([], True)
