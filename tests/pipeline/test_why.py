"""What people are told of runs as the pipeline really leaves them: gates, locks, people who revert."""

from __future__ import annotations

import pytest

from service.bootstrap import known_configuration
from service.core.asked import Answer, Cause
from service.core.words import Repository
from service.pipeline import actions
from service.pipeline.actions import Asked
from service.pipeline.asked.why import Question, why
from tests.fixtures.service import MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure, merge
from tests.pipeline.test_gating import SOAKED


def answer(pipeline: Pipeline, environment: str) -> Answer:
    commit = pipeline.run("dev").commit
    with pipeline.store.read() as tx:
        asked = Question(commit, environment, "", known_configuration(tx), Repository(MANIFESTS), pipeline.clock.now())
        (told,) = why(tx, asked)
    return told.answer


@pytest.fixture
def soaking(pipeline: Pipeline) -> Pipeline:
    configure(pipeline, SOAKED)
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    return pipeline


def test_soak_is_told_until_somebody_locks_the_environment(soaking: Pipeline) -> None:
    assert answer(soaking, "dev").cause is Cause.LIVE
    told = answer(soaking, "stage")
    assert (told.cause, "gate soak is closed: " in told.words) == (Cause.GATE, True)
    asked = Asked(by="anna", at=soaking.clock.now(), why="incident 42")
    actions.lock(soaking.context, asked, environment="stage")
    locked = answer(soaking, "stage")
    assert (locked.cause, "locked by anna" in locked.words, "gate soak" in locked.words) == (Cause.LOCK, True, True)
    assert answer(soaking, "prod").cause is Cause.UPSTREAM
