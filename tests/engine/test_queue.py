"""The queue on the real library: workflows hold ids, leave no checkpoints, and each id runs once."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from dbos import DBOS, SetWorkflowID

from service.core.words import BuildId, RunId
from service.engine.queue import Engine, Standing, _advance, migrate
from service.store import Store
from service.store.runs import Run
from tests.fixtures.rows import Rows
from tests.fixtures.service import poll


@pytest.fixture
def real(database_url: str, tmp_path: Path) -> Iterator[Engine]:
    """Give an engine with its own tables, which are in the same database on PostgreSQL."""
    url = f"sqlite:///{tmp_path}/engine.db" if database_url.startswith("sqlite") else database_url
    migrate(url)
    engine = Engine(url, "worker-one", run_concurrency=2, build_concurrency=1)
    yield engine
    engine.stop(seconds=1)


def test_what_a_workflow_enqueues_is_no_checkpoint_of_it(real: Engine, rows: Rows, store: Store) -> None:
    """After a crash the workflow may enqueue something else first; the library must not take the two for the same."""
    run = rows.run()
    build = rows.build(run)
    built: list[BuildId] = []

    def advance(run_id: RunId, workflow_id: str) -> None:
        real.enqueue_build(build)

    real.start(advance, lambda build_id, _: built.append(build_id))
    real.enqueue_run(run)
    poll(lambda: built == [build.id], seconds=15, what="the build")
    poll(lambda: real.standings([run.workflow_id])[run.workflow_id] is Standing.FINISHED, what="the end")
    assert DBOS.list_workflow_steps(run.workflow_id) == []


def test_id_that_has_run_does_not_run_again(real: Engine, rows: Rows) -> None:
    run = rows.run()
    ran: list[RunId] = []
    real.start(lambda run_id, _: ran.append(run_id), lambda _id, _workflow: None)
    real.enqueue_run(run)
    poll(lambda: real.standings([run.workflow_id])[run.workflow_id] is Standing.FINISHED, what="the end")
    real.enqueue_run(run)
    assert real.standings([run.workflow_id, "run:unknown"]) == {
        run.workflow_id: Standing.FINISHED,
        "run:unknown": Standing.UNKNOWN,
    }
    assert ran == [run.id]


@pytest.mark.parametrize(("under_way", "alone"), [(1, {True}), (2, {False})])
def test_orphans_tell_whether_their_worker_had_others_under_way(
    real: Engine, rows: Rows, under_way: int, alone: set[bool]
) -> None:
    """This holds even after one of them was taken up: what two sweepers see must not depend on who is first."""
    go = threading.Event()
    real.start(lambda _run, _workflow: assert_came(go), lambda _id, _workflow: None)
    for number in range(under_way):
        real.enqueue_run(rows.run(application=f"a{number}"))
    poll(lambda: len(real.orphans([])) == under_way, seconds=15, what="all under way")
    assert {one.alone for one in real.orphans([])} == alone
    if under_way > 1:
        real.drop(real.orphans([])[0].workflow_id)
        assert {one.alone for one in real.orphans([])} == alone
    go.set()


def assert_came(go: threading.Event) -> None:
    assert go.wait(30)


def test_known_ids_keep_no_place_from_others(real: Engine, rows: Rows) -> None:
    """Not even for a while: two may run at once, and three that have run before are handed over again."""
    before = [rows.run(application=f"a{number}") for number in range(3)]
    ran: list[RunId] = []
    real.start(lambda run_id, _: ran.append(run_id), lambda _id, _workflow: None)
    for run in before:
        real.enqueue_run(run)
    poll(lambda: set(finished(real, before)) == {Standing.FINISHED}, seconds=15, what="the ends")
    for run in [*before, new := rows.run(application="new")]:
        real.enqueue_run(run)
    poll(lambda: len(ran) == 4, seconds=3, what="the new one")
    assert ran[-1] == new.id


def finished(real: Engine, some: list[Run]) -> list[Standing]:
    return list(real.standings([run.workflow_id for run in some]).values())


def test_what_stands_in_line_is_nobody_s_and_goes_on_once_there_is_room(real: Engine, rows: Rows) -> None:
    """So the sweeper of another worker may take it; the second one to start it finds the id known."""
    go, ran = threading.Event(), list[RunId]()

    def advance(run_id: RunId, _workflow: str) -> None:
        assert_came(go)
        ran.append(run_id)

    real.start(advance, lambda _id, _workflow: None)
    some = [rows.run(application=f"a{number}") for number in range(3)]
    for run in some:
        real.enqueue_run(run)
    poll(lambda: len(real.orphans([])) == 2, seconds=15, what="two under way")
    assert finished(real, some) == [Standing.ALIVE, Standing.ALIVE, Standing.UNKNOWN]
    go.set()
    poll(lambda: len(ran) == 3, seconds=5, what="all three")


def test_workflow_that_an_earlier_version_left_in_a_queue_is_an_orphan(real: Engine, rows: Rows) -> None:
    """Nobody takes from the library's queues any more, even if its worker seems alive."""
    run, ran = rows.run(), list[RunId]()
    real.start(lambda run_id, _: ran.append(run_id), lambda _id, _workflow: None)
    leave_in_queue(run)
    assert [one.workflow_id for one in real.orphans(["worker-one"])] == [run.workflow_id]
    assert ran == []


def leave_in_queue(run: Run) -> None:
    """Leave a run's workflow as an earlier version did, which had a queue of the library with this name."""
    DBOS.register_queue("runs", worker_concurrency=8, polling_interval_sec=0.1)
    with SetWorkflowID(run.workflow_id):
        DBOS.enqueue_workflow("runs", _advance, run.id)
