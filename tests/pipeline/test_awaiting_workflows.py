"""An image that a GitHub workflow pushes by itself: one that fails or is skipped ends the wait, others only say so."""

from __future__ import annotations

import pytest

from devstack.github.runner import Runner, Script
from devstack.github.workflow_records import WorkflowRun
from devstack.stack import WEBHOOK_SECRET
from service.core.words import RunState, WaitKind
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

WORKFLOW = """\
name: Image
on:
  push: {branches: [develop, staging], paths-ignore: ["docs/**"]}
  pull_request:
jobs:
  image: {runs-on: ubuntu-latest, steps: []}
"""


@pytest.fixture
def runner(pipeline: Pipeline) -> Runner:
    github = pipeline.stack.github
    for branch in ("develop", "staging", "main"):
        github.repository(SOURCE).bare.commit_files(branch, {".github/workflows/image.yml": WORKFLOW}, "Add a workflow")
    configuration = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: external, workflow: image.yml}")
    github.push(MANIFESTS, "main", {"mergeport.yaml": configuration}, "Await workflows")
    pipeline.settle(looks=0)
    github.actions.workflows.mode.pushes = True
    return Runner(github, lambda *_: None)


def push(pipeline: Pipeline, message: str = "Change", path: str = "app.py") -> str:
    return pipeline.stack.github.push(SOURCE, "develop", {path: message}, message)


def failed(pipeline: Pipeline) -> tuple[str, str]:
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    return run.code, run.message


def waits(pipeline: Pipeline) -> str:
    """Give what a run that waits for its image saw last."""
    kind, words = pipeline.wait(pipeline.run())
    assert kind is WaitKind.IMAGE
    return words


def play(runner: Runner, script: Script | None = None) -> WorkflowRun:
    (run,) = runner.play(SOURCE, script or Script(pushes=False))
    return run


def test_workflow_that_is_under_way_is_told(pipeline: Pipeline, runner: Runner) -> None:
    push(pipeline)
    pipeline.settle()
    assert "image.yml is queued" in waits(pipeline)


def test_workflow_that_failed_ends_the_wait_with_job_and_step(pipeline: Pipeline, runner: Runner) -> None:
    push(pipeline)
    pipeline.settle()
    run = play(runner, Script(fails_at="Build and push"))
    pipeline.settle()
    code, message = failed(pipeline)
    assert code == "image-pipeline-ended"
    assert f'image.yml failed (run {run.id}): job "image", step "Build and push"' in message


@pytest.mark.parametrize(("conclusion", "words"), [("skipped", "it was skipped"), ("cancelled", "was cancelled")])
def test_workflow_that_was_skipped_or_cancelled_ends_the_wait(
    pipeline: Pipeline, runner: Runner, conclusion: str, words: str
) -> None:
    push(pipeline)
    pipeline.settle()
    play(runner, Script(conclusion=conclusion))
    pipeline.settle()
    assert words in failed(pipeline)[1]


@pytest.mark.parametrize(
    "message", ["Tidy up [skip ci]", "Tidy up\n\nbody [no ci]\n", "Tidy up\n\n\nskip-checks: true"]
)
def test_commit_that_skips_workflows_ends_the_wait_at_once(pipeline: Pipeline, runner: Runner, message: str) -> None:
    push(pipeline, message)
    pipeline.settle(looks=0)
    code, words = failed(pipeline)
    assert (code, "the commit's message says" in words) == ("image-pipeline-ended", True)
    assert runner.waiting(SOURCE) == []


def test_push_that_the_filters_leave_out_is_only_told(pipeline: Pipeline, runner: Runner) -> None:
    push(pipeline, path="docs/a.md")
    pipeline.settle()
    assert ("filters" in waits(pipeline), runner.waiting(SOURCE)) == (True, [])


def test_image_of_a_workflow_that_failed_after_its_push_is_taken(pipeline: Pipeline, runner: Runner) -> None:
    commit = push(pipeline)
    pipeline.settle()
    pipeline.push_image(commit[:12], revision=commit)
    play(runner, Script(fails_at="Complete job"))
    pipeline.settle()
    pipeline.settle_live("checkout-dev")
    assert pipeline.run().state == RunState.SUCCEEDED


