"""A tag that is built and pushed again is seen: shown as drift, or brought where that is wanted, and once."""

from __future__ import annotations

import pytest

from service.core.images import REVISION_LABEL
from service.core.words import RunState
from service.pipeline.deploy.used_images import look_at_used_images
from service.store.deployments import Deployment
from service.store.runs import Run
from tests.contract.registries import make_image, push
from tests.fixtures.service import CONFIGURATION, MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_deployments import deployed, of

REDEPLOYING = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: docker}\n  redeploy: true")
FILE = "apps/checkout/values-dev.yaml"


def rebuild(pipeline: Pipeline, run: Run, revision: str | None = "own") -> str:
    """Push another image under the run's tag; give its digest."""
    pipeline.ecr().put_image_tag_mutability(repositoryName="checkout", imageTagMutability="MUTABLE")
    commit = run.commit if revision == "own" else revision
    image = make_image({"built": "again", **({REVISION_LABEL: commit} if commit else {})})
    push(pipeline.pusher("checkout"), "checkout", run.images[""]["tag"], image)
    return image.digest


def looked(pipeline: Pipeline) -> None:
    pipeline.clock.move(minutes=6)
    look_at_used_images(pipeline.context)
    pipeline.settle_live("checkout-dev")
    pipeline.settle_live("checkout-dev")


def live(pipeline: Pipeline, run: Run) -> Deployment:
    return of(pipeline, run)[0]


def values(pipeline: Pipeline) -> str:
    return pipeline.stack.git.open(MANIFESTS).text("main", FILE)


def test_tag_that_moved_is_shown_and_changes_nothing(pipeline: Pipeline) -> None:
    run = deployed(pipeline, "two")
    before = values(pipeline)
    digest = rebuild(pipeline, run)
    looked(pipeline)
    assert live(pipeline, run).drift.endswith(f":{run.images['']['tag']} names {digest} now")
    assert (values(pipeline), pipeline.run().id) == (before, run.id)


def test_drift_ends_where_the_tag_is_moved_back(pipeline: Pipeline) -> None:
    run = deployed(pipeline, "two")
    rebuild(pipeline, run)
    looked(pipeline)
    pipeline.registry().add_tag("checkout", run.images[""]["digest"], run.images[""]["tag"])
    looked(pipeline)
    assert live(pipeline, run).drift == ""


def test_release_whose_tag_stays_has_no_drift(pipeline: Pipeline) -> None:
    run = deployed(pipeline, "two")
    looked(pipeline)
    assert live(pipeline, run).drift == ""


@pytest.fixture
def redeploying(pipeline: Pipeline) -> Pipeline:
    assert REDEPLOYING != CONFIGURATION
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": REDEPLOYING}, "Redeploy")
    pipeline.settle(looks=0)
    return pipeline


def test_moved_tag_is_brought_once_where_that_is_wanted(redeploying: Pipeline) -> None:
    first = deployed(redeploying, "two")
    digest = rebuild(redeploying, first)
    looked(redeploying)
    again = redeploying.ended(redeploying.run(), RunState.SUCCEEDED)
    assert (again.commit, again.generation, again.images[""]["digest"]) == (first.commit, 1, digest)
    assert digest in values(redeploying)
    looked(redeploying)
    assert redeploying.run().id == again.id


def test_image_of_another_commit_under_the_tag_is_never_brought(redeploying: Pipeline) -> None:
    run = deployed(redeploying, "two")
    rebuild(redeploying, run, "f" * 40)
    looked(redeploying)
    assert redeploying.run().id == run.id
    assert "was made of commit fff" in live(redeploying, run).drift
