"""A merge is built by CodeBuild, over AWS's own client: once, shown, and promoted with the registry's digest."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from devstack.codebuild import REGION, Build, CodeBuild
from service.core.words import BuildState, RunState
from service.pipeline.build.repeats import look_for_repeats
from service.store import builds, runs
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

CODEBUILD = CONFIGURATION.replace(
    "build: {kind: docker}", f"build: {{kind: codebuild, project: images, region: {REGION}}}"
)


@pytest.fixture(scope="module")
def double() -> Iterator[CodeBuild]:
    running = CodeBuild()
    yield running
    running.stop()


@pytest.fixture
def codebuild(pipeline: Pipeline, double: CodeBuild, monkeypatch: pytest.MonkeyPatch) -> CodeBuild:
    for service in ("CODEBUILD", "CLOUDWATCH_LOGS"):
        monkeypatch.setenv(f"AWS_ENDPOINT_URL_{service}", double.url)
    double.reset()
    double.faults.clear()
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": CODEBUILD}, "Build at AWS")
    pipeline.settle(looks=0)
    return double


def merge(pipeline: Pipeline) -> str:
    pull = pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    assert pull.merge_commit_sha is not None
    return pull.merge_commit_sha


def only(codebuild: CodeBuild) -> Build:
    (found,) = codebuild.builds.values()
    return found


def of_run(pipeline: Pipeline) -> builds.Build:
    with pipeline.store.read() as tx:
        (found,) = builds.of_run(tx, pipeline.run().id)
    return found


def log_of(pipeline: Pipeline) -> str:
    with pipeline.store.read() as tx:
        return "".join(text for _, _, text in builds.log_of(tx, of_run(pipeline).id))


def test_merge_is_built_and_promoted_with_the_digest_of_the_registry(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    commit = merge(pipeline)
    pipeline.settle()
    build = only(codebuild)
    assert (build.source_version, build.variable("MERGEPORT_TAG")) == (commit, commit[:12])
    build.phase("QUEUED", "SUCCEEDED")
    build.phase("BUILD")
    codebuild.write(build, "step 1\n")
    pipeline.settle()
    assert "phase BUILD" in pipeline.run().message
    digest = pipeline.push_image(commit[:12], revision=commit)
    codebuild.write(build, "pushed\n")
    build.exported["MERGEPORT_DIGEST"] = f"sha256:{'0' * 64}"
    build.end("SUCCEEDED")
    pipeline.settle_live("checkout-dev")
    run = pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    assert run.images[""]["digest"] == digest, "what a build says of itself is not believed"
    assert log_of(pipeline) == "step 1\npushed\n"
    assert len(codebuild.builds) == 1


def test_failed_build_fails_the_run_with_phase_reason_and_log(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    merge(pipeline)
    pipeline.settle()
    build = only(codebuild)
    build.phase("BUILD", "FAILED", "COMMAND_EXECUTION_ERROR", "docker buildx build. Reason: exit status 1")
    codebuild.write(build, "no space left\n")
    build.end("FAILED")
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert run.code == "build-failed"
    assert "failed in phase BUILD: COMMAND_EXECUTION_ERROR: docker buildx build. Reason: exit status 1" in run.message
    assert log_of(pipeline) == "no space left\n"


def test_success_without_a_push_is_none(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    merge(pipeline)
    pipeline.settle()
    only(codebuild).end("SUCCEEDED")
    for _ in range(8):
        pipeline.settle()
        pipeline.clock.move(seconds=20)
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "image-missing"


def test_answer_that_was_lost_makes_no_second_build(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    """AWS's client itself asks again, and after it the pipeline does: each time with the same token."""
    codebuild.faults.cut(times=2)
    merge(pipeline)
    pipeline.settle(looks=0)
    assert of_run(pipeline).external_id is None
    pipeline.settle(looks=2)
    assert (of_run(pipeline).external_id, len(codebuild.builds)) == (only(codebuild).arn, 1)


