"""Looks whether images in use are still in their registries: those of what is live, and of what waits to be merged.

Called by the worker each minute, and acts every five. One worker looks, and asks for each image once. A run
whose pull request waits judges for itself; a live release is *ImageGone* once two looks have missed its image.
"""

from __future__ import annotations

import structlog

from service.core.words import RunId, WaitKind
from service.errors import MergeportError
from service.pipeline.build.presence import Known, absent_of
from service.pipeline.context import Context
from service.pipeline.deploy.moved_tags import follow_tags
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.reports.statuses import want_statuses
from service.pipeline.runs.claim import Claim, read_claim
from service.store import deployments, leases, waits
from service.store.deployments import IMAGE_GONE, Deployment
from service.store.ids import new_id
from service.store.waits import Wait

LEASE = "used-images"
LOOK_SECONDS = 300.0

log = structlog.get_logger()


def look_at_used_images(context: Context) -> None:
    """Look once at every image in use, unless somebody did so in the last five minutes."""
    with context.store.begin() as tx:
        # A holder's name of its own for each look, because a holder may always renew its lease.
        if not leases.acquire(tx, LEASE, f"{context.holder}/{new_id()}", now=context.now(), seconds=LOOK_SECONDS):
            return
        live, proposed = deployments.all_live(tx), waits.open_of_kind(tx, WaitKind.PULL_REQUEST)
    known: Known = {}
    for deployment in live:
        found = _absent(context, deployment.run_id, known)
        if found is not None:
            _keep(*found, deployment)
            _follow_tags(found[0], deployment)
    for wait in proposed:
        found = _absent(context, wait.run_id, known)
        if found is not None and found[1]:
            _wake(context, wait, found[1])


def _absent(context: Context, run_id: RunId, known: Known) -> tuple[Claim, str] | None:
    """Give the run and what it lacks; None if that cannot be told now."""
    try:
        claim = read_claim(context, run_id)
        return None if claim is None else (claim, absent_of(claim, known))
    except MergeportError as error:
        log.info("the images of a run could not be looked for", run=run_id, error=str(error))
        return None


def _follow_tags(claim: Claim, deployment: Deployment) -> None:
    try:
        follow_tags(claim, deployment)
    except MergeportError as error:
        log.info("the tags of a live release could not be looked up", run=claim.run.id, error=str(error))


def _keep(claim: Claim, absent: str, deployment: Deployment) -> None:
    """Record that the image of a live release is gone or there again; its status follows."""
    context, run = claim.context, claim.run
    with context.store.begin() as tx:
        known = deployments.live(tx, deployment.application, deployment.environment)
        if known is None or known.id != deployment.id:
            return
        if not absent:
            if known.image_gone_since is not None:
                deployments.misses_image(tx, known, None)
            if known.health == IMAGE_GONE:
                deployments.feels(tx, known, "", healthy_since=None)
                want_statuses(tx, [run])
        elif known.image_gone_since is None:
            deployments.misses_image(tx, known, context.now())
        elif known.health != IMAGE_GONE:
            deployments.feels(tx, known, IMAGE_GONE, healthy_since=None)
            want_statuses(tx, [run])
            log.warning("the image of a live release is gone from its registry", run=run.id, image=absent)


def _wake(context: Context, wait: Wait, absent: str) -> None:
    with context.store.begin() as tx:
        answered = waits.answer(tx, wait.id, f"{absent} is not in the registry", at=context.now())
    if answered:
        enqueue(context, wait.run_id)
