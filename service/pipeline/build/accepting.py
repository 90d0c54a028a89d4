"""Reads an image from its registry, judges it, and accepts it as the run's. Called by the build stage.

An image that was made of another commit is accepted only if it was made of the same tree.
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from service.core.config import ImageTarget
from service.core.images import Image
from service.core.words import Reuse
from service.errors import PermanentError
from service.pipeline.build.judging import Judged, judge
from service.pipeline.build.origin import origin_of
from service.pipeline.build.same_tree import is_recorded, keep_tree, tree_at
from service.pipeline.build.wanted_build import reference_of
from service.pipeline.runs.claim import Claim
from service.store.builds import Build
from service.store.image_trees import MadeImage


class Awaiting(NamedTuple):
    """The step in which the run has an image built or waits for it, if there is one, and the build."""

    step: str = ""
    build: Build | None = None


def look_for(claim: Claim, image: ImageTarget) -> tuple[Image | None, str]:
    """Read the image from its registry, and say what it lacks; it lacks nothing if it is of another commit anyway."""
    reference = reference_of(claim.run, image)
    found = claim.context.outside.images.registry(image).find(reference.repository, reference.tag)
    if found is None:
        return None, ""
    judged = judged_at(claim, image, found)
    return found, "" if judged.is_final else judged.lacks


def judged_at(claim: Claim, image: ImageTarget, found: Image, *, same: bool = False) -> Judged:
    """Judge the image; the commit's tree is asked for only if the image seems to be of another commit.

    The image's own label tells whether it was made of that tree, or our record of it: a workflow may set no such label.
    """
    run = claim.run
    judged = judge(found, image, run.commit, run.repository, same=same)
    if not judged.other:
        return judged
    tree = tree_at(claim, image)
    if is_recorded(claim, image, tree, found):
        return judge(found, image, run.commit, run.repository, same=True)
    return judge(found, image, run.commit, run.repository, tree=tree)


def accept(
    claim: Claim, image: ImageTarget, found: Image, how: Awaiting | None = None, *, made: MadeImage | None = None
) -> str:
    """Accept the image in the registry as the run's, unless its labels say that it was made of another commit.

    One of another commit is accepted if it was made of the same tree. `made` is that image, if it is known to be one.
    """
    run = claim.run
    reference = replace(found.reference, registry=image.registry_host, digest=found.digest)
    judged = judged_at(claim, image, found, same=made is not None)
    if judged.other:
        raise PermanentError(
            f"{reference.name}:{reference.tag} {judged.other}",
            code="tag-taken",
            hint="a tag must name one commit: use {sha} or a longer {short_sha} in `tag`, or remove that image",
        )
    made_for = judged.made_for or (made.commit if made is not None and not judged.ours else "")
    origin = origin_of(claim, image, made_for=made_for, build=how.build if how else None, awaited=how is not None)
    accepted = {
        "registry": reference.registry,
        "repository": reference.repository,
        "tag": reference.tag,
        "digest": reference.digest,
        "platforms": list(found.platforms),
        "parts": [{"platform": one.platform, "digest": one.digest, "size": one.size} for one in found.parts],
        "revision": run.commit if judged.ours else None,
        "made_for": made_for or None,
        **origin,
    }
    claim.note(images={**run.images, image.name: accepted})
    claim.images_were_read()
    if made_for:
        return f"the image of {made_for[:12]}, the same tree: {reference}"
    if judged.ours or image.reuse is Reuse.TREE:
        keep_tree(claim, image, found)
    return f"{reference}; {judged.unsure}" if judged.unsure else str(reference)
