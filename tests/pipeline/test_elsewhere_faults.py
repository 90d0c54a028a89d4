"""Whatever goes wrong beside a build elsewhere, it is one build, and its run goes on or says what to do."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devstack.faults import Fault
from devstack.github.runner import Runner, Script
from devstack.github.server import GitHub
from devstack.stack import GITHUB_TOKEN, WEBHOOK_SECRET
from service.core.words import BuildState, DeliveryState, RunState
from service.store.builds import Build
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.fixtures.workflows import PATH, WORKFLOW
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_building_elsewhere import build_of, merge

DISPATCH, RUN, JOBS, LOGS = "/dispatches$", r"/actions/runs/\d+$", "/jobs$", "/logs$"
PAGE = b"<!DOCTYPE html><html><body>We are down for maintenance.</body></html>"

Plant = Callable[[GitHub, str], Fault]
FAULTS: dict[str, Plant] = {
    "500": lambda github, path: github.faults.answer("500 Internal Server Error", path=path, times=2),
    "502": lambda github, path: github.faults.page(status="502 Bad Gateway", path=path, times=2),
    "page": lambda github, path: github.faults.page(path=path),
    "cut": lambda github, path: github.faults.cut(path=path),
    "403 with limit headers": lambda github, path: github.limit_primary(path=path, reset_in=30),
    "403 of the second limit": lambda github, path: github.limit_secondary(path=path),
    "token refused once": lambda github, path: github.faults.answer("401 Unauthorized", path=path),
    "200 that says nothing": lambda github, path: github.faults.answer("200 OK", path=path, body=b""),
    "200 that says null": lambda github, path: github.faults.answer("200 OK", path=path, body=b"null"),
    "409 for a moment": lambda github, path: github.faults.answer("409 Conflict", path=path, times=2),
    "redirect that leads nowhere": lambda github, path: github.faults.answer("303 See Other", path=path, body=b""),
    "404 for a moment": lambda github, path: github.faults.lag(path=path),
}


@pytest.fixture
def runner(pipeline: Pipeline) -> Runner:
    github = pipeline.stack.github
    for branch in ("develop", "staging", "main"):
        github.repository(SOURCE).bare.commit_files(branch, {PATH: WORKFLOW}, "Add a workflow")
    configuration = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: github-actions}")
    github.push(MANIFESTS, "main", {"mergeport.yaml": configuration}, "Build in GitHub Actions")
    pipeline.settle(looks=0)

    def push(image: str, tag: str, revision: str) -> None:
        pipeline.push_image(tag, repository=image.partition("/")[2], revision=revision)

    return Runner(github, push)


def dispatched(pipeline: Pipeline) -> int:
    return len(pipeline.stack.github.repository(SOURCE).workflow_runs)


def over_time(pipeline: Pipeline, seconds: int = 400, *, step: int = 20) -> None:
    for _ in range(0, seconds, step):
        pipeline.clock.move(seconds=step)
        pipeline.settle()
        if build_of(pipeline).state.ended:
            return


def built_once(pipeline: Pipeline) -> Build:
    build = build_of(pipeline)
    assert (build.state, dispatched(pipeline)) == (BuildState.SUCCEEDED, 1), build.message
    return build


@pytest.mark.parametrize("fault", FAULTS)
def test_fault_at_the_dispatch_leads_to_one_build(pipeline: Pipeline, runner: Runner, fault: str) -> None:
    merge(pipeline)
    FAULTS[fault](pipeline.stack.github, DISPATCH)
    pipeline.settle()
    while not runner.waiting(SOURCE):
        pipeline.clock.move(seconds=31)
        pipeline.settle()
    runner.play(SOURCE)
    over_time(pipeline)
    built_once(pipeline)


@pytest.mark.parametrize("path", [RUN, JOBS, LOGS])
def test_faults_while_it_is_followed_end_nothing(pipeline: Pipeline, runner: Runner, path: str) -> None:
    merge(pipeline)
    pipeline.settle()
    runner.play(SOURCE)
    for plant in FAULTS.values():
        plant(pipeline.stack.github, path)
    over_time(pipeline, 1200, step=40)
    built_once(pipeline)


def test_token_that_ends_while_it_builds_is_told_and_the_next_one_goes_on(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.settle()
    runner.play(SOURCE)
    old = pipeline.stack.github.actions.state.tokens.pop(GITHUB_TOKEN)
    over_time(pipeline, 120)
    assert "GitHub refused the token" in pipeline.wait(pipeline.run())[1]
    pipeline.stack.github.actions.state.tokens[GITHUB_TOKEN] = old
    pipeline.settle()
    built_once(pipeline)


def test_webhook_that_comes_before_the_answer_to_the_dispatch_makes_no_second_build(
    pipeline: Pipeline, runner: Runner
) -> None:
    github = pipeline.stack.github
    github.add_hook(SOURCE, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET, ["workflow_run", "workflow_job"])
    merge(pipeline)
    gate = github.faults.hang(method="POST", path=DISPATCH, after=True)

    def told_of_all() -> None:
        gate.wait_arrived()
        runner.play(SOURCE)
        pipeline.take_deliveries()
        while pipeline.intake():
            pass
        gate.release()

    pipeline.beside(told_of_all)
    assert pipeline.delivery("workflow_run").state in {DeliveryState.PROCESSED, DeliveryState.IGNORED}
    built_once(pipeline)


def test_other_image_of_the_commit_under_the_tag_is_what_is_promoted(pipeline: Pipeline, runner: Runner) -> None:
    """What a workflow says of itself is never asked: the registry tells the digest."""
    commit = merge(pipeline)
    pipeline.settle()
    other = pipeline.push_image(commit[:12], revision=commit)
    runner.play(SOURCE, Script(pushes=False))
    pipeline.settle_live("checkout-dev")
    run = pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    values = pipeline.stack.github.repository(MANIFESTS).bare.text("main", "apps/checkout/values-dev.yaml")
    assert (run.images[""]["digest"], other in values) == (other, True)


def test_workflow_that_is_missing_on_the_branch_is_named_with_it(pipeline: Pipeline, runner: Runner) -> None:
    pipeline.stack.github.repository(SOURCE).bare.commit_files("develop", {PATH: None}, "Remove the workflow")
    merge(pipeline)
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert run.code == "workflow-missing"
    assert "build-image.yml" in run.message
    assert "develop" in run.message


def test_input_that_the_workflow_lacks_is_named(pipeline: Pipeline, runner: Runner) -> None:
    text = WORKFLOW.replace("correlation:", "another:").replace("inputs.correlation", "inputs.another")
    pipeline.stack.github.repository(SOURCE).bare.commit_files("develop", {PATH: text}, "Rename an input")
    merge(pipeline)
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (run.code, "correlation" in run.message) == ("workflow-input-missing", True)


@pytest.mark.parametrize("minutes", [-5, 5])
def test_clock_five_minutes_off_makes_no_second_build(pipeline: Pipeline, runner: Runner, minutes: int) -> None:
    pipeline.clock.move(minutes=minutes)
    merge(pipeline)
    pipeline.stack.github.faults.cut(method="POST", path=DISPATCH)
    pipeline.settle()
    runner.play(SOURCE, Script())
    over_time(pipeline)
    built_once(pipeline)
