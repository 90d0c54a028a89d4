"""The inbox: deliveries of the same moment share a transaction, and each hears its own outcome."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest

from service.core.words import DeliveryId
from service.errors import RetryableError
from service.store import Store, deliveries
from service.store.database import Transaction
from service.store.inbox import Arrival, Inbox
from service.store.migrate import migrate
from tests.fixtures.processes import wait_until
from tests.fixtures.rows import NOW


class Gated(Store):
    """A store whose first writer waits at a gate while others arrive; it counts its transactions."""

    def __init__(self, url: str) -> None:
        super().__init__(url)
        self.gate = threading.Event()
        self.begun = 0

    @contextmanager
    def begin(self) -> Iterator[Transaction]:
        self.begun += 1
        self.gate.wait(10)
        with super().begin() as tx:
            yield tx


@pytest.fixture
def gated(database_url: str) -> Iterator[Gated]:
    made = Gated(database_url)
    made.gate.set()
    migrate(made)
    made.gate.clear()
    made.begun = 0
    yield made
    made.close()


def arrival(name: str, **changed: Any) -> Arrival:
    return Arrival(
        **{
            "id": DeliveryId(name),
            "source": "github",
            "event": "push",
            "repository": "a/b",
            "body": b"x",
            "at": NOW,
            **changed,
        }
    )


def together(store: Gated, arrivals: list[Arrival]) -> list[bool | BaseException]:
    """Accept all at once while the first one waits at the gate; give each one's answer."""
    inbox = Inbox(store)

    def accept(one: Arrival) -> bool | BaseException:
        try:
            return inbox.accept(one)
        except Exception as error:  # noqa: BLE001 - what was heard is the result
            return error

    with ThreadPoolExecutor(len(arrivals)) as threads:
        first = threads.submit(accept, arrivals[0])
        wait_until(lambda: store.begun == 1, timeout=10)
        rest = [threads.submit(accept, one) for one in arrivals[1:]]
        wait_until(lambda: len(inbox._waiting) == len(rest), timeout=10)
        store.gate.set()
        return [one.result(10) for one in [first, *rest]]


def kept(store: Store) -> list[str]:
    with store.read() as tx:
        return sorted(one.id for one in deliveries.newest(tx))


def test_those_who_come_while_one_writes_share_the_next_transaction(gated: Gated) -> None:
    heard = together(gated, [arrival(f"d{number}") for number in range(8)])
    assert heard == [True] * 8
    assert gated.begun == 2
    assert kept(gated) == [f"d{number}" for number in range(8)]


def test_each_hears_whether_its_own_is_new(gated: Gated) -> None:
    heard = together(gated, [arrival("first"), arrival("same"), arrival("same"), arrival("same")])
    assert heard[0] is True
    assert sorted(map(bool, heard[1:])) == [False, False, True]
    assert kept(gated) == ["first", "same"]


def test_one_that_cannot_be_kept_fails_alone(gated: Gated) -> None:
    heard = together(gated, [arrival("first"), arrival("good"), arrival("bad", body=object()), arrival("fine")])
    assert isinstance(heard[2], Exception)
    assert [heard[number] for number in (0, 1, 3)] == [True] * 3
    assert kept(gated) == ["fine", "first", "good"]


def test_all_hear_that_the_store_is_away(tmp_path_factory: pytest.TempPathFactory) -> None:
    away = Gated(f"sqlite:///{tmp_path_factory.mktemp('away')}/no/such/folder/mergeport.db")
    heard = together(away, [arrival(f"d{number}") for number in range(3)])
    away.close()
    assert [getattr(one, "code", "") for one in heard] == ["store-unavailable"] * 3
    assert all(isinstance(one, RetryableError) for one in heard)
    assert away.begun == 2


def test_after_a_batch_the_next_one_goes_on(gated: Gated) -> None:
    together(gated, [arrival("one"), arrival("two")])
    assert Inbox(gated).accept(arrival("three")) is True
    assert Inbox(gated).accept(arrival("three")) is False
