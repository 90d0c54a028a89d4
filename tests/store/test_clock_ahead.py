"""A clock that was ahead for a while holds nothing up once it is right again."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.core.words import RunState, WaitKind
from service.store import Store, builds, deliveries, leases, reports, runs, waits
from service.store.pauses import LONGEST_PAUSE, pause_of
from service.store.retention import forget_deliveries
from tests.fixtures.rows import COMMIT, NOW, REPOSITORY, Rows

AHEAD = timedelta(days=730)


def test_retry_that_was_to_come_in_two_years_comes_now(rows: Rows, store: Store) -> None:
    later = NOW + AHEAD
    wait = rows.wait(
        rows.run(), WaitKind.RETRY, created_at=later, not_before=later + timedelta(seconds=4), deadline=None
    )
    with store.read() as tx:
        assert [one.id for one in waits.due(tx, NOW)] == [wait.id]


@pytest.mark.parametrize("ahead", [timedelta(minutes=30), AHEAD])
def test_wait_keeps_its_own_length_however_far_the_clock_was_ahead(rows: Rows, store: Store, ahead: timedelta) -> None:
    later = NOW + ahead
    wait = rows.wait(rows.run(), created_at=later, deadline=later + timedelta(minutes=15))
    with store.begin() as tx:
        assert waits.set_back(tx, NOW) == 1
        found = waits.get(tx, wait.id)
    assert found is not None
    assert (found.created_at, found.deadline) == (NOW, NOW + timedelta(minutes=15))


def test_clocks_that_differ_by_seconds_change_no_wait(rows: Rows, store: Store) -> None:
    rows.wait(rows.run(), created_at=NOW + timedelta(seconds=20))
    with store.read() as tx:
        assert not waits.any_ahead(tx, NOW)


def test_delivery_that_was_postponed_for_two_years_is_taken(rows: Rows, store: Store) -> None:
    rows.delivery("one")
    with store.begin() as tx:
        claimed = deliveries.claim(tx, executor="worker", now=NOW)
        assert claimed is not None
        deliveries.postpone(tx, claimed.sequence, "away", until=NOW + AHEAD)
        assert deliveries.claim(tx, executor="worker", now=NOW) is not None


def test_status_that_was_to_be_sent_in_two_years_is_sent(store: Store) -> None:
    with store.begin() as tx:
        reports.want(
            tx, repository=REPOSITORY, commit=COMMIT, context="c", run_id="", state="success", description="", url=""
        )
        (report,) = reports.unsent(tx, NOW)
        reports.failed(tx, report, "away", until=NOW + AHEAD)
        assert len(reports.unsent(tx, NOW)) == 1


def test_run_that_was_touched_in_the_future_is_attended(rows: Rows, store: Store) -> None:
    run = rows.run(at=NOW + AHEAD, state=RunState.RUNNING)
    build = rows.build(run, updated_at=NOW + AHEAD)
    with store.read() as tx:
        assert [one.id for one in runs.unattended(tx, before=NOW)] == [run.id]
        assert [one.id for one in builds.unattended(tx, before=NOW)] == [build.id]


def test_lease_of_two_years_is_over(store: Store) -> None:
    with store.begin() as tx:
        leases.acquire(tx, "worker:dead", "dead", now=NOW, seconds=AHEAD.total_seconds())
        assert leases.holders(tx, "worker:", now=NOW) == []
        assert leases.acquire(tx, "worker:dead", "other", now=NOW, seconds=15)


def test_delivery_of_the_future_keeps_no_older_one_from_being_forgotten(rows: Rows, store: Store) -> None:
    rows.delivery("future", at=NOW + AHEAD)
    rows.delivery("old", ignored="tag", at=NOW - timedelta(days=40))
    assert forget_deliveries(store, before=NOW - timedelta(days=30), now=NOW, after=0).removed == 1


@pytest.mark.parametrize("asked", [3600.0, 99999.0, 1e300, float("inf")])
def test_no_pause_is_longer_than_an_hour_whatever_the_other_side_asks(asked: float) -> None:
    assert pause_of(asked) == LONGEST_PAUSE
