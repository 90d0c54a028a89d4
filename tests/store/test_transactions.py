"""On PostgreSQL a reading transaction costs one exchange a statement, and a writing one stays whole."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from service.core.words import DeliveryId
from service.errors import RetryableError
from service.store import Store, leases
from service.store import database as opened
from service.store.inbox import Arrival, Inbox
from tests.fixtures.rows import NOW, REPOSITORY


@pytest.fixture
def served(migrated_postgresql_url: str) -> Iterator[Store]:
    """Give a store of one connection, so that each transaction uses that of the one before."""
    store = Store(migrated_postgresql_url)
    yield store
    store.close()


def holders(store: Store) -> list[str]:
    with store.read() as tx:
        return leases.holders(tx, "kept", now=NOW)


def write_and_fail(store: Store) -> None:
    with store.begin() as tx:
        leases.acquire(tx, "kept", "somebody", now=NOW, seconds=10)
        raise KeyError


def read_and_fail(store: Store) -> None:
    with store.read() as tx:
        tx.execute(sa.text("SELECT * FROM nothing"))


def end_connections(store: Store) -> None:
    """End the pooled connections as a server that restarts does."""
    with store.apart().connect() as other:
        other.exec_driver_sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE pid <> pg_backend_pid() AND datname = current_database()"
        )


def test_write_that_fails_is_rolled_back_on_the_connection_that_has_read(served: Store) -> None:
    assert holders(served) == []
    with pytest.raises(KeyError):
        write_and_fail(served)
    with pytest.raises(sa.exc.ProgrammingError):
        read_and_fail(served)
    with pytest.raises(KeyError):
        write_and_fail(served)
    assert holders(served) == []


def test_write_among_reads_fails_a_test(store: Store) -> None:
    with pytest.raises(AssertionError, match="leases"), store.read() as tx:
        leases.acquire(tx, "kept", "somebody", now=NOW, seconds=10)
    with store.begin() as tx:
        assert leases.acquire(tx, "kept", "somebody", now=NOW, seconds=10)


def test_delivery_is_kept_right_after_the_server_has_restarted(served: Store) -> None:
    holders(served)
    end_connections(served)
    arrival = Arrival(DeliveryId("one"), "github", "push", REPOSITORY, b"{}", NOW)
    assert [Inbox(served).accept(arrival), Inbox(served).accept(arrival)] == [True, False]


def test_reading_begins_no_transaction(served: Store) -> None:
    with served.read() as tx:
        ask = sa.text("SELECT count(*) FROM pg_stat_activity WHERE pid = pg_backend_pid() AND xact_start < query_start")
        tx.execute(ask)
        assert tx.execute(ask).scalar_one() == 0


def test_connection_that_rested_is_tried_before_it_is_used(served: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    holders(served)
    end_connections(served)
    monkeypatch.setattr(opened, "RESTED_SECONDS", 0.0)
    assert holders(served) == []


def test_server_that_restarts_between_two_transactions_is_away_for_one_of_them(served: Store) -> None:
    holders(served)
    end_connections(served)
    with pytest.raises(RetryableError):
        holders(served)
    assert holders(served) == []
