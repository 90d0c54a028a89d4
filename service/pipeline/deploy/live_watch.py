"""Looks at what is live, also after its run has ended: is it still ours, is it healthy, was it repaired by hand?

Called by the worker each minute, and right after a refresh for another's push. One list call serves all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

import structlog

from service.core.deployment import Doubt, Observation, Progress, Verdict, VerdictKind
from service.core.deployment.evidence import replaced as other_image
from service.core.deployment.overrides import over_ours
from service.core.words import Sha
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.deploy.automatic_rollback import consider
from service.pipeline.deploy.deployments import OVERRIDDEN, began, gone, keep, replaced
from service.pipeline.deploy.expecting import expected_of, health_in, judged, paths_of
from service.pipeline.deploy.observing import observe, observe_below
from service.pipeline.deploy.standings import Standings
from service.pipeline.deploy.taken_back import taken_back
from service.pipeline.manifest.place import place_of
from service.pipeline.reports.statuses import want_statuses
from service.pipeline.runs.claim import Claim, claim_of, images_of, read_claim
from service.store import deployments, leases
from service.store.deployments import Deployment
from service.store.runs import Run

REPAIRABLE = timedelta(days=7)
"""How long a run that failed after its commit is still looked at, because somebody may repair it by hand."""

LEASE = "live"
LEASE_SECONDS = 90.0

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class _Known:
    """What is looked at: releases that are live, and runs that failed and may be repaired."""

    live: list[Deployment]
    failed: list[Run]


def look_at_live(context: Context) -> None:
    """Look once at everything that is live; what cannot be read now is looked at next time.

    One worker looks at a time, and not more often than the lease lasts.
    """
    with context.store.begin() as tx:
        if not leases.acquire(tx, LEASE, context.holder, now=context.now(), seconds=LEASE_SECONDS):
            return
    known = _known(context)
    claims = [claim for run in known.failed if (claim := _claim(context, run)) is not None]
    names = {one.argocd_application for one in known.live} | {claim.target.argocd_application for claim in claims}
    wanted = {name for name in names if name is not None}
    deployer = context.outside.deployer
    observed: Mapping[str, Observation] = {}
    if deployer is not None and wanted:
        try:
            observed = observe(deployer, wanted)
        except MergeportError as error:
            log.warning("what is live could not be looked at", error=error.message, code=error.code)
    _settle(context, known.live, claims, observed)


def look_at_one(context: Context, application: str, observation: Observation) -> bool:
    """Update what is recorded of one application by a fresh observation; tell whether it still changes."""
    known = _known(context)
    claims = [claim for run in known.failed if (claim := _claim(context, run)) is not None]
    live = [one for one in known.live if one.argocd_application == application]
    repaired = [claim for claim in claims if claim.target.argocd_application == application]
    if live or repaired:
        _settle(context, live, repaired, _with_children(context, application, observation))
    return observation.sync == "OutOfSync" or observation.phase == "Running"


def _with_children(context: Context, application: str, observation: Observation) -> Mapping[str, Observation]:
    """Add an application's children; nothing at all if they cannot be read now."""
    deployer = context.outside.deployer
    if deployer is None or not observation.children:
        return {application: observation}
    try:
        return observe_below(deployer, application, observation)
    except MergeportError as error:
        log.info("an application's children could not be looked at", application=application, error=error.message)
        return {}


def _known(context: Context) -> _Known:
    with context.store.read() as tx:
        failed = deployments.failed_and_not_live(tx, since=context.now() - REPAIRABLE)
        return _Known(deployments.all_live(tx), failed)


def _claim(context: Context, run: Run) -> Claim | None:
    try:
        return claim_of(context, run)
    except MergeportError:
        return None


def _settle(context: Context, live: list[Deployment], failed: list[Claim], observed: Mapping[str, Observation]) -> None:
    standings = Standings(context)
    for deployment in live:
        try:
            _of_live(context, deployment, observed, standings)
        except MergeportError as error:
            log.info("a live release could not be judged", run=deployment.run_id, error=error.message)
    for claim in failed:
        try:
            _of_failed(claim, observed, standings)
        except MergeportError as error:
            log.info("a failed run could not be judged", run=claim.run.id, error=error.message)


def _of_live(
    context: Context, deployment: Deployment, observed: Mapping[str, Observation], standings: Standings
) -> None:
    """Record the health of a live release, or that it is no longer live."""
    claim = read_claim(context, deployment.run_id)
    if claim is None or claim.run.manifest_commit is None:
        return
    if deployment.argocd_application is None:
        tip = standings.tip(place_of(context, claim.target))
        if tip is not None and taken_back(claim, tip) is not None:
            replaced(claim, deployment, tip)
        return
    seen = observed.get(deployment.argocd_application)
    if seen is None:
        return
    verdict = _verdict(claim, claim.run.manifest_commit, seen, observed, standings)
    settled = seen.sync == "Synced" and seen.phase not in {"Running", "Terminating"}
    if verdict.kind is VerdictKind.OVERTAKEN and verdict.revision is not None:
        if settled:
            replaced(claim, deployment, verdict.revision)
    elif verdict.progress is Progress.BEHIND and settled and seen.revisions:
        _behind(claim, deployment, seen)
    elif verdict.doubt is Doubt.OTHER_IMAGE and settled and _is_overridden(claim, seen):
        with context.store.begin() as tx:
            began(tx, context, claim.run, deployment.argocd_application, OVERRIDDEN)
    else:
        keep(claim, verdict, health_in(verdict, seen, observed))
        consider(claim, verdict.words())


def _is_overridden(claim: Claim, seen: Observation) -> bool:
    """Tell whether a setting of the application overrides what we wrote; an image of a schedule alone is no sign."""
    return bool(over_ours(seen.overrides, paths_of(claim), tuple(images_of(claim.run).values())))


def _behind(claim: Claim, deployment: Deployment, seen: Observation) -> None:
    """Record that a release is gone from its branch, because what runs now is of a commit without it."""
    found = other_image(seen, tuple(images_of(claim.run).values()), frozenset())
    if found is not None:
        revision = seen.revisions[-1]
        words = f"gone from its branch: {found[1]} runs now, from {revision[:12]}"
        gone(claim, deployment, Sha(revision), words, by_us=False)


def _of_failed(claim: Claim, observed: Mapping[str, Observation], standings: Standings) -> None:
    """Record that a release whose run failed is live and healthy after all."""
    name, commit = claim.target.argocd_application, claim.run.manifest_commit
    seen = observed.get(name) if name is not None else None
    if seen is None or commit is None:
        return
    verdict = _verdict(claim, commit, seen, observed, standings)
    if verdict.kind is VerdictKind.SUCCEEDED and verdict.progress is Progress.LIVE:
        with claim.context.store.begin() as tx:
            if began(tx, claim.context, claim.run, name, "Healthy"):
                want_statuses(tx, [claim.run])


def _verdict(
    claim: Claim, commit: Sha, seen: Observation, observed: Mapping[str, Observation], standings: Standings
) -> Verdict:
    return judged(claim, seen, observed, expected_of(claim, commit, live_before=True), standings, {})
