"""Lets a run wait for the build of the same source tree that another commit has under way, instead of a second build.

Called by the build stage. Merges of one tree to two branches within seconds so have one image too. The run shares the
build of the other commit, so that it goes on if only this run still wants it, and then gives its image the own tag.
"""

from __future__ import annotations

from typing import NoReturn

from service.core.config import ImageTarget
from service.core.made_of import is_made_of, told_of
from service.core.words import BuildState
from service.errors import RetryableError
from service.pipeline.build.build_deadline import pause_for
from service.pipeline.build.wanted_build import just_ended, reference_of
from service.pipeline.runs.claim import Claim
from service.store import builds, image_trees
from service.store.builds import Build
from service.store.image_trees import MadeImage


def shared_build(claim: Claim, image: ImageTarget, tree: str) -> Build | None:
    """Give the newest build of another commit of the tree that the run has waited for, and that has ended."""
    own = str(reference_of(claim.run, image))
    with claim.context.store.read() as tx:
        shared = [one for one in builds.of_run(tx, claim.run.id) if one.tree == tree and one.reference != own]
    ended = [one for one in shared if tree and one.state.ended]
    return ended[-1] if ended else None


def is_of_another(claim: Claim, image: ImageTarget, build: Build) -> bool:
    """Tell whether the build is of another commit than the run's."""
    return build.reference != str(reference_of(claim.run, image))


def await_end(claim: Claim, build: Build) -> NoReturn:
    """Pause until the build of the other commit has ended."""
    pause_for(claim, build, f"the same tree is being built for {build.commit[:12]}: {build.state}")


def made_by(claim: Claim, image: ImageTarget, build: Build, tree: str) -> MadeImage | None:
    """Give the image that the build made, and keep it for later runs; None if the build made none, or another.

    RetryableError if the registry does not show it yet.
    """
    now = claim.context.now()
    found = claim.context.outside.images.registry(image).find(image.repository, build.reference.rpartition(":")[2])
    if found is None:
        if build.state is BuildState.SUCCEEDED and just_ended(build, now):
            raise RetryableError(
                f"the build succeeded; the registry does not show {build.reference} yet",
                code="image-not-seen-yet",
                hint="replication takes some seconds; otherwise it was never pushed",
            )
        return None
    if told_of(found, build.repository).commit and not is_made_of(found, build.commit, tree=tree):
        return None
    made = MadeImage(build.commit, found.digest, now)
    with claim.context.store.begin() as tx:
        image_trees.keep(tx, image.full_name, tree, made)
    return made
