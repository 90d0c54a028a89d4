"""Manifest commits, near or far, also say what an image was made of, but only those of its own place."""

from __future__ import annotations

import pytest

from service.core import trailers
from service.core.standing import Standing
from service.core.words import Digest, Repository, Sha
from service.pipeline.manifest.origins import UNKNOWN, Origin, asked_origin
from tests.fixtures.service import MANIFESTS, REGISTRY, SOURCE
from tests.pipeline.harness import Pipeline

DIGEST = Digest("sha256:" + "7" * 64)
STANDING = Standing("", DIGEST, digest=DIGEST)
COMMIT = Sha("7" * 40)


def message(**changed: str) -> str:
    """Write a promotion's message as we do; trailers that are set to nothing are left out."""
    told = {
        trailers.APPLICATION: "checkout",
        trailers.ENVIRONMENT: "dev",
        trailers.IMAGE: f"{REGISTRY}/checkout:v7@{DIGEST}",
        trailers.SOURCE_REPOSITORY: SOURCE,
        trailers.SOURCE_COMMIT: COMMIT,
        **{name.replace("_", "-"): value for name, value in changed.items()},
    }
    return f"Promote\n\n{trailers.format(told.items())}"


def origin(pipeline: Pipeline, *messages: str, image: Standing = STANDING) -> Origin:
    """Commit with these messages, and ask for the origin of an image that neither runs nor registry know."""
    bare = pipeline.stack.git.open(MANIFESTS)
    for number, words in enumerate(messages):
        bare.commit_files("main", {"n": f"{number}\n"}, words)
    target = pipeline.context.configurations.current().target("checkout", "dev")
    assert target is not None
    manifests = pipeline.context.outside.manifests.open(Repository(MANIFESTS))
    tip = manifests.fetch("main")
    assert tip is not None
    return asked_origin(pipeline.context, manifests, tip, target, image)


TOLD = Origin(COMMIT, Repository(SOURCE))


@pytest.mark.parametrize(
    "image",
    [STANDING, Standing("", "v7", tag="v7"), Standing("", COMMIT[:12], tag=COMMIT[:12], commit=COMMIT[:12])],
    ids=["digest", "tag", "commit"],
)
def test_trailers_tell_it_by_digest_tag_or_commit(pipeline: Pipeline, image: Standing) -> None:
    assert origin(pipeline, message(), "Scale up", image=image) == TOLD


def test_the_newest_promotion_of_the_image_counts(pipeline: Pipeline) -> None:
    assert origin(pipeline, message(Source_Commit="8" * 40), message()) == TOLD


def test_trailers_that_are_far_back_are_found(pipeline: Pipeline) -> None:
    assert origin(pipeline, message(), *(f"Change {number}" for number in range(120))) == TOLD


@pytest.mark.parametrize(
    "words",
    [
        message(Mergeport_Environment="prod"),
        message(Mergeport_Application="checkout-api"),
        message(Mergeport_Image=f"{REGISTRY}/checkout:v7@sha256:{'8' * 64}"),
        message(Source_Commit="7777777"),
        message(Source_Commit=""),
        f"{message()}\nand a paragraph after it\n",
    ],
)
def test_other_places_and_broken_trailers_tell_nothing(pipeline: Pipeline, words: str) -> None:
    assert origin(pipeline, words) == UNKNOWN
