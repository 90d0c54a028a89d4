"""Advance: take a run through its stages until it must wait, then write what it waits for and return.

Called by the engine's short workflows with a run's id. After a crash it starts again from the first
step of the run's stage, and every step looks before it acts.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import assert_never

import structlog

from service.core.words import RunId, RunState, Stage, WaitKind
from service.errors import DoubtfulError, LimitedError, MergeportError, RetryableError
from service.pipeline.build.build_stage import build
from service.pipeline.context import Context
from service.pipeline.deploy.deploy_stage import deploy
from service.pipeline.deploy.scan_facts import note_scans
from service.pipeline.manifest.order_facts import relation_of
from service.pipeline.promote.promote_stage import promote
from service.pipeline.promote.withdraw import withdraw
from service.pipeline.runs import transitions
from service.pipeline.runs.belief import lasts, retries_in_a_row
from service.pipeline.runs.claim import Claim, read_claim
from service.pipeline.runs.steps import Cancelled, Pause, Stale, Superseded, has_workflow, is_ours, wait_for
from service.store import runs, waits
from service.store.pauses import pause_of

MOST_RETRIES = 60
"""Retries in a row for the same reason: about an hour, so that an outage elsewhere is not a failure here."""
_LONGEST_PAUSE_SECONDS = 60.0

log = structlog.get_logger()


def advance(context: Context, run_id: RunId, workflow_id: str) -> None:
    """Take the run as far as it goes now. Harmless when the run has ended or another workflow has it."""
    with context.store.begin() as tx:
        run = transitions.begin(tx, run_id, workflow_id, at=context.now())
    if run is None:
        return
    with structlog.contextvars.bound_contextvars(run=run.id, application=run.application, environment=run.environment):
        _advance(Claim(context, run))


def _advance(claim: Claim) -> None:
    try:
        message = _through_stages(claim)
    except Pause as pause:
        _wait(claim, pause)
    except Stale:
        log.warning("another workflow has the run")
    except Cancelled as cancelled:
        _cancel(claim, cancelled)
    except Superseded as superseded:
        _supersede(claim, superseded)
    except RetryableError as error:
        _retry(claim, error)
    except MergeportError as error:
        _end(claim, RunState.FAILED, str(error), code=error.code)
    except Exception:
        log.exception("internal error in a run")
        _end(claim, RunState.FAILED, "internal error; the worker's log has the traceback", code="internal-error")
    else:
        _end(claim, RunState.SUCCEEDED, message)


def _through_stages(claim: Claim) -> str:
    """Take the run from the stage that it is in to its end; give the words that end it."""
    stages = list(Stage)
    message = ""
    for stage in stages[stages.index(claim.run.stage) :]:
        match stage:
            case Stage.BUILD:
                build(claim)
            case Stage.PROMOTE:
                promote(claim)
            case Stage.DEPLOY:
                message = deploy(claim)
                note_scans(claim)
            case _:
                assert_never(stage)
    return message


def _supersede(claim: Claim, superseded: Superseded) -> None:
    """End a run for a newer one; look up first whether that contains its commit, and so its success."""
    context, run = claim.context, claim.run
    if superseded.by is not None:
        with context.store.read() as tx:
            newer = runs.get(tx, superseded.by)
        if newer is not None and newer.repository == run.repository:
            with suppress(MergeportError):
                relation_of(context, run.repository, run.commit, newer.commit)
    _end(claim, RunState.SUPERSEDED, str(superseded), superseded_by=superseded.by)


def _cancel(claim: Claim, cancelled: Cancelled) -> None:
    """End a run that is no longer wanted; if a person cancelled it, close its pull request first."""
    left = ""
    try:
        if not cancelled.code:
            cancelled = withdraw(_as_it_stands(claim), cancelled)
    except Stale:
        log.warning("another workflow has the run")
        return
    except MergeportError as error:
        if isinstance(error, RetryableError) and _retry(claim, error, ends=False):
            return
        left = f"; its pull request could not be closed and may still be open: {error}"
    _end(claim, RunState.CANCELLED, f"{cancelled}{left}", code=cancelled.code)


def _as_it_stands(claim: Claim) -> Claim:
    """Read the run again but keep this workflow's id, so that a run which another workflow took over is noticed."""
    read = read_claim(claim.context, claim.run.id) or claim
    return Claim(claim.context, replace(read.run, workflow_id=claim.run.workflow_id), read.found)


def _wait(claim: Claim, pause: Pause, *, patient: bool = False) -> None:
    """Let the run wait; if the wait was `opened` before, another workflow may have answered it and gone on by now."""
    context = claim.context
    with context.store.begin() as tx:
        ours = has_workflow(tx, claim.run) if pause.opened else is_ours(tx, claim.run)
        if not ours and not pause.opened:
            log.warning("another workflow has the run, or it has ended")
            return
        if ours:
            claim.settle(tx)
        transitions.rest(tx, pause.wait, at=context.now(), opened=pause.opened, patient=patient)
    log.info("run waits", kind=pause.wait.kind, subject=pause.wait.subject, saw=pause.wait.last_seen)


def _retry(claim: Claim, error: RetryableError, *, ends: bool = True) -> bool:
    """Let the run wait for its next try; after too many, end it and give False. Without `ends` the caller ends it.

    A limit on our calls is no failure: it is waited out, however often it comes.
    """
    context, run = claim.context, claim.run
    with context.store.read() as tx:
        tried = retries_in_a_row(waits.of_run(tx, run.id), error.code)
    attempts = len(tried)
    believed = isinstance(error, DoubtfulError) and lasts(tried, context.now())
    limited = isinstance(error, LimitedError)
    if believed or (attempts >= MOST_RETRIES and not limited):
        if ends:
            words = str(error) if believed else f"gave up after {attempts} retries: {error}"
            _end(claim, RunState.FAILED, words, code=error.code)
        return False
    usual = 1.0 if limited else min(2.0 ** min(attempts, 10), _LONGEST_PAUSE_SECONDS)
    pause_seconds = max(error.retry_after or 0.0, usual)
    not_before = context.now() + pause_of(pause_seconds)
    saw = str(error) if limited else f"trying again: {error}"
    wait = wait_for(context, run, WaitKind.RETRY, key="", subject=error.code, saw=saw, not_before=not_before)
    _wait(claim, Pause(wait), patient=not ends)
    return True


def _end(claim: Claim, state: RunState, message: str, *, code: str = "", superseded_by: RunId | None = None) -> None:
    context, run = claim.context, claim.run
    with context.store.begin() as tx:
        ours = is_ours(tx, run)
        if ours:
            claim.settle(tx)
        ended = ours and transitions.end(
            tx, run.id, state, message, at=context.now(), code=code, superseded_by=superseded_by
        )
    if not ended:
        log.warning("another workflow has the run, or it has ended")
        return
    log.info("run ended", state=state, message=message, code=code)
