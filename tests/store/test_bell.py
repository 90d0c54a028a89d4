"""The bell on PostgreSQL: a stored delivery is heard at once, and again after the server ended the connections."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from service.core.words import DeliveryId
from service.store import Store
from service.store.bell import Bell, Listener
from service.store.inbox import Arrival, Inbox
from service.store.migrate import migrate
from tests.fixtures.rows import NOW
from tests.fixtures.service import poll


@pytest.fixture
def shared(migrated_postgresql_url: str) -> Iterator[Store]:
    one = Store(migrated_postgresql_url)
    yield one
    one.close()


@pytest.fixture
def heard(shared: Store) -> Iterator[list[float]]:
    """Give the times at which a listener heard the bell; the first one is its start."""
    times: list[float] = []
    stop = threading.Event()
    listener = Listener(shared, lambda: times.append(time.monotonic()), stop)
    listener.start()
    poll(lambda: listener.alive and times, what="the listener")
    yield times
    stop.set()
    Bell(shared).ring()


def test_stored_delivery_is_heard(shared: Store, heard: list[float]) -> None:
    arrival = Arrival(DeliveryId("one"), "github", "push", "acme/checkout", b"{}", NOW)
    Inbox(shared).accept(arrival)
    poll(lambda: len(heard) > 1, seconds=5, what="the bell")


def test_many_rings_are_heard_as_few(shared: Store, heard: list[float]) -> None:
    bell = Bell(shared)
    for _ in range(1000):
        bell.ring()
    poll(lambda: len(heard) > 1, seconds=5, what="the bell")
    assert len(heard) < 500


def test_both_ends_heal_after_the_server_ended_their_connections(shared: Store, heard: list[float]) -> None:
    bell = Bell(shared)
    bell.ring()
    poll(lambda: len(heard) > 1, seconds=5, what="the bell")
    with shared.begin() as tx:
        tx.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
    before = len(heard)
    bell.ring()
    poll(lambda: len(heard) > before, seconds=20, what="the listener's new beginning")
    again = len(heard)
    bell.ring()
    poll(lambda: len(heard) > again, seconds=20, what="the bell")


def test_on_sqlite_nobody_rings_and_nobody_listens(tmp_path: object) -> None:
    store = Store(f"sqlite:///{tmp_path}/one.db")
    migrate(store)
    before = threading.active_count()
    Bell(store).ring()
    Listener(store, lambda: None, threading.Event()).start()
    assert threading.active_count() == before
    store.close()
