"""The sweeper finds what lost its worker, and gives up what kills every worker."""

from __future__ import annotations

from typing import cast

from service.core.words import BuildState, DeliveryState, RunState, WaitKind
from service.engine.queue import Engine, Orphan, Standing
from service.engine.sweeper import MOST_RESUMES, sweep
from service.pipeline.context import Context
from service.store import Store, builds, deliveries, leases, runs, waits
from tests.engine.conftest import AskedEngine, StillClock
from tests.fixtures.rows import Rows


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


def test_run_that_kills_each_worker_over_it_fails_in_the_end(context: Context, engine: AskedEngine, rows: Rows) -> None:
    """A dead worker's workflow is resumed under its own id; that is counted as well."""
    run = rows.run(state=RunState.RUNNING)
    engine.known[run.workflow_id] = Standing.ALIVE
    engine.left = [Orphan(run.workflow_id, "runs")]
    for _ in range(MOST_RESUMES):
        swept(context, engine)
    assert rows.state(run) is RunState.RUNNING
    swept(context, engine)
    assert rows.state(run) is RunState.FAILED


def test_build_that_kills_each_worker_over_it_fails_in_the_end(
    context: Context, engine: AskedEngine, rows: Rows
) -> None:
    run = rows.run()
    build = rows.build(run)
    rows.wait(run, WaitKind.BUILD, key="builds", subject=build.id)
    engine.known[build.workflow_id] = Standing.ALIVE
    engine.left = [Orphan(build.workflow_id, "builds")]
    for _ in range(MOST_RESUMES + 1):
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
    clock.at = clock.at.replace(year=clock.at.year + 1)
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
