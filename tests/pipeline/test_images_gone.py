"""An image that disappears is never written, its pull request is not left to be merged, and what is live says so."""

from __future__ import annotations

import pytest

from service.core.words import RunState
from service.pipeline.deploy.live_watch import look_at_live
from service.pipeline.deploy.used_images import look_at_used_images
from service.store import deployments
from service.store.deployments import Deployment
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_deployments import deployed, of, status
from tests.pipeline.test_promotion import propose

BATCHED = CONFIGURATION.replace("dev: {branch: develop}", "dev: {branch: develop, manifest: {batch_window: 5m}}")


@pytest.fixture
def gathering(pipeline: Pipeline) -> Run:
    """Let a run wait with its image read back and nothing written."""
    assert BATCHED != CONFIGURATION
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": BATCHED}, "Gather")
    pipeline.settle(looks=0)
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pipeline.settle()
    run = pipeline.run()
    assert run.state == RunState.WAITING, run.message
    return run


def digest_of(run: Run) -> str:
    digest: str = run.images[""]["digest"]
    return digest


def later(pipeline: Pipeline, minutes: int) -> None:
    """Let time pass in small steps, as workers see it."""
    for _ in range(minutes * 2):
        pipeline.clock.move(seconds=30)
        look_at_used_images(pipeline.context)
        pipeline.settle()


def test_image_that_is_deleted_while_its_run_waits_is_not_written(pipeline: Pipeline, gathering: Run) -> None:
    before = pipeline.stack.git.open(MANIFESTS).tip("main")
    pipeline.delete_image(digest_of(gathering))
    later(pipeline, 12)
    run = pipeline.ended(gathering, RunState.FAILED)
    assert (run.code, digest_of(gathering) in run.message) == ("image-gone", True)
    assert pipeline.stack.git.open(MANIFESTS).tip("main") == before


def test_image_that_is_away_for_a_moment_fails_nothing(pipeline: Pipeline, gathering: Run) -> None:
    pipeline.clock.move(minutes=5)
    pipeline.stack.ecr.faults.answer("404 Not Found", method="HEAD", path="/manifests/")
    pipeline.settle()
    assert "is not in the registry any more" in pipeline.wait(gathering)[1]
    pipeline.clock.move(seconds=10)
    pipeline.settle_live("checkout-dev")
    pipeline.ended(gathering, RunState.SUCCEEDED)


def test_retry_of_a_run_whose_image_is_gone_builds_it_again(pipeline: Pipeline, gathering: Run) -> None:
    pipeline.delete_image(digest_of(gathering))
    later(pipeline, 12)
    pipeline.retry(pipeline.ended(gathering, RunState.FAILED))
    later(pipeline, 6)
    pipeline.settle_live("checkout-dev")
    assert pipeline.run().state == RunState.SUCCEEDED, pipeline.run().message


def test_pull_request_of_an_image_that_is_gone_is_closed_in_words(pipeline: Pipeline) -> None:
    propose(pipeline)
    run = pipeline.run("prod")
    pipeline.delete_image(digest_of(run))
    later(pipeline, 13)
    ended = pipeline.ended(run, RunState.FAILED)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "all")
    assert (ended.code, pull.state, pull.merged) == ("image-gone", "closed", False)
    assert f"pull request #{pull.number} was closed" in ended.message


def test_pull_request_stays_open_while_the_image_is_there(pipeline: Pipeline) -> None:
    propose(pipeline)
    later(pipeline, 7)
    assert pipeline.run("prod").state == RunState.WAITING
    assert [pull.state for pull in pipeline.stack.github.pulls(MANIFESTS, "all")] == ["open"]


def live(pipeline: Pipeline, run: Run) -> Deployment:
    (one,) = of(pipeline, run)
    return one


def test_live_release_whose_image_is_gone_is_broken_and_its_status_says_so(pipeline: Pipeline) -> None:
    run = deployed(pipeline, "two")
    look_at_used_images(pipeline.context)
    pipeline.delete_image(digest_of(run))
    later(pipeline, 11)
    one = live(pipeline, run)
    assert (one.health, one.healthy_since, one.until) == ("ImageGone", None, None)
    assert status(pipeline, run) == (
        "failure",
        "broken: its image is not in the registry any more, so pods that start anew cannot pull it",
    )


def test_one_look_that_misses_an_image_breaks_nothing(pipeline: Pipeline) -> None:
    run = deployed(pipeline, "two")
    pipeline.stack.ecr.faults.answer("404 Not Found", method="HEAD", path="/manifests/")
    later(pipeline, 1)
    assert live(pipeline, run).image_gone_since is not None
    later(pipeline, 6)
    one = live(pipeline, run)
    assert (one.health, one.image_gone_since, one.healthy_since is None) == ("Healthy", None, False)


def test_registry_that_does_not_answer_breaks_nothing(pipeline: Pipeline) -> None:
    run = deployed(pipeline, "two")
    pipeline.stack.ecr.faults.answer("503 Service Unavailable", method="HEAD", path="/manifests/", times=50)
    later(pipeline, 11)
    assert live(pipeline, run).health == "Healthy"


def test_release_whose_image_is_back_is_healthy_again(pipeline: Pipeline) -> None:
    run = deployed(pipeline, "two")
    with pipeline.store.begin() as tx:
        one = deployments.live(tx, "checkout", "dev")
        assert one is not None
        deployments.misses_image(tx, one, pipeline.clock.now())
        deployments.feels(tx, one, "ImageGone", healthy_since=None)
    later(pipeline, 6)
    pipeline.settle_live("checkout-dev")
    pipeline.clock.move(minutes=2)
    look_at_live(pipeline.context)
    assert live(pipeline, run).health == "Healthy"
    assert status(pipeline, run)[0] == "success"
