"""What environments use is read from Git and kept in the registry: by files, by open promotions, and only as long."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from service.core.lifecycle import keep_tag
from service.core.words import Digest, RunState
from service.pipeline.deploy.images_in_use import keep_images_in_use
from service.store.runs import Run
from service.store.tables import waits as table
from tests.fixtures.service import CONFIGURATION, MANIFESTS, REGISTRY
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_deployments import deployed
from tests.pipeline.test_promotion import propose

KEEPING = CONFIGURATION.replace(
    f"registry: {REGISTRY}", f"registry: {{kind: ecr, host: {REGISTRY}, create: {{keep_newest: 5}}}}"
)


@pytest.fixture(autouse=True)
def keeping(pipeline: Pipeline) -> None:
    assert KEEPING != CONFIGURATION
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": KEEPING}, "Keep what is used")
    pipeline.settle(looks=0)


def kept(pipeline: Pipeline) -> set[str]:
    """Give the tags that keep images, after a look."""
    pipeline.clock.move(minutes=16)
    keep_images_in_use(pipeline.context)
    told = pipeline.ecr().describe_images(repositoryName="checkout")["imageDetails"]
    return {tag for one in told for tag in one.get("imageTags", []) if tag.startswith("keep-")}


def tag(run: Run) -> str:
    return keep_tag(run.environment, Digest(run.images[""]["digest"]))


def test_image_that_a_values_file_names_is_kept_until_another_replaces_it(pipeline: Pipeline) -> None:
    first = deployed(pipeline, "two")
    assert kept(pipeline) == {tag(first)}
    second = deployed(pipeline, "three")
    assert kept(pipeline) == {tag(second)}
    assert pipeline.registry().has("checkout", Digest(first.images[""]["digest"]))


def test_image_of_an_open_promotion_is_kept(pipeline: Pipeline) -> None:
    propose(pipeline)
    run = pipeline.run("prod")
    assert run.state == RunState.WAITING
    assert kept(pipeline) == {tag(run)}


def test_image_of_an_open_promotion_is_kept_though_the_database_is_lost(pipeline: Pipeline) -> None:
    propose(pipeline)
    run = pipeline.run("prod")
    wanted = {tag(run)}
    with pipeline.store.begin() as tx:
        tx.execute(sa.delete(table))
    assert kept(pipeline) == wanted


def test_environment_that_cannot_be_read_keeps_its_tags(pipeline: Pipeline) -> None:
    run = deployed(pipeline, "two")
    assert kept(pipeline) == {tag(run)}
    pipeline.stack.git.faults.answer("503 Service Unavailable", times=100)
    after = kept(pipeline)
    pipeline.stack.git.faults.clear()
    assert after == {tag(run)}


def test_image_named_by_its_tag_alone_is_kept_by_its_digest(pipeline: Pipeline) -> None:
    """Nobody but the file says so: no run of ours has brought this image."""
    digest = Digest(pipeline.push_image("by-hand"))
    text = KEEPING.replace(', image.digest: "{digest}"', "")
    assert text != KEEPING
    values = 'image:\n  repository: none\n  tag: "by-hand"\n'
    files = {"mergeport.yaml": text, "apps/checkout/values-dev.yaml": values}
    pipeline.stack.github.push(MANIFESTS, "main", files, "By tag")
    pipeline.settle(looks=0)
    assert kept(pipeline) == {keep_tag("dev", digest)}


def test_environment_that_pulls_from_another_registry_keeps_nothing_where_images_are_pushed(pipeline: Pipeline) -> None:
    first = deployed(pipeline, "two")
    assert kept(pipeline) == {tag(first)}
    text = KEEPING.replace("dev: {branch: develop}", "dev: {branch: develop, pull_from: registry.example.com}")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Pull from another")
    pipeline.settle(looks=0)
    assert kept(pipeline) == set()
    policy = pipeline.ecr().get_lifecycle_policy(repositoryName="checkout")["lifecyclePolicyText"]
    assert "newest" in policy


def test_tags_of_people_are_left(pipeline: Pipeline) -> None:
    run = deployed(pipeline, "two")
    digest = Digest(run.images[""]["digest"])
    pipeline.registry().add_tag("checkout", digest, "keep-for-the-audit")
    deployed(pipeline, "three")
    assert "keep-for-the-audit" in kept(pipeline)


def test_one_look_in_a_quarter_of_an_hour_asks_the_registry(pipeline: Pipeline) -> None:
    deployed(pipeline, "two")
    kept(pipeline)
    pipeline.stack.ecr.faults.log.clear()
    pipeline.clock.move(minutes=10)
    keep_images_in_use(pipeline.context)
    assert pipeline.stack.ecr.faults.requests() == []
