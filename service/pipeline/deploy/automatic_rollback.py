"""Goes back by itself from a release that got degraded soon after it went live, where the configuration wants that.

Called by the looks at the deployer and at what is live, after they have recorded the health. It does what a person's
rollback does, with the deployer's words as the reason: never twice for one release, never from a release that came by a
rollback, and never while the state is in doubt or the place is locked.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from service.core.step_back import StepBack
from service.errors import MergeportError, PermanentError
from service.pipeline.context import Context
from service.pipeline.promote.former import went_back_from
from service.pipeline.promote.rolling_back import Plan, branch_of, plan, start
from service.pipeline.runs.claim import Claim
from service.store import deployments, runs
from service.store.runs import Run

BY = "mergeport"
MOST_RUNS = 500
MOST_WORDS = 1_000

log = structlog.get_logger()


def consider(claim: Claim, words: str) -> Run | None:
    """Go back from a release that is live and degraded if it is time; the run that does it, or None.

    Never raises for what keeps it from going back: the next look tries again, as long as that is wanted.
    """
    context, run = claim.context, claim.run
    within, grace = _wanted(claim)
    if not within or run.rollback is not None or not _is_due(claim, within, grace):
        return None
    with context.store.read() as tx:
        found = runs.newest(tx, limit=MOST_RUNS, application=run.application, environment=run.environment)
    if any(one.rollback is not None and one.rollback["refused"] == run.commit for one in found):
        return None
    try:
        planned = _plan(context, run, words)
    except MergeportError as error:
        log.warning("a degraded release is not gone back from", run=run.id, error=str(error), code=error.code)
        return None
    with context.store.begin() as tx:
        started = start(tx, context, planned)
    if started is not None:
        log.error("a degraded release is gone back from", run=run.id, by=started.id)
        context.queue.enqueue_run(started)
    return started


def _wanted(claim: Claim) -> tuple[timedelta, timedelta]:
    """Give how long after going live it counts, and how long being degraded must last, as is configured now."""
    try:
        target = claim.context.configurations.current().target(claim.run.application, claim.run.environment)
    except MergeportError:
        target = None
    return (target.rollback_within, target.patience.grace) if target is not None else (timedelta(0), timedelta(0))


def _is_due(claim: Claim, within: timedelta, grace: timedelta) -> bool:
    """Tell whether the run's release is live, got degraded in time, and has been so for long enough."""
    run, now = claim.run, claim.context.now()
    with claim.context.store.read() as tx:
        live = deployments.live(tx, run.application, run.environment)
    if live is None or live.run_id != run.id or live.degraded_since is None:
        return False
    lasted = now - live.degraded_since
    return live.degraded_since - live.since <= within and grace <= lasted <= grace + max(within, timedelta(minutes=10))


def _plan(context: Context, run: Run, words: str) -> Plan:
    back = StepBack("", BY, f"degraded: {words}"[:MOST_WORDS], automatic=True)
    planned = plan(context, run.application, run.environment, back)
    if planned.back.refused != run.commit:
        raise PermanentError("another release stands in the values files", code="release-is-there")
    if planned.waits:
        raise PermanentError(planned.waits, code="already-locked")
    if went_back_from(branch_of(context, planned.target), run.commit):
        raise PermanentError(f"{run.commit[:12]} was gone back from before", code="release-refused")
    return planned
