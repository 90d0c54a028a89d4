"""Deployments: which release is live where, kept by the looks at waiting runs and by looks at what is live.

The table is read by soak, rollback, board, drift and DORA. An ended run stays ended; what is true now is here, and the
source commit's status follows it.
"""

from __future__ import annotations

import structlog

from service.core.deployment import Progress, Verdict, VerdictKind
from service.core.models import is_model
from service.core.words import Sha
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.deploy.peoples_step_back import notice
from service.pipeline.deploy.taken_back import replaced_by, taker_of
from service.pipeline.manifest.place import has_images, place_of, release_edits
from service.pipeline.reports.statuses import want_statuses
from service.pipeline.runs.claim import Claim, read_claim
from service.store import Transaction, deployments, judgements, runs
from service.store.deployments import IMAGE_GONE, Deployment
from service.store.runs import Run

OVERRIDDEN = "Overridden"
"""Our own addition to Argo CD's healths: a setting of the application makes another image run."""

_BROKEN = frozenset({"Degraded", "Missing", "Unknown", OVERRIDDEN, IMAGE_GONE, ""})
"""Healths that end a healthy period; Progressing does not, because it may only be another replica."""
_MOST_FORMER = 5

log = structlog.get_logger()


def keep(claim: Claim, verdict: Verdict, health: str) -> None:
    """Record what a look found of one release if it is new, and let its commit status follow."""
    if verdict.progress is not Progress.LIVE or verdict.kind is VerdictKind.OVERTAKEN:
        return
    context, run = claim.context, claim.run
    if verdict.kind is VerdictKind.SUCCEEDED:
        health = "Healthy"
    with context.store.read() as tx:
        known = deployments.live(tx, run.application, run.environment)
    if known is not None and known.run_id == run.id and known.health in {health, IMAGE_GONE}:
        return  # only the look at registries tells that an image is there again
    with context.store.begin() as tx:
        if began(tx, context, run, claim.target.argocd_application, health) and run.state.ended:
            want_statuses(tx, [run])


def began(tx: Transaction, context: Context, run: Run, argocd_application: str | None, health: str) -> bool:
    """Record that a run's release is live with this health; False if a newer release is live."""
    at = context.now()
    known = deployments.live(tx, run.application, run.environment)
    if known is not None and known.run_id == run.id:
        since = known.healthy_since
        if known.health == IMAGE_GONE:
            return True
        if health == "Healthy":
            since = since or at
        elif health in _BROKEN:
            since = None
        deployments.feels(tx, known, health, healthy_since=since, at=at)
        if since != known.healthy_since:
            judgements.ask_again(tx, at=at, application=run.application)
        return True
    if known is not None:
        other = runs.get(tx, known.run_id)
        if other is not None and other.sequence > run.sequence:
            return False
        deployments.end(tx, known, replaced_by(run), by_us=run.rollback is None, at=at)
        if other is not None and (run.rollback is not None or is_model(run.repository)):
            want_statuses(tx, [other])
    judgements.ask_again(tx, at=at, application=run.application)
    return deployments.begin(tx, run, argocd_application=argocd_application, health=health, at=at)


def replaced(claim: Claim, deployment: Deployment, revision: Sha) -> None:
    """Record that a later commit replaced the images of a live release."""
    taker = taker_of(claim, revision)
    if not taker.by_us:
        notice(claim.context, claim.target)
    gone(claim, deployment, revision, taker.words, by_us=taker.by_us, back=taker.back)


def gone(claim: Claim, deployment: Deployment, revision: Sha, words: str, *, by_us: bool, back: bool = False) -> None:
    """Record that a release is no longer live, and which former release is live again at this revision.

    `back` tells that a run of ours went back from it, because a person wanted it.
    """
    context = claim.context
    with context.store.read() as tx:
        former = deployments.before(tx, deployment, limit=_MOST_FORMER)
    again = None if by_us else next((found for one in former if (found := _brought_back(context, one, revision))), None)
    with context.store.begin() as tx:
        if not deployments.end(tx, deployment, words, by_us=by_us and not back, at=context.now()):
            return
        judgements.ask_again(tx, at=context.now(), application=deployment.application)
        if again is not None:
            name = again.target.argocd_application
            deployments.begin(tx, again.run, argocd_application=name, health="", at=context.now())
        want_statuses(tx, [claim.run] if again is None else [again.run, claim.run])
    log.info("a release is no longer live", run=claim.run.id, by=words)


def _brought_back(context: Context, former: Deployment, revision: Sha) -> Claim | None:
    """Give a former release if a commit has its images again."""
    try:
        claim = read_claim(context, former.run_id)
        if claim is None:
            return None
        manifests = context.outside.manifests.open(place_of(context, claim.target).repository)
        return claim if has_images(manifests, revision, release_edits(claim.run, claim.target)) else None
    except MergeportError:
        return None