def test_start_that_no_list_shows_for_long_makes_no_second_build(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    codebuild.lists = False
    codebuild.faults.cut(times=2)
    merge(pipeline)
    pipeline.settle(looks=2)
    pipeline.clock.move(seconds=61)
    pipeline.settle(looks=3)
    assert (of_run(pipeline).external_id, len(codebuild.builds)) == (only(codebuild).arn, 1)


def test_worker_that_comes_back_after_the_token_has_run_out_finds_the_build(
    pipeline: Pipeline, codebuild: CodeBuild
) -> None:
    codebuild.faults.cut(times=2)
    merge(pipeline)
    pipeline.settle(looks=0)
    pipeline.clock.move(minutes=10)
    codebuild.now = lambda: time.time() + 600
    pipeline.settle(looks=3)
    assert (of_run(pipeline).external_id, len(codebuild.builds)) == (only(codebuild).arn, 1)


def test_project_that_is_not_there_fails_the_run_at_once(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    codebuild.projects.clear()
    merge(pipeline)
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (run.code, "no such project" in run.message) == ("codebuild-project-missing", True)


def test_start_that_is_refused_for_minutes_fails_the_run_with_what_to_allow(
    pipeline: Pipeline, codebuild: CodeBuild
) -> None:
    denied = b'{"__type": "AccessDeniedException", "message": "not authorized"}'
    codebuild.faults.answer("400 Bad Request", times=100, body=denied)
    merge(pipeline)
    for _ in range(5):
        pipeline.settle()
        assert pipeline.run().state == RunState.WAITING
        assert "allow codebuild:StartBuild" in pipeline.run().message
        pipeline.clock.move(seconds=61)
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (run.code, "allow codebuild:StartBuild" in run.message) == ("codebuild-refused", True)


def test_account_without_room_is_waited_for(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    codebuild.limit = 0
    merge(pipeline)
    pipeline.settle()
    assert "as many are under way as the account may have" in pipeline.run().message
    codebuild.limit = 1
    pipeline.clock.move(seconds=61)
    pipeline.settle(looks=2)
    assert of_run(pipeline).external_id == only(codebuild).arn


def test_start_that_is_throttled_is_asked_again(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    slow_down = b'{"__type": "ThrottlingException", "message": "Rate exceeded"}'
    codebuild.faults.answer("400 Bad Request", times=2, body=slow_down)  # AWS's client tries twice by itself
    merge(pipeline)
    pipeline.settle()
    assert "is asked too often" in pipeline.run().message
    pipeline.clock.move(seconds=61)
    pipeline.settle(looks=2)
    assert of_run(pipeline).external_id == only(codebuild).arn


def test_retry_after_a_failed_build_starts_another_with_a_token_of_its_own(
    pipeline: Pipeline, codebuild: CodeBuild
) -> None:
    merge(pipeline)
    pipeline.settle()
    only(codebuild).end("FAILED")
    pipeline.settle()
    pipeline.clock.move(seconds=1)
    pipeline.retry(pipeline.ended(pipeline.run(), RunState.FAILED))
    pipeline.settle()
    first, second = codebuild.builds.values()
    assert first.request["idempotencyToken"] != second.request["idempotencyToken"]
    assert of_run(pipeline).external_id == second.arn


def pushed(pipeline: Pipeline, build: Build) -> None:
    commit = build.variable("MERGEPORT_COMMIT") or ""
    pipeline.push_image(commit[:12], revision=commit)
    build.end("SUCCEEDED")


def test_build_that_a_person_retries_while_its_run_waits_is_followed(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    merge(pipeline)
    pipeline.settle()
    first = only(codebuild)
    first.end("FAILED")
    again = codebuild.retry(first)
    pipeline.settle()
    assert (of_run(pipeline).state, of_run(pipeline).external_id) == (BuildState.STARTED, again.arn)
    pushed(pipeline, again)
    pipeline.settle_live("checkout-dev")
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    assert (pipeline.run().generation, len(codebuild.builds)) == (0, 2)


def test_build_that_a_person_retries_after_its_run_failed_is_followed(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    merge(pipeline)
    pipeline.settle()
    first = only(codebuild)
    first.end("STOPPED")
    pipeline.settle()
    pipeline.ended(pipeline.run(), RunState.FAILED)
    pipeline.clock.move(seconds=900)
    again = codebuild.retry(first)
    look_for_repeats(pipeline.context)
    pushed(pipeline, again)
    pipeline.settle_live("checkout-dev")
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    assert (pipeline.run().generation, len(codebuild.builds)) == (1, 2)


def test_build_that_is_retried_and_fails_again_may_be_retried_again(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    merge(pipeline)
    pipeline.settle()
    build = only(codebuild)
    for _ in range(2):
        build.end("FAILED")
        pipeline.settle()
        pipeline.clock.move(seconds=60)
        build = codebuild.retry(build)
        look_for_repeats(pipeline.context)
        pipeline.settle()
    pushed(pipeline, build)
    pipeline.settle_live("checkout-dev")
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    assert (pipeline.run().generation, len(codebuild.builds)) == (2, 3)


def test_build_that_nobody_retries_fails_its_run_though_the_project_cannot_be_searched(
    pipeline: Pipeline, codebuild: CodeBuild
) -> None:
    """The right to list builds may be missing: that delays the end and does not prevent it."""
    merge(pipeline)
    pipeline.settle()
    only(codebuild).end("FAILED")
    codebuild.denied.add("ListBuildsForProject")
    for _ in range(6):
        pipeline.settle()
        pipeline.clock.move(seconds=30)
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "build-failed"


def test_build_that_a_person_stopped_fails_the_run_in_words(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    merge(pipeline)
    pipeline.settle()
    only(codebuild).end("STOPPED")
    pipeline.settle()
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "build-cancelled-elsewhere"


def test_build_that_takes_longer_than_its_project_allows_fails_the_run_in_words(
    pipeline: Pipeline, codebuild: CodeBuild
) -> None:
    merge(pipeline)
    pipeline.settle()
    only(codebuild).phase("BUILD", "TIMED_OUT")
    only(codebuild).end("TIMED_OUT")
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (run.code, "ran longer than the project allows in phase BUILD" in run.message) == ("build-failed", True)


def test_throttling_while_it_is_followed_ends_nothing(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    commit = merge(pipeline)
    pipeline.settle()
    codebuild.faults.answer("400 Bad Request", times=4, body=b'{"__type": "ThrottlingException", "message": "slow"}')
    pipeline.settle()
    assert "is asked too often" in pipeline.wait(pipeline.run())[1]
    pipeline.push_image(commit[:12], revision=commit)
    only(codebuild).end("SUCCEEDED")
    codebuild.faults.clear()
    pipeline.settle_live("checkout-dev")
    assert pipeline.ended(pipeline.run(), RunState.SUCCEEDED).images[""]["revision"] == commit


def test_build_of_a_cancelled_run_is_stopped(pipeline: Pipeline, codebuild: CodeBuild) -> None:
    merge(pipeline)
    pipeline.settle()
    with pipeline.store.begin() as tx:
        runs.end(tx, pipeline.run().id, RunState.CANCELLED, "by carol", at=pipeline.clock.now())
    pipeline.settle()
    assert (only(codebuild).stopped, of_run(pipeline).state) == (True, BuildState.CANCELLED)
