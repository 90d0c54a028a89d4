"""Merges of one source tree have one image: what ran in one environment is what the next one gets."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest

from devstack.faults import Answer, Fault
from service.core.words import RunState
from service.pipeline import actions
from service.store import builds
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, REGISTRY, SOURCE
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


def rebuilt(pipeline: Pipeline, run: Run) -> Run:
    """Retry the run with its images built anew; give the new run."""
    with pipeline.store.begin() as tx:
        again = actions.retry(tx, run.id, by="carol", at=pipeline.clock.now(), rebuild=True)
    pipeline.queue.enqueue_run(again)
    pipeline.settle_live("checkout-dev", "checkout-stage")
    return again


def attempts(pipeline: Pipeline, run: Run) -> list[int]:
    with pipeline.store.read() as tx:
        return [one.attempt for one in builds.of_run(tx, run.id)]


def let_tags_move(pipeline: Pipeline) -> None:
    registry = f"registry: {{kind: ecr, host: {REGISTRY}, create: {{immutable_tags: false}}}}"
    configure(pipeline, f"registry: {REGISTRY}", registry)


def test_retry_with_rebuild_builds_an_image_that_is_there(pipeline: Pipeline) -> None:
    let_tags_move(pipeline)
    merge(pipeline, "develop")
    pipeline.settle_live("checkout-dev")
    again = rebuilt(pipeline, pipeline.ended(pipeline.run("dev"), RunState.SUCCEEDED))
    assert attempts(pipeline, pipeline.ended(again, RunState.SUCCEEDED)) == [2]
    assert "it is the very image from before" in pipeline.steps(again)["build image"][1], "nothing has changed"


def test_retry_with_rebuild_builds_a_tree_that_is_there(pipeline: Pipeline) -> None:
    let_tags_move(pipeline)
    merge(pipeline, "develop")
    pipeline.settle_live("checkout-dev")
    commit = merge(pipeline, "staging")
    pipeline.settle_live("checkout-stage")
    again = rebuilt(pipeline, pipeline.ended(pipeline.run("stage"), RunState.SUCCEEDED))
    ended = pipeline.ended(again, RunState.SUCCEEDED)
    assert (attempts(pipeline, again), ended.images[""]["revision"]) == ([1], commit)


def test_retry_with_rebuild_of_a_tag_that_never_moves_says_so_and_builds_nothing(
    pipeline: Pipeline, in_dev: Run
) -> None:
    again = pipeline.ended(rebuilt(pipeline, in_dev), RunState.FAILED)
    assert (again.code, attempts(pipeline, again)) == ("rebuild-immutable", [])
    assert "never moves a tag" in again.message


def test_retry_with_rebuild_of_an_image_that_is_gone_builds_it_where_tags_never_move(
    pipeline: Pipeline, in_dev: Run
) -> None:
    forget(pipeline, in_dev.commit[:12])
    again = rebuilt(pipeline, in_dev)
    assert attempts(pipeline, pipeline.ended(again, RunState.SUCCEEDED)) == [2]


def test_retry_with_rebuild_of_anothers_pipeline_says_so(pipeline: Pipeline) -> None:
    configure(pipeline, "  build: {kind: docker}", "  build: {kind: external}")
    commit = merge(pipeline, "develop")
    pipeline.push_image(commit[:12], revision=commit)
    pipeline.settle_live("checkout-dev")
    again = rebuilt(pipeline, pipeline.ended(pipeline.run("dev"), RunState.SUCCEEDED))
    assert pipeline.ended(again, RunState.FAILED).code == "rebuild-elsewhere"


def test_retry_after_a_rebuild_builds_nothing(pipeline: Pipeline) -> None:
    let_tags_move(pipeline)
    merge(pipeline, "develop")
    pipeline.settle_live("checkout-dev")
    again = rebuilt(pipeline, pipeline.ended(pipeline.run("dev"), RunState.SUCCEEDED))
    pipeline.retry(pipeline.ended(again, RunState.SUCCEEDED))
    pipeline.settle_live("checkout-dev")
    assert (pipeline.run("dev").generation, attempts(pipeline, pipeline.run("dev"))) == (2, [])


@pytest.fixture
def after_the_loss(pipeline: Pipeline, in_dev: Run, tmp_path: Path) -> Iterator[Pipeline]:
    """Give a pipeline with a new database, after the image was built by the old one."""
    one = Pipeline(pipeline.stack, tmp_path / "new")
    one.skip_deliveries()
    yield one
    one.close()


def test_tree_is_known_by_the_labels_of_the_registry_after_the_loss_of_the_database(
    after_the_loss: Pipeline, in_dev: Run
) -> None:
    merge(after_the_loss, "staging")
    after_the_loss.settle_live("checkout-stage")
    run = after_the_loss.ended(after_the_loss.run("stage"), RunState.SUCCEEDED)
    assert (digest(run), built(after_the_loss)) == (digest(in_dev), [])
    assert (run.images[""]["origin"], run.images[""]["made_for"]) == ("same-tree", in_dev.commit)


def push_under_a_false_tree(pipeline: Pipeline, in_dev: Run) -> str:
    """Push another commit's image that claims the tree of the run in dev, as a LABEL can; give its digest."""
    label = pipeline.registry().find("checkout", in_dev.commit[:12])
    assert label is not None
    other = merge(pipeline, "develop", "not what was reviewed")
    return pipeline.push_image(other[:12], revision=other, tree=label.tree)


