"""Merges of one source tree to two branches within seconds have one build: the second waits for the first one's."""

from __future__ import annotations

from typing import cast

import pytest

from service.core.words import RunState
from service.pipeline import actions
from service.ports import BuildStanding, Progress
from service.store import runs
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, REGISTRY, SOURCE
from tests.kinds.builders.yard import Yard
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_building_elsewhere import finish

pytestmark = pytest.mark.usefixtures("with_toys")


@pytest.fixture
def yard(pipeline: Pipeline) -> Yard:
    configuration = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: yard}")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": configuration}, "Build elsewhere")
    pipeline.settle(looks=0)
    return cast(Yard, pipeline.context.outside.images.builder("yard"))


@pytest.fixture
def both(pipeline: Pipeline, yard: Yard) -> tuple[Run, Run]:
    """Give the runs of one tree that was merged to develop and to staging, while the first is being built."""
    for branch in ("develop", "staging"):
        pipeline.stack.github.merge(SOURCE, branch, {"app.py": "print('two')\n"})
        pipeline.settle()
    return pipeline.run("dev"), pipeline.run("stage")


def end(yard: Yard, progress: Progress) -> None:
    for one in yard.builds.values():
        one.standing = BuildStanding(progress)


def test_second_merge_waits_for_the_build_of_the_first_and_gets_its_image(
    pipeline: Pipeline, yard: Yard, both: tuple[Run, Run]
) -> None:
    dev, stage = both
    (one,) = yard.builds.values()
    assert f"yard builds {one.request.reference}" in pipeline.run("stage").message
    finish(pipeline, one)
    pipeline.settle_live("checkout-dev", "checkout-stage")
    images = [pipeline.ended(run, RunState.SUCCEEDED).images[""] for run in both]
    assert images[0]["digest"] == images[1]["digest"]
    assert [image["tag"] for image in images] == [dev.commit[:12], stage.commit[:12]]
    assert f"the image of {dev.commit[:12]}, the same tree" in pipeline.steps(stage)["reuse image"][1]
    assert len(yard.builds) == 1


def test_build_goes_on_for_the_second_when_the_first_is_cancelled(
    pipeline: Pipeline, yard: Yard, both: tuple[Run, Run]
) -> None:
    dev, stage = both
    with pipeline.store.begin() as tx:
        runs.end(tx, dev.id, RunState.CANCELLED, "by carol", at=pipeline.clock.now())
    pipeline.settle()
    (one,) = yard.builds.values()
    assert not one.stopped
    finish(pipeline, one)
    pipeline.settle_live("checkout-stage")
    assert pipeline.ended(stage, RunState.SUCCEEDED).images[""]["made_for"] == dev.commit


def test_build_that_fails_leaves_the_second_to_its_own(pipeline: Pipeline, yard: Yard, both: tuple[Run, Run]) -> None:
    dev, stage = both
    end(yard, Progress.FAILED)
    pipeline.settle()
    pipeline.ended(dev, RunState.FAILED)
    pipeline.settle()
    assert [one.request.commit for one in yard.builds.values()] == [dev.commit, stage.commit]


def test_image_that_was_made_of_another_commit_is_not_given_to_the_second(
    pipeline: Pipeline, yard: Yard, both: tuple[Run, Run]
) -> None:
    dev, stage = both
    pipeline.push_image(dev.commit[:12], revision="d" * 40)
    end(yard, Progress.SUCCEEDED)
    pipeline.settle(looks=2)
    assert pipeline.ended(dev, RunState.FAILED).code == "tag-taken"
    assert [one.request.commit for one in yard.builds.values()] == [dev.commit, stage.commit]


def test_both_merges_in_one_moment_have_one_build(pipeline: Pipeline, yard: Yard) -> None:
    for branch in ("develop", "staging"):
        pipeline.stack.github.merge(SOURCE, branch, {"app.py": "print('two')\n"})
    pipeline.settle()
    assert len(yard.builds) == 1
    finish(pipeline, next(iter(yard.builds.values())))
    pipeline.settle_live("checkout-dev", "checkout-stage")
    assert {run.state for run in pipeline.runs()} == {RunState.SUCCEEDED}
    assert len(yard.builds) == 1


def test_rebuild_always_waits_for_no_build_of_another_commit(pipeline: Pipeline, yard: Yard) -> None:
    text = pipeline.stack.github.repository(MANIFESTS).bare.text("main", "mergeport.yaml")
    changed = text.replace("build: {kind: yard}", "build: {kind: yard}\n  rebuild: always")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": changed}, "Build always")
    for branch in ("develop", "staging"):
        pipeline.stack.github.merge(SOURCE, branch, {"app.py": "print('two')\n"})
        pipeline.settle()
    assert len(yard.builds) == 2


def test_rebuild_elsewhere_moves_the_tag_and_its_new_digest_is_promoted(pipeline: Pipeline, yard: Yard) -> None:
    text = pipeline.stack.github.repository(MANIFESTS).bare.text("main", "mergeport.yaml")
    mutable = f"registry: {{kind: ecr, host: {REGISTRY}, create: {{immutable_tags: false}}}}"
    changed = text.replace(f"registry: {REGISTRY}", mutable)
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": changed}, "Let tags move")
    pipeline.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    pipeline.settle()
    finish(pipeline, next(iter(yard.builds.values())))
    pipeline.settle_live("checkout-dev")
    first = pipeline.ended(pipeline.run("dev"), RunState.SUCCEEDED)
    with pipeline.store.begin() as tx:
        again = actions.retry(tx, first.id, by="carol", at=pipeline.clock.now(), rebuild=True)
    pipeline.queue.enqueue_run(again)
    pipeline.settle(looks=2)
    assert pipeline.run("dev").state is RunState.WAITING, "the old image is not taken meanwhile"
    *_, newest = yard.builds.values()
    digest = pipeline.push_image(first.commit[:12], revision=first.commit, source=f"https://github.com/{SOURCE}")
    newest.standing = BuildStanding(Progress.SUCCEEDED)
    pipeline.settle_live("checkout-dev")
    ended = pipeline.ended(again, RunState.SUCCEEDED)
    values = pipeline.stack.github.repository(MANIFESTS).bare.text("main", "apps/checkout/values-dev.yaml")
    assert ended.images[""]["digest"] == digest != first.images[""]["digest"]
    assert digest in values
    assert "the very image from before" not in pipeline.steps(ended)["build image"][1]
    assert len(yard.builds) == 2
