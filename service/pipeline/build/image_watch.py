"""Looks at registries for images that others push, and at the pipelines that are to push them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from service.core.config import ImageTarget
from service.core.images import Image, ImageReference
from service.core.words import WaitKind
from service.errors import DoubtfulError
from service.pipeline.build.foreign import awaited, question_of, standings_of
from service.pipeline.build.judging import judge
from service.pipeline.build.replica import awaited_replica, replica_lacks, wanted_replica
from service.pipeline.build.wanted_build import reference_of
from service.pipeline.context import Context
from service.pipeline.runs.claim import Claim, read_claim
from service.pipeline.runs.looks import Answers, Isolated, saw
from service.ports import PipelineQuestion
from service.store import waits
from service.store.waits import Wait


def look_at_images(context: Context, key: str) -> Answers:
    """Answer the waits whose image is there and whole; each image is asked for once.

    An error that may pass answers the wait too: the run's own step meets it, tries again, and believes an error that
    lasts. So one repository that refuses does not hold up the others. A pipeline that is over without an image answers
    the wait as well: the run's step asks again, and ends in its words.
    """
    with context.store.read() as tx:
        waiting = waits.open_at(tx, WaitKind.IMAGE, key)
    images: dict[str, Image | None] = {}
    lacks: dict[Wait, str] = {}
    answers: dict[Wait, str] = {}
    asked: dict[Wait, tuple[str, PipelineQuestion]] = {}
    with Isolated(context) as isolated:
        for wait in waiting:
            with isolated.one(wait, answers):
                try:
                    found = _look_for(context, wait, images)
                except DoubtfulError as error:
                    saw(context, wait, str(error))
                    answers[wait] = "to be looked at again"
                    continue
                if found.there:
                    answers[wait] = "there"
                    continue
                lacks[wait] = found.lacks
                if found.has_pipeline and (one := _question(context, wait)):
                    asked[wait] = one
                else:
                    saw(context, wait, found.words or awaited(wait.subject, None, found.lacks))
    for wait, standing in standings_of(context, asked).items():
        if standing.is_over:
            answers[wait] = "its pipeline is over"
        else:
            saw(context, wait, awaited(wait.subject, standing, lacks[wait]))
    return answers


@dataclass(frozen=True, slots=True)
class _Found:
    """Whether an image is there for its run to judge, what it lacks, and whether its options name who is to push it.

    `words` say what is waited for, where that is no push.
    """

    there: bool
    lacks: str = ""
    has_pipeline: bool = False
    words: str = ""


def _look_for(context: Context, wait: Wait, images: dict[str, Image | None]) -> _Found:
    """Look for the wait's image; if the run no longer has it, wake the run, so that its step can judge.

    `images` are those that were read already: two runs may wait for one image with other platforms.
    """
    claim = read_claim(context, wait.run_id)
    image = _image(claim, wait)
    if claim is None or image is None:
        return _Found(there=True)
    if wait.subject not in images:
        repository, _, tag = wait.subject.removeprefix(f"{image.registry_host}/").rpartition(":")
        images[wait.subject] = context.outside.images.registry(image).find(repository, tag)
    found, lacks = images[wait.subject], ""
    replica = wanted_replica(claim.run, image)
    if replica is not None and _subject(replica) == wait.subject:
        lacks = replica_lacks(context.outside.images.registry(image), replica, found)
        words = awaited_replica(claim.run, image, replica.digest, lacks)
        return _Found(there=not lacks, words=words)
    if found is not None:
        judged = judge(found, image, claim.run.commit, claim.run.repository)
        if judged.is_final:
            return _Found(there=True)
        lacks = judged.lacks
    pipelines = context.outside.images.pipelines(image.builder_kind)
    has_pipeline = bool(pipelines and pipelines.pipeline_of(image.builder_options))
    return _Found(there=False, lacks=lacks, has_pipeline=has_pipeline)


def _question(context: Context, wait: Wait) -> tuple[str, PipelineQuestion] | None:
    """Give what is asked for one wait: two runs may wait for one image by different branches."""
    claim = read_claim(context, wait.run_id)
    image = _image(claim, wait)
    question = question_of(context, claim.run, image) if claim and image else None
    return (image.builder_kind, question) if image and question else None


def _image(claim: Claim | None, wait: Wait) -> ImageTarget | None:
    """Give the image that is awaited: where it is pushed to, or where it is replicated to."""
    for image in claim.target.images if claim else ():
        assert claim is not None  # noqa: S101 - it has images
        replica = wanted_replica(claim.run, image)
        if replica is not None and _subject(replica) == wait.subject:
            return image
        if str(reference_of(claim.run, image.made)) == wait.subject:
            return image.made
    return None


def _subject(reference: ImageReference) -> str:
    return str(replace(reference, digest=None))
