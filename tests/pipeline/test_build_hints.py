"""What GitHub tells of workflows has their builds looked at now; what they are is read."""

from __future__ import annotations

import pytest

from devstack.github.runner import Runner
from devstack.stack import WEBHOOK_SECRET
from service.core.words import BuildState, DeliveryState, WaitKind
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
