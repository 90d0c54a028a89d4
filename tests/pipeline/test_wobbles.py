"""One wrong answer of the outside ends no run; one that lasts does, in words, and is told while it lasts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devstack.stack import Devstack
from service.core.words import DeliveryState, RunState, WaitKind
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

ONE = {"app.py": "print('two')\n"}
Wobble = Callable[[Devstack], object]

WOBBLES: dict[str, Wobble] = {
    "git-fetch-404": lambda world: world.git.faults.lag(path="acme/manifests.git/info/refs"),
    "git-fetch-404-post": lambda world: world.git.faults.lag(path="acme/manifests.git/git-upload-pack"),
    "git-push-404": lambda world: world.git.faults.lag(path="acme/manifests.git/git-receive-pack"),
    "git-401": lambda world: world.git.faults.answer("401 Unauthorized", path="acme/manifests.git", times=4),
    "git-page": lambda world: world.git.faults.page(path="acme/manifests.git", times=4),
    "api-404": lambda world: world.github.faults.lag(times=2),
    "api-401": lambda world: world.github.faults.answer("401 Unauthorized", times=3),
    "api-page": lambda world: world.github.faults.page(times=5),
    "api-away": lambda world: world.github.faults.send_away("https://maintenance.example.com/", times=5),
    "api-address": lambda world: world.github.forbid("address", times=4),
}


@pytest.mark.parametrize("wobble", WOBBLES)
def test_commit_is_made_once_after_a_wobble(pipeline: Pipeline, wobble: str) -> None:
    WOBBLES[wobble](pipeline.stack)
    pipeline.stack.github.merge(SOURCE, "develop", ONE)
    pipeline.settle(looks=0)
    pipeline.settle_over_time("checkout-dev", seconds=120)
    pipeline.ended(pipeline.run("dev"), RunState.SUCCEEDED)
    assert len(pipeline.stack.git.pushes(MANIFESTS)) == 1


@pytest.mark.parametrize("path", ["/pulls$", "/pulls/\\d+$", "/labels$", "/requested_reviewers$", "/installation$"])
def test_pull_request_is_opened_once_after_a_replica_lagged(pipeline: Pipeline, path: str) -> None:
    pipeline.stack.github.faults.lag(path=path)
    pipeline.stack.github.merge(SOURCE, "main", ONE)
    pipeline.settle(looks=0)
    pipeline.settle_over_time(seconds=60)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    assert (pipeline.run("prod").pull_request, pipeline.wait(pipeline.run("prod"))[0]) == (
        pull.number,
        WaitKind.PULL_REQUEST,
    )


def test_head_that_github_does_not_see_yet_is_proposed_again(pipeline: Pipeline) -> None:
    body = (
        b'{"message": "Validation Failed", "errors": [{"resource": "PullRequest", "field": "head", "code": "invalid"}]}'
    )
    faults = pipeline.stack.github.faults
    faults.answer("422 Unprocessable Entity", method="POST", path="/pulls$", body=body)
    pipeline.stack.github.merge(SOURCE, "main", ONE)
    pipeline.settle(looks=0)
    pipeline.settle_over_time(seconds=30)
    assert pipeline.wait(pipeline.run("prod"))[0] is WaitKind.PULL_REQUEST


def test_what_lasts_is_told_at_once_and_believed_after_minutes(pipeline: Pipeline) -> None:
    pipeline.stack.github.merge(SOURCE, "develop", ONE)
    pipeline.stack.git.faults.lag(path="acme/manifests.git", times=1000)
    pipeline.settle()
    kind, saw = pipeline.wait(pipeline.run("dev"))
    assert kind is WaitKind.RETRY
    assert "is not there, or not for us (404)" in saw
    pipeline.settle_over_time(seconds=400)
    run = pipeline.ended(pipeline.run("dev"), RunState.FAILED)
    assert "it stayed so for 10 retries" in run.message


def test_delivery_outlives_what_a_run_would_not(pipeline: Pipeline) -> None:
    pipeline.stack.github.faults.answer("401 Unauthorized", times=60)
    pipeline.stack.github.merge(SOURCE, "develop", ONE)
    pipeline.settle(looks=0)
    pipeline.settle_over_time(seconds=600)
    assert pipeline.delivery("push").state == DeliveryState.STORED
    pipeline.stack.github.faults.clear()
    pipeline.settle_over_time("checkout-dev", seconds=120)
    pipeline.ended(pipeline.run("dev"), RunState.SUCCEEDED)
