"""`mergeport deliveries`: what it tells, and what it changes in the store."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from service.core.words import ChangeId, DeliveryId, DeliveryState
from service.store import Store, deliveries
from service.store.retention import forget_deliveries
from service.store.tables import audit
from tests.cli.calling import Call
from tests.cli.stores import call, rows, store
from tests.fixtures.rows import NOW, Rows

__all__ = ["call", "rows", "store"]


def finish(store: Store, delivery: DeliveryId, change: ChangeId | None = None) -> None:
    with store.begin() as tx:
        kept = deliveries.get(tx, delivery)
        assert kept is not None
        deliveries.finish(tx, kept.sequence, DeliveryState.PROCESSED, "one run", at=NOW, change_id=change)


def state(store: Store, delivery: DeliveryId) -> tuple[DeliveryState, int]:
    with store.read() as tx:
        kept = deliveries.get(tx, delivery)
    assert kept is not None
    return kept.state, kept.generation


def test_the_list_is_one_plain_line_a_delivery_newest_first(call: Call, rows: Rows) -> None:
    rows.delivery("11111111-a", ignored="tag")
    rows.delivery("22222222-b")
    told = call("deliveries", "list")
    assert [line.split()[:3] for line in told.out.splitlines()] == [
        ["22222222-b", "stored", "push"],
        ["11111111-a", "ignored", "push"],
    ]


def test_the_list_can_be_of_one_repository(call: Call, rows: Rows) -> None:
    rows.delivery("11111111-a", repository="acme/other")
    rows.delivery("22222222-b")
    told = call("deliveries", "list", "--repository", "acme/other", "--json")
    assert [one["id"] for one in told.json] == ["11111111-a"]


def test_a_delivery_is_shown_with_its_runs(call: Call, rows: Rows, store: Store) -> None:
    delivery, run = rows.delivery("11111111-a"), rows.run()
    finish(store, delivery, run.change_id)
    assert "processed: one run" in call("deliveries", "show", "1111").out
    told = call("deliveries", "show", "1111", "--json").json
    assert told["delivery"]["id"] == delivery
    assert [one["id"] for one in told["runs"]] == [run.id]


def test_no_output_has_the_body(call: Call, rows: Rows) -> None:
    rows.delivery("11111111-a", body=b'{"words": "of the body"}')
    for argv in (["list"], ["list", "--json"], ["show", "1111"], ["show", "1111", "--json"]):
        assert "of the body" not in call("deliveries", *argv).out


def test_a_replay_stores_the_delivery_anew_as_the_next_generation(call: Call, rows: Rows, store: Store) -> None:
    delivery = rows.delivery("11111111-a")
    finish(store, delivery)
    assert call("deliveries", "replay", "1111").status == 0
    assert state(store, delivery) == (DeliveryState.STORED, 1)
    with store.read() as tx:
        done = [tuple(row) for row in tx.execute(sa.select(audit.c.actor, audit.c.action, audit.c.subject))]
    assert done == [("ada", "replay", delivery)]


def test_a_replay_after_a_retry_is_a_generation_of_its_own(call: Call, rows: Rows, store: Store) -> None:
    delivery, change = rows.delivery("11111111-a"), rows.change()
    rows.run(change)
    rows.run(change, generation=1)
    finish(store, delivery, change.id)
    assert call("deliveries", "replay", "1111").status == 0
    assert state(store, delivery) == (DeliveryState.STORED, 2)


def test_a_delivery_that_still_waits_is_not_replayed(call: Call, rows: Rows, store: Store) -> None:
    delivery = rows.delivery("11111111-a")
    told = call("deliveries", "replay", "1111")
    assert told.status == 1
    assert "is not processed yet" in told.err
    assert state(store, delivery) == (DeliveryState.STORED, 0)


def test_a_delivery_without_its_body_is_not_replayed(call: Call, rows: Rows, store: Store) -> None:
    delivery = rows.delivery("11111111-a", ignored="branch deleted")
    told = call("deliveries", "replay", "1111")
    assert told.status == 1
    assert "was ignored on arrival: branch deleted" in told.err
    assert state(store, delivery) == (DeliveryState.IGNORED, 0)


def test_a_delivery_whose_body_is_forgotten_is_not_replayed(call: Call, rows: Rows, store: Store) -> None:
    delivery = rows.delivery("11111111-a")
    finish(store, delivery)
    forget_deliveries(store, before=NOW + timedelta(days=1), after=0)
    told = call("deliveries", "replay", "1111")
    assert told.status == 1
    assert "was deleted because of its age" in told.err
    assert state(store, delivery) == (DeliveryState.PROCESSED, 0)


@pytest.mark.parametrize("command", ["show", "replay"])
def test_an_unknown_delivery_is_a_known_error(call: Call, rows: Rows, command: str) -> None:
    rows.delivery("11111111-a")
    told = call("deliveries", command, "9999")
    assert told.status == 1
    assert "There is no delivery 9999" in told.err
