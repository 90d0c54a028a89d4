"""Old deliveries are deleted a portion at a time, but never one that is not processed yet."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.core.words import DeliveryId, DeliveryState
from service.store import Store, deliveries, retention
from service.store.retention import Forgotten, forget_deliveries
from tests.fixtures.rows import NOW, Rows

OLD = NOW - timedelta(days=40)
BEFORE = NOW - timedelta(days=30)


def done(store: Store, delivery: DeliveryId, state: DeliveryState = DeliveryState.PROCESSED) -> None:
    with store.begin() as tx:
        found = deliveries.get(tx, delivery)
        assert found is not None
        deliveries.finish(tx, found.sequence, state, "done", at=NOW)


def bodies(store: Store) -> dict[str, bytes]:
    with store.read() as tx:
        return {one.id: deliveries.body(tx, one.id) for one in deliveries.newest(tx, limit=1000)}


def test_ignored_ones_go_and_bodies_of_those_that_are_done(rows: Rows, store: Store) -> None:
    rows.delivery("needless", ignored="tag", at=OLD)
    for name, state in (
        ("no-source", DeliveryState.IGNORED), ("worked", DeliveryState.PROCESSED), ("broken", DeliveryState.FAILED)
    ):  # fmt: skip
        done(store, rows.delivery(name, at=OLD), state)
    assert forget_deliveries(store, before=BEFORE, after=0) == Forgotten(until=4, removed=2, emptied=2)
    assert bodies(store) == {"worked": b"", "broken": b""}


def test_what_is_not_worked_through_or_not_old_stays(rows: Rows, store: Store) -> None:
    rows.delivery("stored", at=OLD)
    done(store, rows.delivery("young"))
    rows.delivery("young-needless", ignored="tag")
    assert forget_deliveries(store, before=BEFORE, after=0) == Forgotten(until=1)
    assert bodies(store) == {"stored": b"{}", "young": b"{}", "young-needless": b""}


def test_a_delivery_that_is_replayed_keeps_its_body(rows: Rows, store: Store) -> None:
    delivery = rows.delivery("again", at=OLD)
    done(store, delivery)
    with store.begin() as tx:
        assert deliveries.replay(tx, delivery)
    forget_deliveries(store, before=BEFORE, after=0)
    assert bodies(store) == {"again": b"{}"}


def test_portion_after_portion_reaches_the_end(rows: Rows, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "PORTION", 3)
    for number in range(7):
        rows.delivery(f"d{number}", ignored="tag", at=OLD)
    after, removed = 0, []
    for _ in range(4):
        forgotten = forget_deliveries(store, before=BEFORE, after=after)
        after = forgotten.until
        removed.append(forgotten.removed)
    assert removed == [3, 3, 1, 0]
    assert bodies(store) == {}


def test_nothing_is_written_where_nothing_is_to_be_forgotten(rows: Rows, store: Store) -> None:
    done(store, rows.delivery("worked", at=OLD))
    forget_deliveries(store, before=BEFORE, after=0)
    assert forget_deliveries(store, before=BEFORE, after=0) == Forgotten(until=1)
