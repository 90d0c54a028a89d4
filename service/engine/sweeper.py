"""The sweeper: finds what a dead or paused process left behind, and has it go on.

Every worker runs one. Nothing here knows what a run does; it compares rows of ours with workflows of
the engine. What loses its worker again and again and comes no further fails in the end (deaths.py): what kills each
worker that takes it up must not kill them for ever.
"""

from __future__ import annotations

from datetime import timedelta

import structlog

from service.core.words import BuildId, BuildState, RunId, RunState, WaitId, WaitKind
from service.engine.deaths import Deaths
from service.engine.queue import Engine, Standing
from service.pipeline.build.finish import finish_build
from service.pipeline.context import Context
from service.pipeline.runs import transitions
from service.pipeline.runs.steps import wait_for
from service.store import Transaction, builds, deliveries, edits, leases, runs, steps, waits
from service.store.builds import Build
from service.store.runs import Run

UNATTENDED_SECONDS = 0.5
_UNDER_WAY = frozenset({RunState.QUEUED, RunState.RUNNING})
_BUILD_UNDER_WAY = frozenset({BuildState.QUEUED, BuildState.RUNNING})

log = structlog.get_logger()


def sweep(context: Context, engine: Engine) -> None:
    """Look once for work without a worker."""
    before = context.now() - timedelta(seconds=UNATTENDED_SECONDS)
    with context.store.read() as tx:
        alive = leases.holders(tx, "worker:", now=context.now())
        if engine.executor not in alive:
            # This worker could not renew its own lease for a while. It must not free what it has under way itself.
            return
        left = deliveries.any_claimed_by_dead(tx, alive=alive) or leases.dead(tx, alive=alive)
        lost_runs = [run for run in runs.unattended(tx, before=before) if not engine.attends(run.workflow_id)]
        lost_builds = [one for one in builds.unattended(tx, before=before) if not engine.attends(one.workflow_id)]
    if left:
        _release(context, engine)
    taken_up = {orphan.workflow_id: orphan.alone for orphan in engine.orphans(alive)}
    for workflow_id, alone in taken_up.items():
        _take_up(context, engine, workflow_id, alone=alone)
    lost_runs = [run for run in lost_runs if run.workflow_id not in taken_up]
    lost_builds = [build for build in lost_builds if build.workflow_id not in taken_up]
    ids = [run.workflow_id for run in lost_runs] + [build.workflow_id for build in lost_builds]
    standings = engine.standings(ids)
    for run in lost_runs:
        _attend_run(context, engine, run, standings[run.workflow_id])
    for build in lost_builds:
        _attend_build(context, engine, build, standings[build.workflow_id])


def _release(context: Context, engine: Engine) -> None:
    """Free the deliveries and leases of workers that are dead now, unless this one counts as dead itself."""
    with context.store.begin() as tx:
        alive = leases.holders(tx, "worker:", now=context.now())
        if engine.executor in alive:
            deliveries.release_claims(tx, alive=alive)
            leases.release_dead(tx, alive=alive)


def _take_up(context: Context, engine: Engine, workflow_id: str, *, alone: bool) -> None:
    """Give a dead worker's run or build a new workflow, under a new id, and drop the old one.

    The old id would not do: a worker that was only paused would wake up and still take the run for its own. Of several
    sweepers only the first finds the old id on the row; the others find nothing to do.
    """
    kind, _, rest = workflow_id.partition(":")
    if kind == "build":
        _take_up_build(context, engine, BuildId(rest.partition(":")[0]), workflow_id, alone=alone)
    else:
        _take_up_run(context, engine, workflow_id, alone=alone)
    engine.drop(workflow_id)


def _take_up_run(context: Context, engine: Engine, workflow_id: str, *, alone: bool) -> None:
    kind, _, rest = workflow_id.partition(":")
    with context.store.read() as tx:
        wait = waits.get(tx, WaitId(rest)) if kind == "wait" else None
        run = runs.get(tx, wait.run_id if wait is not None else RunId(rest))
    if run is not None and run.workflow_id == workflow_id:
        _resume_run(context, engine, run, alone=alone)


def _take_up_build(context: Context, engine: Engine, build_id: BuildId, workflow_id: str, *, alone: bool) -> None:
    with context.store.read() as tx:
        build = builds.get(tx, build_id)
    if build is not None and build.workflow_id == workflow_id:
        _resume_build(context, engine, build, alone=alone)


def _progress(tx: Transaction, run: Run) -> str:
    """Tell how far the run has come, as a text that changes when it comes further."""
    edit = edits.of_run(tx, run.id)
    return f"{run.stage} {steps.succeeded(tx, run.id)} {edit.state if edit else ''} {run.pull_request or ''}"


def _count(tx: Transaction, context: Context, run: Run, *, alone: bool) -> bool:
    """Count that a worker died during the run; False if that was once too often, and the run has failed."""
    deaths = Deaths(run.resumes, run.shared_deaths, run.progress).counted(_progress(tx, run), alone=alone)
    if deaths.too_many:
        transitions.end(tx, run.id, RunState.FAILED, deaths.words, at=context.now(), code="internal-error")
        log.error("run given up", run=run.id)
        return False
    runs.update(
        tx, run.id, at=context.now(), resumes=deaths.resumes, shared_deaths=deaths.shared, progress=deaths.progress
    )
    return True


def _attend_run(context: Context, engine: Engine, run: Run, standing: Standing) -> None:
    match standing:
        case Standing.ALIVE:
            return
        case Standing.UNKNOWN:
            engine.take_up_run(run)
        case Standing.FINISHED:
            _resume_run(context, engine, run, alone=True, ended=True)


def _resume_run(context: Context, engine: Engine, run: Run, *, alone: bool, ended: bool = False) -> None:
    """Give the run a new workflow, because its own `ended` before the run did, or died with its worker."""
    wait = wait_for(context, run, WaitKind.RETRY, key="", subject="worker-lost", saw="its worker died; going on")
    with context.store.begin() as tx:
        now_at = runs.hold(tx, run.id)
        if now_at is None or now_at.workflow_id != run.workflow_id or now_at.state not in _UNDER_WAY:
            return
        if (ended or now_at.state is RunState.RUNNING) and not _count(tx, context, now_at, alone=alone):
            return
        again = transitions.resume(tx, wait, at=context.now())
    log.warning("run resumed", run=run.id, alone=alone)
    if again is not None:
        engine.enqueue_run(again)


def _attend_build(context: Context, engine: Engine, build: Build, standing: Standing) -> None:
    match standing:
        case Standing.ALIVE:
            return
        case Standing.UNKNOWN:
            engine.enqueue_build(build)
        case Standing.FINISHED:
            _resume_build(context, engine, build, alone=True, ended=True)


def _resume_build(context: Context, engine: Engine, build: Build, *, alone: bool, ended: bool = False) -> None:
    with context.store.begin() as tx:
        now_at = builds.hold(tx, build.id)
        if now_at is None or now_at.attempt != build.attempt or now_at.state not in _BUILD_UNDER_WAY:
            return
        deaths = Deaths(now_at.resumes, now_at.shared_deaths)
        if ended or now_at.state is BuildState.RUNNING:
            deaths = deaths.counted("", alone=alone)
        again = None
        if not deaths.too_many:
            again = builds.resume_attempt(
                tx, now_at, at=context.now(), resumes=deaths.resumes, shared_deaths=deaths.shared
            )
    if again is None:
        finish_build(context, build, BuildState.FAILED, deaths.words, code="internal-error")
    else:
        log.warning("build resumed", build=build.id, attempt=again.attempt)
        engine.enqueue_build(again)