def test_label_that_claims_another_tree_is_not_believed(pipeline: Pipeline, in_dev: Run) -> None:
    false = push_under_a_false_tree(pipeline, in_dev)
    pipeline.settle_live("checkout-dev")
    assert digest(pipeline.run("dev")) == false
    merge(pipeline, "staging")
    pipeline.settle_live("checkout-stage")
    assert digest(pipeline.ended(pipeline.run("stage"), RunState.SUCCEEDED)) == digest(in_dev)


def test_label_that_claims_another_tree_is_not_believed_after_the_loss_of_the_database(
    after_the_loss: Pipeline, in_dev: Run
) -> None:
    false = push_under_a_false_tree(after_the_loss, in_dev)
    merge(after_the_loss, "staging")
    after_the_loss.settle_live("checkout-stage")
    run = after_the_loss.ended(after_the_loss.run("stage"), RunState.SUCCEEDED)
    assert digest(run) not in {"", false}
    assert run.images[""]["made_for"] in {None, in_dev.commit}


def test_daily_rebuild_counts_from_the_push_of_an_image_that_was_recalled(
    after_the_loss: Pipeline, in_dev: Run
) -> None:
    configure(after_the_loss, "  build: {kind: docker}", "  build: {kind: docker}\n  rebuild: daily")
    after_the_loss.clock.move(hours=25)
    commit = merge(after_the_loss, "staging")
    after_the_loss.settle_live("checkout-stage")
    assert built(after_the_loss) == [commit]


def test_labels_that_cannot_be_read_have_the_image_built(after_the_loss: Pipeline) -> None:
    faults = after_the_loss.stack.ecr.faults

    class Denied(Fault):
        def claims(self, method: str, path: str) -> bool:  # noqa: ARG002 - AWS names its calls in a header
            return faults.log[-1].headers.get("x-amz-target", "").endswith("DescribeImages")

    denied = b'{"__type": "AccessDeniedException", "message": "not authorized"}'
    headers = (("Content-Type", "application/x-amz-json-1.1"),)
    faults.plant(Denied("*", re.compile(""), 1, answer=Answer("400 Bad Request", headers, denied)))
    commit = merge(after_the_loss, "staging")
    after_the_loss.settle_live("checkout-stage")
    after_the_loss.ended(after_the_loss.run("stage"), RunState.SUCCEEDED)
    assert built(after_the_loss) == [commit]


def test_registry_is_asked_for_its_newest_images_only_where_nothing_is_known(pipeline: Pipeline, in_dev: Run) -> None:
    before = len(pipeline.stack.ecr.faults.log)
    merge(pipeline, "staging", "three")
    pipeline.settle_live("checkout-stage")
    asked = pipeline.stack.ecr.faults.log[before:]
    assert not [one for one in asked if one.headers.get("x-amz-target", "").endswith("DescribeImages")]
