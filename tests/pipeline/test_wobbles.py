"""A single wrong answer from outside ends no run: it is repeated, and believed only when it lasts."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devstack.stack import Devstack
from service.core.words import DeliveryState, RunState, WaitKind
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

GIT = "acme/manifests"
PAGE = b"<html>sign in</html>"
TO_GIT = {
    "404 to a read": ("404 Not Found", f"{GIT}.*upload-pack", b""),
    "404 to a push": ("404 Not Found", f"{GIT}.*receive-pack", b""),
    "401": ("401 Unauthorized", GIT, b""),
    "a page": ("200 OK", GIT, PAGE),
    "a move": ("301 Moved Permanently", GIT, b""),
}
NOT_YET = (
    b'{"message": "Validation Failed", "errors": [{"resource": "PullRequest", "field": "head", "code": "invalid"}]}'
)
TO_GITHUB = {
    "422 for a branch just pushed": ("422 Unprocessable Entity", "/pulls$", NOT_YET),
    "404": ("404 Not Found", "/pulls/1$", b"{}"),
    "401": ("401 Unauthorized", "/pulls", b"{}"),
    "a page": ("200 OK", "/pulls", PAGE),
    "a move": ("301 Moved Permanently", "/pulls", b""),
    "garbage": ("200 OK", "/pulls", b"[1, 2"),
}
ONE = {"app.py": "print('two')\n"}
Wobble = Callable[[Devstack], object]

WOBBLES: dict[str, Wobble] = {
    "git-fetch-404-post": lambda world: world.git.faults.lag(path="acme/manifests.git/git-upload-pack"),
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


@pytest.mark.parametrize(("status", "path", "body"), TO_GIT.values(), ids=TO_GIT)
def test_run_outlives_a_wobble_of_git(pipeline: Pipeline, status: str, path: str, body: bytes) -> None:
    pipeline.stack.git.faults.answer(status, path=path, times=4, body=body)
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pipeline.settle()
    pipeline.settle_over_time("checkout-dev", seconds=60)
    run = pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    assert run.manifest_commit == pipeline.stack.git.open(MANIFESTS).tip("main")


@pytest.mark.parametrize(("status", "path", "body"), TO_GITHUB.values(), ids=TO_GITHUB)
def test_promotion_outlives_a_wobble_of_github(pipeline: Pipeline, status: str, path: str, body: bytes) -> None:
    method = "POST" if "422" in status else "*"
    pipeline.stack.github.faults.answer(status, method=method, path=path, times=3, body=body)
    pipeline.stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"})
    pipeline.settle()
    pipeline.settle_over_time(seconds=60)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    run = pipeline.ended(pipeline.run("prod"), RunState.WAITING)
    assert pipeline.wait(run) == (WaitKind.PULL_REQUEST, f"waiting for pull request #{pull.number} to be merged")


@pytest.mark.parametrize("wobble", ["404 Not Found", "301 Moved Permanently", "401 Unauthorized"])
def test_delivery_outlives_a_wobble_while_the_configuration_is_read(pipeline: Pipeline, wobble: str) -> None:
    pipeline.stack.github.faults.answer(wobble, path="/repos/acme/manifests", times=3, body=b"{}")
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pipeline.settle(looks=0)
    pipeline.settle_over_time("checkout-dev", seconds=60)
    assert pipeline.delivery("pull_request").state == DeliveryState.PROCESSED
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)


def test_what_lasts_is_told_meanwhile_and_then_believed(pipeline: Pipeline) -> None:
    pipeline.stack.git.faults.answer("404 Not Found", path=GIT, times=10_000)
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.WAITING)
    kind, seen = pipeline.wait(run)
    pipeline.settle_over_time(seconds=420)
    assert (kind, "does not exist, or we may not see it (404)" in seen) == (WaitKind.RETRY, True)
    assert pipeline.ended(run, RunState.FAILED).code == "git-repository-missing"


def test_delivery_outlives_what_a_run_would_not(pipeline: Pipeline) -> None:
    pipeline.stack.github.faults.answer("401 Unauthorized", times=60)
    pipeline.stack.github.merge(SOURCE, "develop", ONE)
    pipeline.settle(looks=0)
    pipeline.settle_over_time(seconds=600)
    assert pipeline.delivery("push").state == DeliveryState.STORED
    pipeline.stack.github.faults.clear()
    pipeline.settle_over_time("checkout-dev", seconds=120)
    pipeline.ended(pipeline.run("dev"), RunState.SUCCEEDED)


def test_configuration_that_a_lagging_replica_does_not_show_is_not_believed_to_be_gone(pipeline: Pipeline) -> None:
    pipeline.stack.github.faults.lag(path="/contents/mergeport.yaml", times=4)
    configured = pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": f"# newer\n{CONFIGURATION}"}, "Write")
    pipeline.stack.github.merge(SOURCE, "develop", ONE)
    pipeline.settle(looks=0)
    pipeline.settle_over_time("checkout-dev", seconds=60)
    assert pipeline.ended(pipeline.run(), RunState.SUCCEEDED).configuration_commit == configured


def test_configuration_that_stays_away_is_told_as_missing(pipeline: Pipeline) -> None:
    pipeline.context.configurations.reload()
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": None}, "Take it away")
    pipeline.settle(looks=0)
    assert pipeline.delivery("push").state == DeliveryState.STORED
    pipeline.settle_over_time(seconds=30)
    told = pipeline.delivery("push")
    assert (told.state, "the file is not there" in told.reason) == (DeliveryState.FAILED, True)


@pytest.mark.parametrize("status", ["500 Internal Server Error", "422 Unprocessable Entity", "403 Forbidden"])
def test_look_at_the_configuration_that_failed_lets_no_new_sources_merge_be_ignored(
    pipeline: Pipeline, status: str
) -> None:
    """Its delivery waited so long that the look came later by more than clocks may differ."""
    pipeline.context.configurations.reload()
    pipeline.stack.create_repository("acme/other", {"Dockerfile": "FROM scratch\n"}, branches=["develop"])
    pipeline.stack.github.add_hook("acme/other", "http://127.0.0.1:9/webhooks/github", "s", events=["push"])
    pipeline.stack.github.repository(MANIFESTS).hooks.clear()
    other = CONFIGURATION.replace(f"source: {SOURCE}", "source: acme/other")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": other}, "Change the source")
    pipeline.stack.github.merge("acme/other", "develop", {"a": "b"})
    pipeline.take_deliveries()
    pipeline.clock.move(seconds=30)
    pipeline.stack.github.faults.answer(status, path="/contents/mergeport.yaml", times=2)
    pipeline.settle(looks=0)
    pipeline.settle_over_time(seconds=30)
    assert pipeline.run().repository == "acme/other"


def test_commit_that_a_lagging_replica_does_not_show_is_no_rewritten_history(pipeline: Pipeline) -> None:
    """If no push told how commits relate, the forge is asked, which may not know the newest one yet."""
    for hook in pipeline.stack.github.repository(SOURCE).hooks.values():
        hook.events = ("pull_request",)
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('one')\n"})
    pipeline.settle_live("checkout-dev")
    newest = pipeline.stack.github.merge(SOURCE, "develop", ONE).merge_commit_sha
    pipeline.stack.github.faults.lag(path="/compare/", times=4)
    pipeline.stack.github.faults.lag(path=f"/git/commits/{newest}$", times=4)
    pipeline.settle()
    pipeline.settle_over_time("checkout-dev", seconds=60)
    assert pipeline.ended(pipeline.run(), RunState.SUCCEEDED).commit == newest
