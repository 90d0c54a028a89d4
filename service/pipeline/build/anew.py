"""Has an image built although it is there, where a person asked for that with a retry: for a newer base image.

Called by the build stage. The build moves the tag to the new image. Where that cannot be, the run ends in words before
anything is built.
"""

from __future__ import annotations

from service.core.config import ImageTarget
from service.core.images import Image
from service.core.words import BuildState
from service.errors import PermanentError
from service.pipeline.build.wanted_build import reference_of
from service.pipeline.runs.claim import Claim
from service.ports import Builder
from service.store import builds, runs


def is_wanted_anew(claim: Claim, image: ImageTarget) -> bool:
    """Tell whether the run still wants another image than the one that is there."""
    if not claim.run.rebuild:
        return False
    reference = str(reference_of(claim.run, image))
    with claim.context.store.read() as tx:
        mine = [one for one in builds.of_run(tx, claim.run.id) if one.reference == reference]
    return not any(one.state is BuildState.SUCCEEDED for one in mine)


def check_anew(claim: Claim, image: ImageTarget, builder: Builder | None) -> None:
    """Raise PermanentError `rebuild-elsewhere` or `rebuild-immutable` where the image cannot be built anew."""
    reference = reference_of(claim.run, image)
    if builder is None:
        raise PermanentError(
            f"{reference} is pushed by a pipeline of its own, so Mergeport cannot build it anew",
            code="rebuild-elsewhere",
            hint="let that pipeline push it again, then `mergeport runs retry` without --rebuild",
        )
    registry = claim.context.outside.images.registry(image)
    if not registry.push_target(reference).immutable_tags:
        return
    if registry.find(reference.repository, reference.tag) is not None:
        raise PermanentError(
            f"{reference} is there, and its registry never moves a tag, so it cannot be built anew",
            code="rebuild-immutable",
            hint="merge another commit with `rebuild: always`, or delete the tag in the registry and retry",
        )


def same_as_before(claim: Claim, image: ImageTarget, found: Image) -> str:
    """Say that the build made no other image than the run's earlier generation had, where it was to; else nothing.

    Its workflow may have taken what was there, or nothing that it reads has changed.
    """
    run = claim.run
    if not run.rebuild:
        return ""
    with claim.context.store.read() as tx:
        earlier = [one for one in runs.of_change(tx, run.change_id) if one.sequence < run.sequence]
    had = {
        one.images[image.name]["digest"]
        for one in earlier
        if (one.application, one.environment) == (run.application, run.environment) and image.name in one.images
    }
    return "; it is the very image from before: its builder took that, or made the same" if found.digest in had else ""
