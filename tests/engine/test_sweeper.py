"""The sweeper finds what lost its worker, and gives up what kills every worker."""

from __future__ import annotations

from datetime import timedelta
from typing import cast

import sqlalchemy as sa

from service.core.words import BuildState, DeliveryState, RunState, WaitKind
from service.engine.deaths import MOST_RESUMES, MOST_SHARED
from service.engine.queue import Engine, Standing
from service.engine.sweeper import sweep
from service.pipeline.context import Context
from service.pipeline.watches import look
from service.store import Store, builds, deliveries, leases, runs, tables, waits
from service.store.runs import Run
from tests.engine.conftest import AskedEngine, StillClock
from tests.fixtures.rows import NOW, Rows


def swept(context: Context, engine: AskedEngine) -> None:
    sweep(context, cast(Engine, engine))


def test_queued_run_without_a_workflow_is_enqueued(context: Context, engine: AskedEngine, rows: Rows) -> None:
    run = rows.run()
    swept(context, engine)
    assert engine.enqueued == [f"run:{run.id}"]


def test_running_run_whose_workflow_ended_gets_another(context: Context, engine: AskedEngine, rows: Rows) -> None:
    run = rows.run(state=RunState.RUNNING)
    engine.known[run.workflow_id] = Standing.FINISHED
    swept(context, engine)
    with rows.store.read() as tx:
        again = runs.get(tx, run.id)
    assert again is not None
    assert (again.state, again.resumes) == (RunState.QUEUED, 1)
    assert engine.enqueued == [again.workflow_id] != [run.workflow_id]


def test_run_that_lost_its_worker_too_often_fails(context: Context, engine: AskedEngine, rows: Rows) -> None:
    run = rows.run(state=RunState.RUNNING, resumes=MOST_RESUMES)
    engine.known[run.workflow_id] = Standing.FINISHED
    swept(context, engine)
    assert rows.state(run) is RunState.FAILED
    assert engine.enqueued == []


def now_at(rows: Rows, run: Run) -> Run:
    with rows.store.read() as tx:
        found = runs.get(tx, run.id)
    assert found is not None
    return found


def test_run_of_a_dead_worker_goes_on_under_another_id(context: Context, engine: AskedEngine, rows: Rows) -> None:
    """Under the old id, a worker that was only paused would wake up and still take the run for its own."""
    run = rows.run(state=RunState.RUNNING)
    engine.known[run.workflow_id] = Standing.ALIVE
    engine.left = [run.workflow_id]
    swept(context, engine)
    again = now_at(rows, run)
    assert (again.state, again.resumes) == (RunState.QUEUED, 1)
    assert engine.enqueued == [again.workflow_id] != [run.workflow_id]
    assert engine.dropped == [run.workflow_id]


def test_second_sweeper_over_the_same_dead_worker_changes_nothing(
    context: Context, engine: AskedEngine, rows: Rows
) -> None:
    run = rows.run(state=RunState.RUNNING)
    build = rows.build(run)
    engine.left = [run.workflow_id, build.workflow_id]
    swept(context, engine)
    once = now_at(rows, run)
    engine.known = dict.fromkeys(engine.enqueued, Standing.ALIVE)
    swept(context, engine)
    assert now_at(rows, run) == once
    assert len(engine.enqueued) == 2


def test_run_that_was_not_begun_yet_is_not_counted_against_it(
    context: Context, engine: AskedEngine, rows: Rows
) -> None:
    run = rows.run()
    engine.left = [run.workflow_id]
    swept(context, engine)
    again = now_at(rows, run)
    assert (again.state, again.resumes) == (RunState.QUEUED, 0)


def test_run_that_kills_each_worker_over_it_fails_in_the_end(context: Context, engine: AskedEngine, rows: Rows) -> None:
    run = rows.run(state=RunState.RUNNING)
    for _ in range(MOST_RESUMES + 1):
        again = now_at(rows, run)
        assert again.state is not RunState.FAILED
        with rows.store.begin() as tx:
            runs.update(tx, run.id, at=again.updated_at, state=RunState.RUNNING)
        engine.left = [again.workflow_id]
        swept(context, engine)
    assert rows.state(run) is RunState.FAILED


def die(context: Context, engine: AskedEngine, rows: Rows, run: Run, *, times: int) -> None:
    """Let the run's worker die so often, each time right after it has taken the run up."""
    for _ in range(times):
        again = now_at(rows, run)
        with rows.store.begin() as tx:
            runs.update(tx, run.id, at=again.updated_at, state=RunState.RUNNING)
        engine.left = [again.workflow_id]
        swept(context, engine)


