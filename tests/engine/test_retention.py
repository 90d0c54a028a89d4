"""The worker's loop forgets old deliveries from the oldest on, and goes on where it was."""

from __future__ import annotations

from datetime import datetime, timedelta

from service.engine.retention import Retention
from service.store import Store, deliveries
from tests.fixtures.rows import NOW, Rows


def left(store: Store) -> list[str]:
    with store.read() as tx:
        return sorted(one.id for one in deliveries.newest(tx))


def test_deliveries_go_once_their_days_are_over(rows: Rows, store: Store) -> None:
    at: list[datetime] = [NOW]
    keeper = Retention(store, lambda: at[0], days=30)
    rows.delivery("first", ignored="tag", at=NOW - timedelta(days=31))
    rows.delivery("second", ignored="tag", at=NOW - timedelta(days=29))
    keeper.forget()
    assert left(store) == ["second"]
    at[0] += timedelta(days=2)
    keeper.forget()
    assert left(store) == []
