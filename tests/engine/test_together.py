"""Processes that change the same rows at once: none overlooks the other, and none waits for ever.

Only on PostgreSQL, because on SQLite there is only one writer at a time.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest
import sqlalchemy as sa

from service.core.words import RunState
from service.pipeline.context import Context
from service.pipeline.reports.statuses import want_status
from service.store import Store, Transaction, reports, runs, waits
from service.store.runs import Run
from tests.fixtures.rows import NOW, Rows
from tests.fixtures.service import poll


@pytest.fixture
def store(kept_postgresql: Store) -> Store:
    return kept_postgresql


@pytest.fixture
def other() -> Iterator[ThreadPoolExecutor]:
    """Give a thread that acts as another process meanwhile."""
    with ThreadPoolExecutor(1) as one:
        yield one


def wait_blocked(store: Store, under_way: Future[object]) -> None:
    """Return when the other one waits for a lock of this one, or is done."""
    query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")

    def blocked() -> bool:
        with store.read() as tx:
            return under_way.done() or tx.execute(query).scalar_one() > 0

    poll(blocked, seconds=10, what="the other one's lock")


def end(tx: Transaction, context: Context, run: Run) -> None:
    runs.end(tx, run.id, RunState.SUCCEEDED, "live", at=NOW)
    now_at = runs.get(tx, run.id)
    assert now_at is not None
    want_status(tx, now_at)


def test_status_of_two_runs_that_end_at_once_knows_of_both(
    context: Context, rows: Rows, store: Store, other: ThreadPoolExecutor
) -> None:
    change = rows.change()
    first, second = (rows.run(change, application=name, state=RunState.RUNNING) for name in ("cart", "checkout"))

    def end_second() -> None:
        with store.begin() as tx:
            end(tx, context, second)

    with store.begin() as tx:
        end(tx, context, first)
        under_way: Future[object] = other.submit(end_second)
        wait_blocked(store, under_way)
    under_way.result(10)
    with store.read() as tx:
        assert [one.state for one in reports.unsent(tx, NOW)] == ["success"]


def test_run_that_ends_while_its_wait_is_answered_is_no_deadlock(
    rows: Rows, store: Store, other: ThreadPoolExecutor
) -> None:
    run = rows.run()
    wait = rows.wait(run)

    def answer() -> bool:
        with store.begin() as tx:
            return waits.answer(tx, wait.id, "there", at=NOW)

    with store.begin() as tx:
        runs.hold(tx, run.id)
        under_way: Future[object] = other.submit(answer)
        wait_blocked(store, under_way)
        runs.end(tx, run.id, RunState.CANCELLED, "not wanted", at=NOW)
    assert under_way.result(10) is False
    assert rows.state(run) is RunState.CANCELLED