def test_image_that_comes_while_its_failed_workflow_is_asked_for_is_taken(pipeline: Pipeline, runner: Runner) -> None:
    commit = push(pipeline)
    play(runner, Script(fails_at="Complete job"))
    gate = pipeline.stack.github.faults.hang(path="/image.yml/runs")

    def person() -> None:
        gate.wait_arrived()
        pipeline.push_image(commit[:12], revision=commit)
        gate.release()

    pipeline.beside(person, looks=0)
    pipeline.settle_live("checkout-dev")
    assert pipeline.run().state == RunState.SUCCEEDED


def test_workflow_that_succeeded_without_a_push_is_told_and_waited_for(pipeline: Pipeline, runner: Runner) -> None:
    push(pipeline)
    pipeline.settle()
    play(runner)
    pipeline.settle()
    assert "image.yml succeeded" in waits(pipeline)


def test_failed_workflow_that_runs_again_is_waited_for(pipeline: Pipeline, runner: Runner) -> None:
    github = pipeline.stack.github
    push(pipeline)
    pipeline.settle()
    run = play(runner, Script(fails_at="Check out"))
    github.actions.workflows.rerun(github.repository(SOURCE), run, github.state.user("dave"))
    pipeline.settle()
    assert "image.yml is queued, attempt 2" in waits(pipeline)


def test_failure_of_the_same_commit_on_another_branch_ends_nothing(pipeline: Pipeline, runner: Runner) -> None:
    push(pipeline)
    pipeline.settle()
    run = play(runner, Script(fails_at="Check out"))
    run.head_branch = "staging"
    pipeline.settle()
    assert "no run of image.yml" in waits(pipeline)


@pytest.mark.parametrize("event", ["pull_request", "merge_group"])
def test_failure_of_a_pull_requests_checks_ends_nothing(pipeline: Pipeline, runner: Runner, event: str) -> None:
    push(pipeline)
    pipeline.settle()
    play(runner, Script(fails_at="Check out")).event = event
    pipeline.settle()
    assert "no run of image.yml" in waits(pipeline)


def test_failure_long_before_the_push_ends_nothing(pipeline: Pipeline, runner: Runner) -> None:
    push(pipeline)
    pipeline.settle()
    play(runner, Script(fails_at="Check out")).created_at = "2020-01-01T00:00:00Z"
    pipeline.settle()
    assert "no run of image.yml" in waits(pipeline)


def test_workflow_that_cannot_be_looked_at_ends_nothing(pipeline: Pipeline, runner: Runner) -> None:
    push(pipeline)
    play(runner, Script(fails_at="Check out"))
    pipeline.stack.github.faults.answer("403 Forbidden", path="/actions/", times=9)
    pipeline.settle()
    assert "image.yml cannot be looked at" in waits(pipeline)


def test_two_applications_of_one_workflow_cost_one_question_a_look(pipeline: Pipeline, runner: Runner) -> None:
    github = pipeline.stack.github
    two = github.repository(MANIFESTS).bare.text("main", "mergeport.yaml") + f"  payments:\n    source: {SOURCE}\n"
    github.push(MANIFESTS, "main", {"mergeport.yaml": two}, "Two")
    push(pipeline)
    pipeline.settle()
    before = len(github.faults.requests(path="/actions/"))
    pipeline.settle()
    assert len(github.faults.requests(path="/actions/")) - before == 1


def test_workflow_that_ends_is_looked_at_without_a_scheduled_look(pipeline: Pipeline, runner: Runner) -> None:
    pipeline.stack.github.add_hook(SOURCE, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET, ["workflow_run"])
    push(pipeline)
    pipeline.settle(looks=0)
    play(runner, Script(fails_at="Check out"))
    pipeline.settle(looks=0)
    assert failed(pipeline)[0] == "image-pipeline-ended"


def test_failed_run_goes_on_when_a_person_has_its_workflow_run_again(pipeline: Pipeline, runner: Runner) -> None:
    github = pipeline.stack.github
    github.add_hook(SOURCE, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET, ["workflow_run"])
    commit = push(pipeline)
    pipeline.settle()
    run = play(runner, Script(fails_at="Build and push"))
    pipeline.settle(looks=3)
    assert failed(pipeline)[0] == "image-pipeline-ended"
    assert pipeline.run().generation == 0
    github.actions.workflows.rerun(github.repository(SOURCE), run, github.state.user("dave"))
    pipeline.settle(looks=2)
    assert pipeline.run().generation == 0, "nothing is there yet"
    pipeline.push_image(commit[:12], revision=commit)
    play(runner)
    pipeline.settle_live("checkout-dev")
    assert pipeline.ended(pipeline.run(), RunState.SUCCEEDED).generation == 1
