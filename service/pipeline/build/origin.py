"""Finds out whose image a run has: of its own build, of another run's, of another commit with the same tree, or pushed.

Called by the build stage when it accepts an image. What it gives is stored with the image; only rows tell it.
"""

from __future__ import annotations

from collections.abc import Mapping

from service.core.config import ImageTarget
from service.core.words import ImageOrigin, RunId
from service.pipeline.build.wanted_build import key_of
from service.pipeline.runs.claim import Claim
from service.store import builds, runs
from service.store.builds import Build


def origin_of(
    claim: Claim, image: ImageTarget, *, made_for: str, build: Build | None, awaited: bool
) -> Mapping[str, str | None]:
    """Give the fields `origin` and `built_by`. `build` is the one that the run waited for, if it `awaited` any image.

    An image that was there may be that of an earlier run's build of the same commit.
    """
    if made_for:
        return _told(ImageOrigin.SAME_TREE)
    if build is not None:
        by = None if _is_first(claim, build) else _first_run(claim, build)
        return _told(ImageOrigin.OTHER_BUILD, by) if by else _told(ImageOrigin.OWN_BUILD)
    if awaited:
        return _told(ImageOrigin.PUSHED)
    with claim.context.store.read() as tx:
        earlier = builds.succeeded(tx, key_of(claim.run, image))
    by = _first_run(claim, earlier) if earlier else None
    return _told(ImageOrigin.OTHER_BUILD, by) if by else _told(ImageOrigin.THERE)


def _told(origin: ImageOrigin, by: RunId | None = None) -> Mapping[str, str | None]:
    return {"origin": origin.value, "built_by": by}


def _is_first(claim: Claim, build: Build) -> bool:
    """Tell whether the build was begun for the run's own place, by this run or an earlier try of it."""
    return (build.application, build.environment) == (claim.run.application, claim.run.environment)


def _first_run(claim: Claim, build: Build) -> RunId | None:
    """Give the first other run that wanted the build, of the place that it was begun for."""
    with claim.context.store.read() as tx:
        some = runs.some(tx, builds.runs_of(tx, build.id)).values()
    place = (build.application, build.environment)
    others = [run for run in some if (run.application, run.environment) == place and run.id != claim.run.id]
    return min(others, key=lambda run: run.sequence).id if others else None
