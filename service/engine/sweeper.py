"""The sweeper: finds what a dead or paused process left behind, and has it go on.

Every worker runs one. Nothing here knows what a run does; it compares rows of ours with workflows of
the engine. Three times a run or build that is under way has lost its workflow, then it fails.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from service.core.words import BuildState, RunState, WaitKind
from service.engine.queue import Engine, Standing
from service.pipeline.building import finish_build
from service.pipeline.context import Context
from service.pipeline.reporting import want_status
from service.pipeline.steps import wait_for
from service.store import builds, deliveries, leases, runs, waits
from service.store.builds import Build
from service.store.runs import Run

UNATTENDED_SECONDS = 2.0
MOST_RESUMES = 3

log = structlog.get_logger()


def sweep(context: Context, engine: Engine) -> None:
    """Look once for work without a worker."""
    with context.store.begin() as tx:
        alive = leases.holders(tx, "worker:", now=context.now())
        deliveries.release_claims(tx, alive=alive)
        leases.release_dead(tx, alive=alive)
    if engine.executor not in alive:
        return
    for workflow_id in engine.resume_orphans(alive):
        log.warning("workflow of a dead worker resumed", workflow=workflow_id)
    before = context.now() - timedelta(seconds=UNATTENDED_SECONDS)
    with context.store.read() as tx:
        lost_runs = runs.unattended(tx, before=before)
        lost_builds = builds.unattended(tx, before=before)
    for run in lost_runs:
        _attend_run(context, engine, run)
    for build in lost_builds:
        _attend_build(context, engine, build)


def _attend_run(context: Context, engine: Engine, run: Run) -> None:
    match engine.standing(run.workflow_id):
        case Standing.ALIVE:
            return
        case Standing.UNKNOWN:
            engine.enqueue_run(run)
        case Standing.FINISHED:
            _resume_run(context, engine, run)


def _resume_run(context: Context, engine: Engine, run: Run) -> None:
    """Give the run a new workflow: its own ended without bringing it to rest."""
    with context.store.begin() as tx:
        now_at = runs.get(tx, run.id)
        if now_at is None or (now_at.workflow_id, now_at.updated_at) != (run.workflow_id, run.updated_at):
            return
        if run.resumes >= MOST_RESUMES:
            words = f"internal error: its worker died {run.resumes} times over it"
            runs.end(tx, run.id, RunState.FAILED, words, at=context.now(), code="internal-error")
            ended = runs.get(tx, run.id)
            if ended is not None:
                want_status(tx, context, ended)
            log.error("run given up", run=run.id)
            return
        runs.update(tx, run.id, at=context.now(), resumes=run.resumes + 1)
    wait = wait_for(context, run, WaitKind.RETRY, key="", subject="worker-lost", saw="its worker died; going on")
    with context.store.begin() as tx:
        waits.open_wait(tx, wait)
        waits.answer(tx, wait.id, "resumed", at=context.now())
        again = runs.get(tx, run.id)
    log.warning("run resumed", run=run.id, resumes=run.resumes + 1)
    if again is not None:
        engine.enqueue_run(again)


def _attend_build(context: Context, engine: Engine, build: Build) -> None:
    match engine.standing(build.workflow_id):
        case Standing.ALIVE:
            return
        case Standing.UNKNOWN:
            engine.enqueue_build(build)
        case Standing.FINISHED:
            with context.store.begin() as tx:
                now_at = builds.get(tx, build.id)
                if now_at is None or (now_at.attempt, now_at.updated_at) != (build.attempt, build.updated_at):
                    return
                again = None
                if build.resumes < MOST_RESUMES:
                    again = builds.start_attempt(tx, build, at=context.now(), resumes=build.resumes + 1)
            if again is None:
                words = f"internal error: its worker died {build.resumes} times over it"
                finish_build(context, build, BuildState.FAILED, words, code="internal-error")
            else:
                log.warning("build resumed", build=build.id, attempt=again.attempt)
                engine.enqueue_build(again)
