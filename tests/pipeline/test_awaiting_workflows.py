"""An image that a GitHub workflow pushes by itself: one that fails or is skipped ends the wait, others only say so."""

from __future__ import annotations

import pytest

from devstack.github.runner import Runner, Script
from devstack.github.workflow_records import WorkflowRun
from devstack.stack import WEBHOOK_SECRET
from service.adapters.builders.external import workflows
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


def settle(pipeline: Pipeline) -> None:
    """Settle with the time that GitHub is not asked again."""
    pipeline.clock.move(seconds=6)
    pipeline.settle()


def asked(pipeline: Pipeline) -> int:
    return len(pipeline.stack.github.faults.requests(path="/runs$"))


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
    settle(pipeline)
    assert "image.yml is queued" in waits(pipeline)


def test_workflow_that_failed_ends_the_wait_with_job_and_step(pipeline: Pipeline, runner: Runner) -> None:
    push(pipeline)
    settle(pipeline)
    run = play(runner, Script(fails_at="Build and push"))
    settle(pipeline)
    code, message = failed(pipeline)
    assert code == "image-pipeline-ended"
    assert f'image.yml failed (run {run.id}): job "image", step "Build and push"' in message


@pytest.mark.parametrize(("conclusion", "words"), [("skipped", "it was skipped"), ("cancelled", "was cancelled")])
def test_workflow_that_was_skipped_or_cancelled_ends_the_wait(
    pipeline: Pipeline, runner: Runner, conclusion: str, words: str
) -> None:
    push(pipeline)
    settle(pipeline)
    play(runner, Script(conclusion=conclusion))
    settle(pipeline)
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
    settle(pipeline)
    assert ("filters" in waits(pipeline), runner.waiting(SOURCE)) == (True, [])


def test_image_of_a_workflow_that_failed_after_its_push_is_taken(pipeline: Pipeline, runner: Runner) -> None:
    commit = push(pipeline)
    settle(pipeline)
    pipeline.push_image(commit[:12], revision=commit)
    play(runner, Script(fails_at="Complete job"))
    settle(pipeline)
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
    settle(pipeline)
    play(runner)
    settle(pipeline)
    assert "image.yml succeeded" in waits(pipeline)


def test_failed_workflow_that_runs_again_is_waited_for(pipeline: Pipeline, runner: Runner) -> None:
    github = pipeline.stack.github
    push(pipeline)
    settle(pipeline)
    run = play(runner, Script(fails_at="Check out"))
    github.actions.workflows.rerun(github.repository(SOURCE), run, github.state.user("dave"))
    settle(pipeline)
    assert "image.yml is queued, attempt 2" in waits(pipeline)


def test_failure_of_the_same_commit_on_another_branch_ends_nothing(pipeline: Pipeline, runner: Runner) -> None:
    push(pipeline)
    settle(pipeline)
    run = play(runner, Script(fails_at="Check out"))
    run.head_branch = "staging"
    settle(pipeline)
    assert "no run of image.yml" in waits(pipeline)


@pytest.mark.parametrize("event", ["pull_request", "merge_group"])
def test_failure_of_a_pull_requests_checks_ends_nothing(pipeline: Pipeline, runner: Runner, event: str) -> None:
    push(pipeline)
    settle(pipeline)
    play(runner, Script(fails_at="Check out")).event = event
    settle(pipeline)
    assert "no run of image.yml" in waits(pipeline)


def test_failure_long_before_the_push_ends_nothing(pipeline: Pipeline, runner: Runner) -> None:
    push(pipeline)
    settle(pipeline)
    play(runner, Script(fails_at="Check out")).created_at = "2020-01-01T00:00:00Z"
    settle(pipeline)
    assert "no run of image.yml" in waits(pipeline)


def test_workflow_that_cannot_be_looked_at_ends_nothing(pipeline: Pipeline, runner: Runner) -> None:
    push(pipeline)
    play(runner, Script(fails_at="Check out"))
    pipeline.stack.github.faults.answer("403 Forbidden", path="/actions/", times=9)
    settle(pipeline)
    assert "image.yml cannot be looked at" in waits(pipeline)


def test_two_applications_of_one_workflow_cost_one_question_a_look(pipeline: Pipeline, runner: Runner) -> None:
    github = pipeline.stack.github
    two = github.repository(MANIFESTS).bare.text("main", "mergeport.yaml") + f"  payments:\n    source: {SOURCE}\n"
    github.push(MANIFESTS, "main", {"mergeport.yaml": two}, "Two")
    push(pipeline)
    settle(pipeline)
    before = asked(pipeline)
    settle(pipeline)
    assert asked(pipeline) - before == 1


def test_two_workflows_of_one_repository_cost_one_list_a_look(pipeline: Pipeline, runner: Runner) -> None:
    github = pipeline.stack.github
    two = github.repository(MANIFESTS).bare.text("main", "mergeport.yaml") + (
        f"  payments:\n    source: {SOURCE}\n    build: {{kind: external, workflow: other.yml}}\n"
    )
    github.push(MANIFESTS, "main", {"mergeport.yaml": two}, "Two")
    other = WORKFLOW.replace("name: Image", "name: Other")
    github.repository(SOURCE).bare.commit_files("develop", {".github/workflows/other.yml": other}, "Add another")
    push(pipeline)
    settle(pipeline)
    for run in runner.waiting(SOURCE):
        if run.workflow.file == "other.yml":
            runner.play_one(github.repository(SOURCE), run, Script(fails_at="Check out"))
    before = asked(pipeline)
    settle(pipeline)
    assert asked(pipeline) - before == 1
    assert pipeline.run(application="payments").code == "image-pipeline-ended"
    assert "image.yml is queued" in pipeline.wait(pipeline.run(application="checkout"))[1]


def test_looks_within_seconds_ask_github_once(pipeline: Pipeline, runner: Runner) -> None:
    push(pipeline)
    settle(pipeline)
    before = asked(pipeline)
    pipeline.settle(looks=5)
    assert asked(pipeline) == before


def test_merges_one_after_the_other_within_seconds_ask_github_once(pipeline: Pipeline, runner: Runner) -> None:
    before = asked(pipeline)
    for number in range(5):
        push(pipeline, str(number))
        pipeline.settle(looks=0)
    burst = asked(pipeline) - before
    settle(pipeline)
    assert (burst, asked(pipeline) - before) == (1, 2)
    assert {"image.yml is queued" in pipeline.wait(run)[1] for run in pipeline.runs()} == {True}


def test_commits_beyond_a_page_of_runs_are_looked_for_in_turn(
    pipeline: Pipeline, runner: Runner, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workflows, "PAGE", 1)
    for number in range(3):
        push(pipeline, str(number))
    pipeline.settle(looks=0)
    play_all = runner.play(SOURCE, Script(fails_at="Check out"))
    before = asked(pipeline)
    settle(pipeline)
    first = asked(pipeline) - before
    settle(pipeline)
    settle(pipeline)
    assert (len(play_all), first) == (3, 2)
    assert {run.code for run in pipeline.runs()} == {"image-pipeline-ended"}


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
    settle(pipeline)
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
