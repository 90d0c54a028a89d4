"""A build in GitHub Actions, from the merge to the promoted image: one dispatch, and the registry has the last word."""

from __future__ import annotations

from typing import cast

import pytest

from devstack.github.runner import Runner, Script
from devstack.github.workflow_records import WorkflowRun
from devstack.github.workflows import Workflows
from service.core.words import BuildState, RunState, WaitKind
from service.store import runs
from service.store.builds import Build
from tests.fixtures.service import CONFIGURATION, MANIFESTS, REGISTRY, SOURCE
from tests.fixtures.workflows import PATH, WORKFLOW
from tests.kinds.builders.mortal import Mortal
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_building_elsewhere import build_of, killed_and_followed, log_of, merge
from tests.pipeline.test_same_tree import rebuilt

pytestmark = pytest.mark.usefixtures("with_toys")


@pytest.fixture
def runner(pipeline: Pipeline) -> Runner:
    for branch in ("develop", "staging", "main"):
        pipeline.stack.github.repository(SOURCE).bare.commit_files(branch, {PATH: WORKFLOW}, "Add a workflow")
    configuration = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: mortal}")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": configuration}, "Build in GitHub Actions")
    pipeline.settle(looks=0)

    def push(image: str, tag: str, revision: str) -> None:
        pipeline.push_image(tag, repository=image.partition("/")[2], revision=revision)

    return Runner(pipeline.stack.github, push)


@pytest.fixture
def workflows(pipeline: Pipeline, runner: Runner) -> Workflows:
    return pipeline.stack.github.actions.workflows


def dispatched(pipeline: Pipeline) -> list[WorkflowRun]:
    return list(pipeline.stack.github.repository(SOURCE).workflow_runs.values())


def dispatches(pipeline: Pipeline) -> int:
    return len(pipeline.stack.github.faults.requests("POST", "/dispatches$"))


def builder(pipeline: Pipeline) -> Mortal:
    return cast(Mortal, pipeline.context.outside.images.builder("mortal"))


def failed(pipeline: Pipeline) -> tuple[str, str]:
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    return run.code, run.message


def settled(pipeline: Pipeline) -> Build:
    """Settle while minutes pass; give the build."""
    for _ in range(12):
        pipeline.clock.move(seconds=20)
        pipeline.settle()
    return build_of(pipeline)


def test_same_tree_is_not_dispatched_again_though_the_image_has_no_label_of_ours(
    pipeline: Pipeline, runner: Runner
) -> None:
    commit = merge(pipeline)
    pipeline.settle()
    runner.play(SOURCE, Script())
    pipeline.settle()
    pipeline.settle_live("checkout-dev")
    digest = pipeline.ended(pipeline.run(), RunState.SUCCEEDED).images[""]["digest"]
    asked = dispatches(pipeline)
    merge(pipeline, branch="staging")
    pipeline.settle_live("checkout-stage")
    run = pipeline.ended(pipeline.run("stage"), RunState.SUCCEEDED)
    assert (run.images[""]["digest"], run.images[""]["made_for"]) == (digest, commit)
    assert dispatches(pipeline) == asked


def test_other_text_of_the_workflow_has_the_same_folder_built_again(pipeline: Pipeline, runner: Runner) -> None:
    configuration = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: mortal, context: app}")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": configuration}, "Build a folder")
    for branch, name in (("develop", WORKFLOW), ("staging", f"{WORKFLOW}# another base image\n")):
        bare = pipeline.stack.github.repository(SOURCE).bare
        bare.commit_files(branch, {PATH: name, "app/Dockerfile": "FROM scratch\n"}, "Add the application")
    merge(pipeline)
    pipeline.settle()
    runner.play(SOURCE, Script())
    pipeline.settle_live("checkout-dev")
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    merge(pipeline, branch="staging")
    pipeline.settle()
    assert dispatches(pipeline) == 2


def test_image_of_a_workflow_is_promoted_with_its_digest_and_its_log_is_kept(
    pipeline: Pipeline, runner: Runner
) -> None:
    commit = merge(pipeline)
    pipeline.settle()
    (run,) = dispatched(pipeline)
    assert (pipeline.wait(pipeline.run())[0], run.inputs["commit"]) == (WaitKind.BUILD_ELSEWHERE, commit)
    runner.play(SOURCE, Script(log="all is well\n"))
    pipeline.settle()
    pipeline.settle_live("checkout-dev")
    ended = pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    assert (ended.images[""]["revision"], dispatches(pipeline)) == (commit, 1)
    assert "all is well\n" in log_of(pipeline)