def test_run_that_comes_further_between_the_deaths_of_its_workers_goes_on(
    context: Context, engine: AskedEngine, rows: Rows
) -> None:
    run = rows.run(state=RunState.RUNNING)
    for number in range(4):
        die(context, engine, rows, run, times=MOST_RESUMES)
        rows.step(run, f"step {number}")
    assert rows.state(run) is RunState.QUEUED


def test_run_whose_workers_die_with_others_under_way_is_not_to_blame_alone(
    context: Context, engine: AskedEngine, rows: Rows
) -> None:
    engine.alone = False
    run = rows.run(state=RunState.RUNNING)
    die(context, engine, rows, run, times=MOST_SHARED)
    assert (rows.state(run), now_at(rows, run).resumes) == (RunState.QUEUED, 0)


def test_run_over_which_workers_die_for_ever_fails_however_many_others_there_are(
    context: Context, engine: AskedEngine, rows: Rows
) -> None:
    engine.alone = False
    run = rows.run(state=RunState.RUNNING)
    die(context, engine, rows, run, times=MOST_SHARED + 1)
    assert rows.state(run) is RunState.FAILED


def test_build_that_kills_each_worker_over_it_fails_in_the_end(
    context: Context, engine: AskedEngine, rows: Rows
) -> None:
    run = rows.run()
    build = rows.build(run)
    rows.wait(run, WaitKind.BUILD, key="builds", subject=build.id)
    for attempt in range(1, MOST_RESUMES + 2):
        with rows.store.begin() as tx:
            builds.update(tx, build.id, at=build.updated_at, state=BuildState.RUNNING)
        engine.left = [f"build:{build.id}:{attempt}"]
        swept(context, engine)
    with rows.store.read() as tx:
        ended = builds.get(tx, build.id)
    assert ended is not None
    assert (ended.state, ended.code) == (BuildState.FAILED, "internal-error")
    assert rows.state(run) is RunState.QUEUED


def test_waiting_runs_are_left_alone(context: Context, engine: AskedEngine, rows: Rows) -> None:
    run = rows.run()
    rows.wait(run)
    swept(context, engine)
    assert (engine.enqueued, rows.state(run)) == ([], RunState.WAITING)


def test_however_many_are_under_way_the_engine_is_asked_once(context: Context, engine: AskedEngine, rows: Rows) -> None:
    change = rows.change()
    for number in range(50):
        run = rows.run(change, application=f"a{number}", state=RunState.RUNNING)
        engine.known[run.workflow_id] = Standing.ALIVE
    swept(context, engine)
    assert engine.asked == 1


def test_worker_that_could_not_renew_its_lease_keeps_what_it_has(
    context: Context, engine: AskedEngine, rows: Rows, store: Store, clock: StillClock
) -> None:
    rows.delivery("one")
    with store.begin() as tx:
        deliveries.claim(tx, executor=engine.executor, now=clock.now())
        leases.acquire(tx, "manifest:m:main", f"{engine.executor}/run", now=clock.now(), seconds=300)
    with store.begin() as tx:
        tx.execute(sa.update(tables.leases).values(expires_at=NOW - timedelta(days=1)))
    swept(context, engine)
    with store.begin() as tx:
        assert deliveries.claim(tx, executor="worker-other", now=clock.now()) is None
        delivery = deliveries.newest(tx)[0]
    assert delivery.state is DeliveryState.STORED


def test_what_a_dead_worker_claimed_is_free_again(
    context: Context, engine: AskedEngine, rows: Rows, store: Store, clock: StillClock
) -> None:
    rows.delivery("one")
    with store.begin() as tx:
        deliveries.claim(tx, executor="worker-dead", now=clock.now())
    swept(context, engine)
    with store.begin() as tx:
        assert deliveries.claim(tx, executor=engine.executor, now=clock.now()) is not None


def test_run_that_ends_waits_for_nothing_any_more(rows: Rows, store: Store, clock: StillClock) -> None:
    run = rows.run()
    rows.wait(run)
    with store.begin() as tx:
        runs.end(tx, run.id, RunState.FAILED, "given up", at=clock.now())
        assert waits.open_of_run(tx, run.id) is None


def test_wait_for_a_branch_whose_writer_died_is_answered_before_its_lease_is_over(
    context: Context, engine: AskedEngine, rows: Rows, store: Store, clock: StillClock
) -> None:
    """Nobody else would answer it: such a wait has no deadline, and the writer that should wake it is dead."""
    run = rows.run()
    key = "manifest:acme/manifests:main"
    rows.wait(run, WaitKind.PUSH, key=key, subject=key, deadline=None)
    with store.begin() as tx:
        leases.acquire(tx, key, "worker-dead/01RUN", now=clock.now(), seconds=300)
    look(context, WaitKind.PUSH, key)
    assert rows.state(run) is RunState.WAITING
    swept(context, engine)
    look(context, WaitKind.PUSH, key)
    assert rows.state(run) is RunState.QUEUED
