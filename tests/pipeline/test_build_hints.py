"""What GitHub tells of workflows has their builds looked at now; what they are is read."""

from __future__ import annotations

import pytest

from devstack.github.runner import Runner, Script
from devstack.github.workflow_records import WorkflowRun
from devstack.stack import WEBHOOK_SECRET
from service.core.words import BuildState, DeliveryState, RunState, WaitKind
from service.pipeline.build.repeats import look_for_repeats
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.fixtures.workflows import PATH, WORKFLOW
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_building_elsewhere import build_of, merge


@pytest.fixture
def runner(pipeline: Pipeline) -> Runner:
    github = pipeline.stack.github
    for branch in ("develop", "staging", "main"):
        github.repository(SOURCE).bare.commit_files(branch, {PATH: WORKFLOW}, "Add a workflow")
    github.add_hook(SOURCE, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET, ["workflow_run", "workflow_job"])
    configuration = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: github-actions}")
    github.push(MANIFESTS, "main", {"mergeport.yaml": configuration}, "Build in GitHub Actions")
    pipeline.settle(looks=0)

    def push(image: str, tag: str, revision: str) -> None:
        pipeline.push_image(tag, repository=image.partition("/")[2], revision=revision)

    return Runner(github, push)


def test_workflow_that_ends_is_looked_at_without_a_scheduled_look(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.settle(looks=0)
    runner.play(SOURCE)
    pipeline.settle(looks=0)
    assert build_of(pipeline).state is BuildState.SUCCEEDED


def test_workflow_that_says_it_succeeded_is_asked(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.settle(looks=0)
    (run,) = runner.waiting(SOURCE)
    workflows = pipeline.stack.github.actions.workflows
    workflows.complete(pipeline.stack.github.repository(SOURCE), run, "success")
    run.status, run.conclusion = "in_progress", None
    pipeline.settle(looks=0)
    assert (build_of(pipeline).state, pipeline.wait(pipeline.run())[0]) == (
        BuildState.STARTED, WaitKind.BUILD_ELSEWHERE,
    )  # fmt: skip


def failed(pipeline: Pipeline, runner: Runner) -> WorkflowRun:
    """Have a merge's run fail with its workflow."""
    merge(pipeline)
    pipeline.settle(looks=0)
    (run,) = runner.play(SOURCE, Script(fails_at="Check out"))
    pipeline.settle()
    pipeline.ended(pipeline.run(), RunState.FAILED)
    pipeline.clock.move(seconds=5)
    return run


def run_again(pipeline: Pipeline, runner: Runner) -> WorkflowRun:
    """Have a merge's run fail with its workflow, and a person run that again."""
    run, github = failed(pipeline, runner), pipeline.stack.github
    github.actions.workflows.rerun(github.repository(SOURCE), run, github.state.user("dave"))
    return run


def test_workflow_that_a_person_runs_again_after_its_run_failed_is_followed(pipeline: Pipeline, runner: Runner) -> None:
    run = run_again(pipeline, runner)
    pipeline.settle()
    assert (pipeline.run().generation, pipeline.wait(pipeline.run())[0]) == (1, WaitKind.BUILD_ELSEWHERE)
    assert "was run again; checkout goes on to dev" in pipeline.delivery("workflow_run").reason
    runner.play(SOURCE)
    pipeline.settle_live("checkout-dev")
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    assert list(pipeline.stack.github.repository(SOURCE).workflow_runs.values()) == [run]


def test_workflow_that_was_run_again_and_has_ended_before_anybody_looked_is_taken(
    pipeline: Pipeline, runner: Runner
) -> None:
    run_again(pipeline, runner)
    runner.play(SOURCE)
    pipeline.settle_live("checkout-dev")
    assert pipeline.ended(pipeline.run(), RunState.SUCCEEDED).generation == 1
    assert len(pipeline.stack.github.repository(SOURCE).workflow_runs) == 1


def test_success_without_a_push_of_a_workflow_that_was_run_again_ends_once(pipeline: Pipeline, runner: Runner) -> None:
    run_again(pipeline, runner)
    runner.play(SOURCE, Script(pushes=False))
    for _ in range(6):
        pipeline.clock.move(seconds=20)
        pipeline.settle()
    ended = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (ended.generation, ended.code) == (1, "image-missing")
    assert len(pipeline.stack.github.repository(SOURCE).workflow_runs) == 1


def test_workflow_that_is_run_again_is_found_within_the_hour_though_the_hook_is_lost(
    pipeline: Pipeline, runner: Runner
) -> None:
    run_again(pipeline, runner)
    pipeline.skip_deliveries()
    pipeline.clock.move(minutes=50)
    look_for_repeats(pipeline.context)
    runner.play(SOURCE)
    pipeline.settle_live("checkout-dev")
    assert pipeline.ended(pipeline.run(), RunState.SUCCEEDED).generation == 1
    assert len(pipeline.stack.github.repository(SOURCE).workflow_runs) == 1


def test_workflow_that_failed_is_asked_for_once_a_look_and_not_after_the_hour(
    pipeline: Pipeline, runner: Runner
) -> None:
    failed(pipeline, runner)
    requests = pipeline.stack.github.faults.requests
    look_for_repeats(pipeline.context)
    before = len(requests())
    look_for_repeats(pipeline.context)
    within = len(requests()) - before
    pipeline.clock.move(minutes=61)
    look_for_repeats(pipeline.context)
    assert (within, len(requests()) - before) == (1, 1)
    assert pipeline.run().generation == 0


def test_failed_workflow_that_cannot_be_asked_for_starts_nothing(pipeline: Pipeline, runner: Runner) -> None:
    failed(pipeline, runner)
    pipeline.stack.github.faults.answer("502 Bad Gateway", path="/actions/runs", times=10)
    assert (look_for_repeats(pipeline.context), pipeline.run().generation) == ([], 0)


def test_workflow_that_fails_again_starts_one_generation_and_no_more(pipeline: Pipeline, runner: Runner) -> None:
    run_again(pipeline, runner)
    pipeline.settle()
    runner.play(SOURCE, Script(fails_at="Check out"))
    pipeline.settle(looks=3)
    ended = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (ended.generation, ended.code) == (1, "build-failed")


def test_workflow_that_is_run_again_for_an_outdated_run_says_why_it_is_not_followed(
    pipeline: Pipeline, runner: Runner
) -> None:
    run, github = failed(pipeline, runner), pipeline.stack.github
    newer = merge(pipeline, "three")
    pipeline.push_image(newer[:12], revision=newer)
    pipeline.settle_live("checkout-dev")
    github.actions.workflows.rerun(github.repository(SOURCE), run, github.state.user("dave"))
    pipeline.settle()
    assert "is not followed, because a later one counts" in pipeline.delivery("workflow_run").reason
    assert {one.generation for one in pipeline.runs()} == {0}


def test_workflow_that_builds_nothing_of_ours_asks_github_nothing(pipeline: Pipeline, runner: Runner) -> None:
    github = pipeline.stack.github
    inputs = {"image": "i", "tag": "t", "commit": "c", "correlation": "of a person"}
    before = len(github.faults.requests(path="/actions/"))
    github.actions.workflows.dispatch(
        github.repository(SOURCE), "build-image.yml", "main", inputs, github.state.user("dave")
    )
    pipeline.settle(looks=0)
    told = pipeline.delivery("workflow_run")
    assert (told.state, len(github.faults.requests(path="/actions/")) - before) == (DeliveryState.IGNORED, 0)
    assert "no build of" in told.reason