@pytest.mark.parametrize("takes", [True, False])
def test_rebuild_has_the_workflow_build_anew_or_says_which_input_is_missing(
    pipeline: Pipeline, runner: Runner, takes: bool
) -> None:
    moving = f"registry: {{kind: ecr, host: {REGISTRY}, create: {{immutable_tags: false}}}}"
    configuration = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: mortal}")
    configuration = configuration.replace(f"registry: {REGISTRY}", moving)
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": configuration}, "Let tags move")
    merge(pipeline)
    pipeline.settle()
    runner.play(SOURCE)
    pipeline.settle()
    pipeline.settle_live("checkout-dev")
    if takes:
        text = WORKFLOW.replace("    inputs:\n", "    inputs:\n      rebuild: {}\n")
        pipeline.stack.github.repository(SOURCE).bare.commit_files("develop", {PATH: text}, "Take `rebuild`")
    again = rebuilt(pipeline, pipeline.run())
    pipeline.settle()
    (*_, last) = dispatched(pipeline)
    if not takes:
        ended = pipeline.ended(again, RunState.FAILED)
        assert (ended.code, "`rebuild`" in ended.message, last.conclusion) == (
            "workflow-input-missing",
            True,
            "success",
        )
        return
    runner.play(SOURCE)
    pipeline.settle()
    pipeline.settle_live("checkout-dev")
    pipeline.ended(again, RunState.SUCCEEDED)
    assert (last.inputs["rebuild"], last.inputs["commit"]) == ("true", again.commit)


def test_branch_that_moved_on_builds_the_merges_own_commit(pipeline: Pipeline, runner: Runner) -> None:
    commit = merge(pipeline)
    pipeline.stack.github.repository(SOURCE).bare.commit_files("develop", {"other": "x"}, "Move on")
    pipeline.settle()
    (run,) = runner.play(SOURCE)
    pipeline.settle()
    pipeline.settle_live("checkout-dev")
    assert run.head_sha != commit
    assert pipeline.ended(pipeline.run(), RunState.SUCCEEDED).images[""]["revision"] == commit


