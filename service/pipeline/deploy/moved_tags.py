"""Notices that the tag of a live release names another image now, because somebody built and pushed it again.

Called by the look at images in use. With `redeploy: true` the run's next generation brings the new image. Otherwise,
and for an image that the run would refuse, the release says that its tag has moved, and nothing changes.
"""

from __future__ import annotations

import structlog

from service.core.config import ImageTarget
from service.core.images import Image, ImageReference
from service.errors import PermanentError
from service.pipeline.actions import retry
from service.pipeline.build.judging import judge
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.runs.claim import Claim, images_of
from service.store import deployments
from service.store.deployments import Deployment

log = structlog.get_logger()


def follow_tags(claim: Claim, deployment: Deployment) -> None:
    """Record whether the release's tags still name its images, and start its next generation where that is wanted."""
    drift, redeploys = "", False
    references = images_of(claim.run)
    for image in claim.target.images:
        reference = references.get(image.name)
        if reference is None or reference.registry != image.registry_host:
            continue
        found = _moved(claim, image, reference)
        if found is None:
            continue
        judged = judge(found, image, claim.run.commit, claim.run.repository)
        why = judged.other or judged.lacks
        redeploys = redeploys or (image.redeploy and not why)
        drift = f"{reference.name}:{reference.tag} names {found.digest} now" + (f", which {why}" if why else "")
    _keep(claim, deployment, drift)
    if redeploys and claim.run.state.ended:
        _redeploy(claim, drift)


def _moved(claim: Claim, image: ImageTarget, reference: ImageReference) -> Image | None:
    """Give what the tag names if that is another image; an image without its tag is still there by its digest."""
    registry = claim.context.outside.images.registry(image)
    if registry.digest_of(reference.repository, reference.tag) in {None, reference.digest}:
        return None
    found = registry.find(reference.repository, reference.tag)
    return found if found is not None and found.digest != reference.digest else None


def _keep(claim: Claim, deployment: Deployment, drift: str) -> None:
    if drift == deployment.drift:
        return
    with claim.context.store.begin() as tx:
        deployments.drifts(tx, deployment, drift)
    if drift:
        log.warning("a tag of a live release has moved", run=claim.run.id, drift=drift)


def _redeploy(claim: Claim, drift: str) -> None:
    """Queue the run's next generation, unless a later run goes on there or has been there since."""
    context = claim.context
    try:
        with context.store.begin() as tx:
            again = retry(tx, claim.run.id, by="redeploy", at=context.now(), person=False)
    except PermanentError as error:
        log.info("a moved tag is not redeployed", run=claim.run.id, why=error.message)
        return
    log.info("a moved tag is redeployed", run=again.id, drift=drift)
    enqueue(context, again.id)
