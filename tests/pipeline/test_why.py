"""What people are told of runs as the pipeline really leaves them: gates, locks, people who revert."""

from __future__ import annotations

import pytest

from service.bootstrap import known_configuration
from service.core.asked import Answer, Cause
from service.core.words import Repository
from service.pipeline import actions
from service.pipeline.actions import Asked
from service.pipeline.asked.why import Question, why
from service.pipeline.deploy.live_watch import look_at_live
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure, merge
from tests.pipeline.test_gating import SOAKED

DEV = "apps/checkout/values-dev.yaml"


def answer(pipeline: Pipeline, environment: str, *, of: str = "dev") -> Answer:
    commit = pipeline.run(of).commit
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


def test_revert_of_a_person_is_told_with_who_and_in_which_commit(pipeline: Pipeline) -> None:
    git = pipeline.stack.git.open(MANIFESTS)
    first = git.text("main", DEV)
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    said = f"This reverts commit {pipeline.run('dev').manifest_commit}."
    pipeline.stack.github.push(MANIFESTS, "main", {DEV: first}, said, author="carol")
    pipeline.settle()
    pipeline.stack.argocd.settle("checkout-dev")
    look_at_live(pipeline.context)
    told = answer(pipeline, "dev")
    assert (told.cause, "then taken back: reverted by " in told.words, "carol" in told.words) == (
        Cause.TAKEN_BACK, True, True,
    ), told  # fmt: skip


def test_pull_request_that_a_person_closed_is_told_as_closed(pipeline: Pipeline) -> None:
    pipeline.stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"})
    pipeline.settle()
    number = pipeline.run("prod").pull_request
    assert number is not None
    opened = answer(pipeline, "prod", of="prod")
    assert (opened.cause, f"#{number}" in opened.words) == (Cause.PULL_REQUEST, True)
    pipeline.stack.github.close_pull(MANIFESTS, number, by="carol")
    pipeline.settle()
    assert answer(pipeline, "prod", of="prod").cause is Cause.CLOSED
