"""Merges of one source tree have one image: what ran in one environment is what the next one gets."""

from __future__ import annotations

import boto3
import pytest

from service.core.words import RunState
from service.store import builds
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline


def merge(pipeline: Pipeline, branch: str, text: str = "two") -> str:
    pull = pipeline.stack.github.merge(SOURCE, branch, {"app.py": f"print('{text}')\n"})
    assert pull.merge_commit_sha is not None
    return pull.merge_commit_sha


def configure(pipeline: Pipeline, old: str, new: str) -> None:
    assert old in CONFIGURATION
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": CONFIGURATION.replace(old, new)}, "Change it")
    pipeline.settle(looks=0)


def built(pipeline: Pipeline) -> list[str]:
    """Give the commits that were built, in their order."""
    with pipeline.store.read() as tx:
        return [one.commit for run in reversed(pipeline.runs()) for one in builds.of_run(tx, run.id)]


def digest(run: Run) -> str:
    return str(run.images[""]["digest"])


def forget(pipeline: Pipeline, tag: str) -> None:
    """Delete an image from the registry with all its tags, as a lifecycle rule does."""
    client = boto3.client("ecr", endpoint_url=pipeline.stack.ecr.endpoint, region_name="us-east-1")
    told = client.describe_images(repositoryName="checkout", imageIds=[{"imageTag": tag}])["imageDetails"][0]
    client.batch_delete_image(repositoryName="checkout", imageIds=[{"imageDigest": told["imageDigest"]}])


@pytest.fixture
def in_dev(pipeline: Pipeline) -> Run:
    """Give a run that has built its image and is live in dev."""
    merge(pipeline, "develop")
    pipeline.settle_live("checkout-dev")
    return pipeline.ended(pipeline.run("dev"), RunState.SUCCEEDED)


def test_same_tree_in_another_branch_gets_the_very_image_by_its_own_tag(pipeline: Pipeline, in_dev: Run) -> None:
    commit = merge(pipeline, "staging")
    pipeline.settle_live("checkout-stage")
    run = pipeline.ended(pipeline.run("stage"), RunState.SUCCEEDED)
    assert commit != in_dev.commit
    assert (digest(run), run.images[""]["tag"]) == (digest(in_dev), commit[:12])
    assert built(pipeline) == [in_dev.commit]
    assert f"the image of {in_dev.commit[:12]}, the same tree" in pipeline.steps(run)["reuse image"][1]
    values = pipeline.stack.github.repository(MANIFESTS).bare.text("main", "apps/checkout/values-stage.yaml")
    assert f'tag: "{commit[:12]}"' in values
    assert digest(in_dev) in values


def test_promotion_says_whose_image_it_brings(pipeline: Pipeline, in_dev: Run) -> None:
    merge(pipeline, "staging")
    pipeline.settle_live("checkout-stage")
    message = pipeline.stack.github.repository(MANIFESTS).bare.git("log", "-1", "--format=%B", "main")
    assert f"Mergeport-Image-Made-For: {in_dev.commit}" in message
    merge(pipeline, "main")
    pipeline.settle()
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    assert f"(the image of `{in_dev.commit[:12]}`, the same tree)" in (pull.body or "")


def test_another_tree_is_built(pipeline: Pipeline, in_dev: Run) -> None:
    commit = merge(pipeline, "staging", "three")
    pipeline.settle_live("checkout-stage")
    assert built(pipeline) == [in_dev.commit, commit]
    assert digest(pipeline.run("stage")) != digest(in_dev)


def test_image_that_the_registry_has_lost_is_built_again(pipeline: Pipeline, in_dev: Run) -> None:
    forget(pipeline, in_dev.commit[:12])
    commit = merge(pipeline, "staging")
    pipeline.settle_live("checkout-stage")
    run = pipeline.ended(pipeline.run("stage"), RunState.SUCCEEDED)
    assert built(pipeline) == [in_dev.commit, commit]
    assert "not in the registry any more" in pipeline.steps(run)["reuse image"][1]


@pytest.mark.parametrize("key", ["reuse: never", "rebuild: always", "build: {kind: docker, args: {OTHER: one}}"])
def test_configuration_has_it_built_anew(pipeline: Pipeline, in_dev: Run, key: str) -> None:
    configure(
        pipeline,
        "  build: {kind: docker}",
        f"  {key}" if key.startswith("build:") else f"  build: {{kind: docker}}\n  {key}",
    )
    commit = merge(pipeline, "staging")
    pipeline.settle_live("checkout-stage")
    assert built(pipeline) == [in_dev.commit, commit]


@pytest.mark.parametrize(("hours", "builds_it"), [(23, False), (25, True)])
def test_daily_rebuild_takes_what_is_a_day_old_at_most(
    pipeline: Pipeline, in_dev: Run, hours: float, builds_it: bool
) -> None:
    configure(pipeline, "  build: {kind: docker}", "  build: {kind: docker}\n  rebuild: daily")
    pipeline.clock.move(hours=hours)
    commit = merge(pipeline, "staging")
    pipeline.settle_live("checkout-stage")
    assert built(pipeline) == [in_dev.commit, commit][: 2 if builds_it else 1]


def test_tag_that_was_given_before_a_crash_is_accepted(pipeline: Pipeline, in_dev: Run) -> None:
    commit = merge(pipeline, "staging")
    registry = pipeline.registry()
    registry.add_tag("checkout", in_dev.images[""]["digest"], commit[:12])
    pipeline.settle_live("checkout-stage")
    run = pipeline.ended(pipeline.run("stage"), RunState.SUCCEEDED)
    assert digest(run) == digest(in_dev)
    assert "the same tree" in pipeline.steps(run)["find image"][1]


def test_pipeline_elsewhere_is_spared_where_that_is_configured(pipeline: Pipeline) -> None:
    configure(pipeline, "  build: {kind: docker}", "  build: {kind: external}\n  reuse: tree")
    first = merge(pipeline, "develop")
    pushed = pipeline.push_image(first[:12], revision=first)
    pipeline.settle_live("checkout-dev")
    merge(pipeline, "staging")
    pipeline.settle_live("checkout-stage")
    run = pipeline.ended(pipeline.run("stage"), RunState.SUCCEEDED)
    assert digest(run) == pushed


def test_pipeline_elsewhere_is_awaited_where_nothing_is_configured(pipeline: Pipeline) -> None:
    configure(pipeline, "  build: {kind: docker}", "  build: {kind: external}")
    first = merge(pipeline, "develop")
    pipeline.push_image(first[:12], revision=first)
    pipeline.settle_live("checkout-dev")
    merge(pipeline, "staging")
    pipeline.settle()
    assert pipeline.run("stage").state is RunState.WAITING