def test_failed_workflow_fails_the_run_with_job_and_step(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.settle()
    runner.play(SOURCE, Script(fails_at="Build and push", log="error: no space left\n"))
    pipeline.settle()
    code, message = failed(pipeline)
    assert (code, 'job "build", step "Build and push"' in message) == ("build-failed", True)
    assert "error: no space left\n" in log_of(pipeline)


def test_worker_killed_before_the_dispatch_has_it_dispatched_once(
    pipeline: Pipeline, runner: Runner, workflows: Workflows
) -> None:
    merge(pipeline)
    builder(pipeline).death.at = "before"
    killed_and_followed(pipeline)
    pipeline.settle()
    assert dispatched(pipeline) == [], "it may not be listed yet"
    pipeline.clock.move(seconds=181)
    pipeline.settle(looks=2)
    runner.play(SOURCE)
    pipeline.settle()
    assert (build_of(pipeline).state, dispatches(pipeline)) == (BuildState.SUCCEEDED, 1)


def test_worker_killed_between_dispatch_and_record_finds_the_run_and_dispatches_no_second(
    pipeline: Pipeline, runner: Runner, workflows: Workflows
) -> None:
    merge(pipeline)
    workflows.mode.lists = workflows.mode.shows = False
    builder(pipeline).death.at = "after"
    killed_and_followed(pipeline)
    pipeline.settle(looks=2)
    workflows.reveal()
    pipeline.settle()
    runner.play(SOURCE)
    pipeline.settle()
    assert (build_of(pipeline).state, dispatches(pipeline)) == (BuildState.SUCCEEDED, 1)


def test_lost_answer_leads_to_the_run_that_came_of_it(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.stack.github.faults.cut(method="POST", path="/dispatches$").after = True
    pipeline.settle()
    runner.play(SOURCE)
    pipeline.settle(looks=2)
    assert (build_of(pipeline).state, dispatches(pipeline)) == (BuildState.SUCCEEDED, 1)


def test_run_of_a_server_that_tells_none_is_found_though_it_is_listed_late(
    pipeline: Pipeline, runner: Runner, workflows: Workflows
) -> None:
    workflows.mode.answers, workflows.mode.lists = "nothing", False
    merge(pipeline)
    pipeline.settle()
    pipeline.clock.move(seconds=60)
    pipeline.settle()
    workflows.reveal()
    pipeline.settle()
    runner.play(SOURCE)
    pipeline.settle()
    assert (build_of(pipeline).state, dispatches(pipeline)) == (BuildState.SUCCEEDED, 1)


def test_dispatch_that_is_accepted_and_never_runs_fails_and_is_not_repeated(
    pipeline: Pipeline, workflows: Workflows
) -> None:
    workflows.mode.answers, workflows.mode.loses = "nothing", True
    merge(pipeline)
    pipeline.settle()
    settled(pipeline)
    assert (failed(pipeline)[0], dispatches(pipeline)) == ("build-lost", 1)


def test_run_that_a_person_runs_again_at_once_is_waited_for(
    pipeline: Pipeline, runner: Runner, workflows: Workflows
) -> None:
    commit = merge(pipeline)
    pipeline.settle()
    (run,) = runner.play(SOURCE, Script(fails_at="Check out"))
    workflows.rerun(pipeline.stack.github.repository(SOURCE), run, pipeline.stack.github.state.user("dave"))
    pipeline.settle()
    assert "attempt 2" in pipeline.run().message
    runner.play(SOURCE)
    pipeline.settle()
    pipeline.settle_live("checkout-dev")
    assert pipeline.ended(pipeline.run(), RunState.SUCCEEDED).images[""]["revision"] == commit


def test_success_without_a_push_is_none(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.settle()
    runner.play(SOURCE, Script(pushes=False))
    settled(pipeline)
    assert (failed(pipeline)[0], dispatches(pipeline)) == ("image-missing", 1)


def test_image_of_another_revision_is_not_believed(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.settle()
    runner.play(SOURCE, Script(revision="d" * 40))
    pipeline.settle()
    assert failed(pipeline)[0] == "tag-taken"


def test_skipped_workflow_says_so(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.settle()
    runner.play(SOURCE, Script(conclusion="skipped"))
    pipeline.settle()
    assert "it was skipped" in failed(pipeline)[1]


def test_cancelled_run_cancels_its_workflow(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.settle()
    with pipeline.store.begin() as tx:
        runs.end(tx, pipeline.run().id, RunState.CANCELLED, "by carol", at=pipeline.clock.now())
    pipeline.settle()
    assert (dispatched(pipeline)[0].conclusion, build_of(pipeline).state) == ("cancelled", BuildState.CANCELLED)


def test_limit_of_calls_delays_the_dispatch_and_fails_nothing(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.stack.github.limit_primary(method="POST", path="/dispatches$", reset_in=50)
    pipeline.settle()
    kind, words = pipeline.wait(pipeline.run())
    assert (kind, "waits for GitHub's limit until " in words) == (WaitKind.BUILD_ELSEWHERE, True)
    pipeline.clock.move(seconds=61)
    pipeline.settle(looks=2)
    runner.play(SOURCE)
    pipeline.settle()
    assert (build_of(pipeline).state, len(dispatched(pipeline))) == (BuildState.SUCCEEDED, 1)


def test_refusal_that_lasts_for_five_minutes_is_believed_and_no_earlier(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.stack.github.forbid("suspended", method="POST", path="/dispatches$", times=99)
    begun = pipeline.clock.now()
    pipeline.settle()
    while not pipeline.run().state.ended:
        pipeline.clock.move(seconds=20)
        pipeline.settle()
    took = (pipeline.clock.now() - begun).total_seconds()
    assert (failed(pipeline)[0], 300 < took < 600, runner.waiting(SOURCE)) == ("github-app-suspended", True, [])


def test_refusal_that_passes_ends_nothing(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.stack.github.forbid("suspended", method="POST", path="/dispatches$", times=3)
    pipeline.settle()
    for _ in range(5):
        pipeline.clock.move(seconds=20)
        pipeline.settle()
    runner.play(SOURCE)
    pipeline.settle()
    assert (build_of(pipeline).state, len(dispatched(pipeline))) == (BuildState.SUCCEEDED, 1)


def test_build_that_ends_by_its_first_look_costs_four_calls(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.settle(looks=0)
    runner.play(SOURCE)
    pipeline.settle()
    asked = [
        f"{one.method} {one.path.rpartition('/')[2]}" for one in pipeline.stack.github.faults.requests(path="/actions/")
    ]
    (run,) = dispatched(pipeline)
    assert asked == ["POST dispatches", f"GET {run.id}", "GET jobs", "GET logs"]


def test_app_that_is_suspended_while_it_builds_delays_the_run_and_says_so(pipeline: Pipeline, runner: Runner) -> None:
    merge(pipeline)
    pipeline.settle()
    runner.play(SOURCE)
    closed = pipeline.stack.github.forbid("suspended", path="/actions/", times=99)
    pipeline.settle()
    assert "suspended" in pipeline.wait(pipeline.run())[1]
    closed.times = 0
    pipeline.settle()
    assert build_of(pipeline).state is BuildState.SUCCEEDED


def test_merges_that_wait_for_a_runner_cost_one_call_a_look(pipeline: Pipeline, runner: Runner) -> None:
    for number in range(10):
        merge(pipeline, f"{number}")
    pipeline.settle(looks=0)
    waiting = len(runner.waiting(SOURCE))
    before = len(pipeline.stack.github.faults.requests(path="/actions/"))
    pipeline.settle()
    asked = len(pipeline.stack.github.faults.requests(path="/actions/")) - before
    assert (waiting, asked) == (10, 1)
