"""Deliveries: one row a request, taken in order per repository, by one worker at a time."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from service.core.words import ChangeId, DeliveryId, DeliveryState
from service.store import Store, deliveries
from service.store.deliveries import StoredDelivery
from tests.fixtures.rows import NOW, Rows


def claim(store: Store, executor: str = "one", *, seconds: float = 0) -> StoredDelivery | None:
    with store.begin() as tx:
        return deliveries.claim(tx, executor=executor, now=NOW + timedelta(seconds=seconds))


def finish(store: Store, delivery: StoredDelivery, change: str | None = None) -> None:
    with store.begin() as tx:
        deliveries.finish(
            tx,
            delivery.sequence,
            DeliveryState.PROCESSED,
            "done",
            at=NOW,
            change_id=ChangeId(change) if change else None,
        )


def get(store: Store, delivery: DeliveryId) -> StoredDelivery:
    with store.read() as tx:
        found = deliveries.get(tx, delivery)
    assert found is not None
    return found


def test_the_same_id_at_once_from_ten_is_one_row(store: Store) -> None:
    def accept(_: int) -> bool:
        with store.begin() as tx:
            return deliveries.accept(
                tx, id=DeliveryId("same"), source="github", event="push", repository="a/b", body=b"x", at=NOW
            )

    with ThreadPoolExecutor(10) as threads:
        new = list(threads.map(accept, range(10)))
    assert new.count(True) == 1
    assert get(store, DeliveryId("same")).repeats == 9


def test_deliveries_of_a_repository_are_taken_one_after_the_other(rows: Rows, store: Store) -> None:
    first, second = rows.delivery("first"), rows.delivery("second")
    taken = claim(store)
    assert taken is not None
    assert taken.id == first
    assert claim(store) is None
    finish(store, taken)
    assert (claim(store) or taken).id == second


def test_a_repository_that_is_under_way_holds_up_no_other(rows: Rows, store: Store) -> None:
    rows.delivery("one-a", repository="acme/one")
    rows.delivery("one-b", repository="acme/one")
    rows.delivery("two-a", repository="acme/two")
    taken = [claim(store), claim(store), claim(store)]
    assert [one.id if one else None for one in taken] == ["one-a", "two-a", None]


def test_a_postponed_delivery_waits_for_its_time_and_keeps_its_turn(rows: Rows, store: Store) -> None:
    rows.delivery("first")
    rows.delivery("second")
    taken = claim(store)
    assert taken is not None
    with store.begin() as tx:
        deliveries.postpone(tx, taken.sequence, "later", until=NOW + timedelta(seconds=5))
    assert claim(store, seconds=4) is None
    again = claim(store, seconds=5)
    assert again is not None
    assert (again.id, again.attempts) == ("first", 1)


def test_many_workers_never_take_the_same_delivery(rows: Rows, store: Store) -> None:
    for number in range(12):
        rows.delivery(f"delivery-{number}", repository=f"acme/{number}")

    def work(executor: int) -> list[str]:
        taken = []
        while (one := claim(store, f"worker-{executor}")) is not None:
            taken.append(str(one.id))
        return taken

    with ThreadPoolExecutor(4) as threads:
        told = [delivery for taken in threads.map(work, range(4)) for delivery in taken]
    with store.begin() as tx:  # on PostgreSQL a row that another has locked is passed over, so look once more
        rest = deliveries.claim(tx, executor="last", now=NOW)
    assert len(told) == len(set(told))
    assert len(told) == 12
    assert rest is None


def test_what_a_dead_worker_had_claimed_is_free_again(rows: Rows, store: Store) -> None:
    rows.delivery("of-the-dead", repository="acme/one")
    rows.delivery("of-the-living", repository="acme/two")
    claim(store, "dead")
    claim(store, "living")
    with store.begin() as tx:
        deliveries.release_claims(tx, alive=["living"])
    taken = claim(store, "living")
    assert taken is not None
    assert taken.id == "of-the-dead"
    assert claim(store) is None


def test_a_replay_is_stored_again_with_the_next_generation(rows: Rows, store: Store) -> None:
    delivery = rows.delivery()
    assert not replay(store, delivery), "it waits already"
    taken = claim(store)
    assert taken is not None
    finish(store, taken)
    assert replay(store, delivery)
    after = get(store, delivery)
    assert (after.state, after.generation, after.reason) == (DeliveryState.STORED, 1, "")


def replay(store: Store, delivery: DeliveryId) -> bool:
    with store.begin() as tx:
        return deliveries.replay(tx, delivery)


def test_a_second_replay_before_any_run_is_yet_another_generation(rows: Rows, store: Store) -> None:
    delivery, change = rows.delivery(), rows.change()
    rows.run(change)
    generations = []
    for _ in range(2):
        taken = claim(store)
        assert taken is not None
        finish(store, taken, change.id)
        replay(store, delivery)
        generations.append(get(store, delivery).generation)
        rows.run(change, generation=generations[-1])
    assert generations == [1, 2]


def test_a_body_comes_back_byte_for_byte(rows: Rows, store: Store) -> None:
    body = bytes(range(256)) * 100
    delivery = rows.delivery(body=body)
    with store.read() as tx:
        assert deliveries.body(tx, delivery) == body


def test_the_oldest_stored_is_what_the_queue_s_age_counts_from(rows: Rows, store: Store) -> None:
    rows.delivery(ignored="tag", at=NOW - timedelta(hours=2))
    rows.delivery(at=NOW - timedelta(minutes=2))
    with store.read() as tx:
        assert deliveries.oldest_stored(tx) == NOW - timedelta(minutes=2)
        assert deliveries.counts(tx) == {"ignored": 1, "stored": 1}


def test_sources_do_not_wait_for_each_other(rows: Rows, store: Store) -> None:
    rows.delivery("11111111-a", source="github", repository="a/b")
    rows.delivery("22222222-b", source="toy", repository="a/b")
    assert [found.id for _ in range(2) if (found := claim(store))] == ["11111111-a", "22222222-b"]


def test_row_that_a_web_process_of_the_version_before_stores_is_githubs(store: Store) -> None:
    with store.begin() as tx:
        tx.exec_driver_sql(
            "INSERT INTO deliveries (id, event, repository, body, received_at, state, reason, generation, repeats,"
            " attempts) VALUES ('old', 'push', 'a/b', '{}', '2026-03-04 12:00:00', 'stored', '', 0, 0, 0)"
        )
    assert get(store, DeliveryId("old")).source == "github"
