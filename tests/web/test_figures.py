"""Readiness and metrics, computed from the store at the moment they are asked for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from service.core.words import DeliveryState, RunState, Stage, WaitKind
from service.state_files import Identity
from service.store import Store, call_budgets, deliveries, edits, leases, runs, steps
from service.store.call_budgets import KeptBudget
from service.store.migrate import migrate
from service.store.runs import Run
from service.web import metrics
from service.web.counters import Counters
from service.web.private import private_app
from tests.fixtures.disks import SmallDisk
from tests.fixtures.rows import NOW, REPOSITORY, Rows
from tests.web.conftest import URL


def scrape(client: FlaskClient) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Give every sample by its name and labels."""
    answer = client.get("/metrics")
    assert answer.status_code == 200
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def test_deliveries_and_runs_are_counted_by_state(private: FlaskClient, rows: Rows) -> None:
    rows.delivery()
    rows.delivery(ignored="tag")
    rows.run(state=RunState.FAILED)
    rows.run(rows.change("5a" * 20))
    told = scrape(private)
    assert told["mergeport_deliveries", (("state", "stored"),)] == 1
    assert told["mergeport_deliveries", (("state", "ignored"),)] == 1
    assert told["mergeport_deliveries", (("state", "failed"),)] == 0
    assert told["mergeport_runs", (("state", "failed"),)] == 1
    assert told["mergeport_runs", (("state", "queued"),)] == 1
    assert told["mergeport_store_reachable", ()] == 1


def test_the_queue_s_age_is_that_of_the_oldest_stored_delivery(private: FlaskClient, store: Store, rows: Rows) -> None:
    done = rows.delivery(at=NOW - timedelta(hours=1))
    rows.delivery(at=NOW - timedelta(seconds=90))
    rows.delivery(at=NOW - timedelta(seconds=5))
    with store.begin() as tx:
        kept = deliveries.get(tx, done)
        assert kept is not None
        deliveries.finish(tx, kept.sequence, DeliveryState.PROCESSED, "", at=NOW)
    assert scrape(private)["mergeport_delivery_queue_age_seconds", ()] == 90


def test_an_empty_queue_has_no_age(private: FlaskClient) -> None:
    assert scrape(private)["mergeport_delivery_queue_age_seconds", ()] == 0


@dataclass
class Watch:
    """A clock that a test moves; steps of the rows end after NOW."""

    at: datetime = NOW + timedelta(hours=2)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def later(store: Store, watch: Watch) -> FlaskClient:
    return private_app(store, url=URL, now=watch.now, counters=Counters()).test_client()


def test_step_seconds_are_a_histogram_by_name(later: FlaskClient, rows: Rows) -> None:
    for commit, seconds in (("1a" * 20, 0.2), ("2a" * 20, 2.5), ("3a" * 20, 4000)):
        rows.step(rows.run(rows.change(commit)), "find image", seconds)
    rows.step(rows.run(rows.change("4a" * 20)), "find image", None)
    told = scrape(later)
    name = ("step", "find image")
    assert told["mergeport_step_seconds_bucket", (("le", "0.1"), name)] == 0
    assert told["mergeport_step_seconds_bucket", (("le", "0.25"), name)] == 1
    assert told["mergeport_step_seconds_bucket", (("le", "2.5"), name)] == 2
    assert told["mergeport_step_seconds_bucket", (("le", "1800.0"), name)] == 2
    assert told["mergeport_step_seconds_bucket", (("le", "+Inf"), name)] == 3
    assert told["mergeport_step_seconds_sum", (name,)] == pytest.approx(4002.7)


def ended_at(store: Store, run: Run, name: str, at: datetime) -> None:
    with store.begin() as tx:
        steps.begin(tx, run.id, name, Stage.BUILD, at=at - timedelta(seconds=1))
        steps.end(tx, run.id, name, "succeeded", "", at=at)
        runs.update(tx, run.id, at=at)


def test_a_later_scrape_adds_what_ended_since(later: FlaskClient, rows: Rows, store: Store, watch: Watch) -> None:
    run = rows.run()
    rows.step(run, "find image", 0.2)
    rows.step(run, "check order", 0.2)
    for _ in range(2):
        assert scrape(later)["mergeport_step_seconds_count", (("step", "find image"),)] == 1
    for commit in ("1a" * 20, "2a" * 20):
        ended_at(store, rows.run(rows.change(commit)), "find image", watch.at)
    assert scrape(later)["mergeport_step_seconds_count", (("step", "find image"),)] == 1
    watch.at += timedelta(seconds=metrics.SETTLED_SECONDS)
    for _ in range(2):
        told = scrape(later)
        assert told["mergeport_step_seconds_count", (("step", "find image"),)] == 3
        assert told["mergeport_step_seconds_sum", (("step", "find image"),)] == pytest.approx(2.2)
        assert told["mergeport_step_seconds_count", (("step", "check order"),)] == 1


def test_a_later_scrape_reads_no_step_of_a_run_that_nobody_touched(
    later: FlaskClient, rows: Rows, store: Store, watch: Watch
) -> None:
    scrape(later)
    asked: list[tuple[str, Any]] = []

    def keep(_connection: Any, _cursor: Any, statement: str, parameters: Any, *_: Any) -> None:
        if "FROM steps" in statement:
            asked.append((statement, parameters))

    rows.run()
    watch.at += timedelta(minutes=1)
    sa.event.listen(store.engine, "before_cursor_execute", keep)
    scrape(later)
    sa.event.remove(store.engine, "before_cursor_execute", keep)
    ((statement, parameters),) = asked
    with store.read() as tx:
        plan = [row.detail for row in tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
    assert not [line for line in plan if line.startswith("SCAN")], plan


def test_waits_are_counted_with_the_oldest_s_age(private: FlaskClient, rows: Rows) -> None:
    rows.wait(rows.run(rows.change("1a" * 20)), WaitKind.SYNC, created_at=NOW - timedelta(seconds=40))
    rows.wait(rows.run(rows.change("2a" * 20)), WaitKind.SYNC, created_at=NOW - timedelta(seconds=10))
    told = scrape(private)
    assert told["mergeport_waits", (("kind", "sync"),)] == 2
    assert told["mergeport_wait_oldest_seconds", (("kind", "sync"),)] == 40
    assert told["mergeport_waits", (("kind", "pull-request"),)] == 0


def kept(store: Store, **changed: Any) -> None:
    values = {"most": 5000, "remaining": 123, "reset_at": NOW + timedelta(minutes=9), "held_until": None, **changed}
    with store.begin() as tx:
        call_budgets.keep(tx, KeptBudget("sources", "77", seen_at=NOW, **values))


LOGIN = (("installation", "77"), ("login", "sources"))


def test_calls_that_github_still_takes_are_told(private: FlaskClient, store: Store) -> None:
    kept(store)
    told = scrape(private)
    assert (told["mergeport_github_calls_remaining", LOGIN], told["mergeport_github_held_seconds", LOGIN]) == (123, 0)


def test_calls_are_all_there_again_after_the_reset(private: FlaskClient, store: Store) -> None:
    kept(store, reset_at=NOW)
    assert scrape(private)["mergeport_github_calls_remaining", LOGIN] == 5000


def test_time_of_a_limit_is_told_also_where_nothing_is_known_of_the_rest(private: FlaskClient, store: Store) -> None:
    kept(store, most=0, remaining=0, reset_at=None, held_until=NOW + timedelta(seconds=40))
    told = scrape(private)
    assert told["mergeport_github_held_seconds", LOGIN] == 40
    assert ("mergeport_github_calls_remaining", LOGIN) not in told


def test_push_attempts_are_counted(private: FlaskClient, store: Store, rows: Rows) -> None:
    run = rows.run()
    with store.begin() as tx:
        edits.ensure(
            tx, run_id=run.id, repository=REPOSITORY, branch="main", application="checkout", environment="dev", at=NOW
        )
        edits.update(tx, run.id, attempts=3)
    assert scrape(private)["mergeport_push_attempts_total", ()] == 3


def test_answers_to_webhooks_are_counted_where_they_are_scraped(
    private: FlaskClient, public: FlaskClient, counters: Counters
) -> None:
    public.post("/webhooks/github", data=b"{}", headers={"Content-Type": "application/json"})
    assert scrape(private)["mergeport_webhook_answers_total", (("outcome", "signature-missing"),)] == 1


def test_without_a_store_the_metrics_say_so(tmp_path: Path) -> None:
    away = Store(f"sqlite:///{tmp_path}/nowhere/mergeport.db")
    client = private_app(away, url=URL, now=lambda: NOW, counters=Counters()).test_client()
    told = scrape(client)
    away.close()
    assert told["mergeport_store_reachable", ()] == 0


def test_ready_means_store_tables_and_a_worker(private: FlaskClient, store: Store) -> None:
    with store.begin() as tx:
        leases.acquire(tx, "worker:one", "one", now=NOW, seconds=15)
    answer = private.get("/readyz")
    assert answer.status_code == 200
    assert answer.json is not None
    assert answer.json["ready"] is True
    assert set(answer.json["checks"]) == {"store", "tables", "write", "worker"}


def test_not_ready_without_a_live_worker(private: FlaskClient, store: Store) -> None:
    with store.begin() as tx:
        leases.acquire(tx, "worker:one", "one", now=NOW - timedelta(minutes=1), seconds=15)
    answer = private.get("/readyz")
    assert answer.status_code == 503
    assert answer.json is not None
    assert answer.json["checks"]["worker"] == {
        "ok": False,
        "message": "no worker is alive",
        "hint": "start `mergeport worker`",
    }


def failing(client: FlaskClient) -> list[str]:
    """Give the checks of readiness that fail."""
    told = client.get("/readyz").json
    assert told is not None
    return [name for name, check in told["checks"].items() if not check["ok"]]


def test_not_ready_on_a_full_disk(tmp_path: Path, small_disk: Callable[[Path, int], SmallDisk]) -> None:
    disk = small_disk(tmp_path / "disk", 4096)
    full = Store(f"sqlite:///{disk.place}/mergeport.db")
    migrate(full)
    client = private_app(full, url=URL, now=lambda: NOW, counters=Counters()).test_client()
    disk.fill()
    told = failing(client)
    full.close()
    assert told == ["write"]


def test_not_ready_once_the_database_was_deleted_or_put_back(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/mergeport.db")
    migrate(store)
    client = private_app(store, url=URL, now=lambda: NOW, counters=Counters()).test_client()
    before = failing(client)
    (tmp_path / "mergeport.db").rename(tmp_path / "away.db")
    deleted = failing(client)
    store.close()
    assert (before, deleted) == (["worker"], ["store"])


def test_not_ready_once_the_state_directory_is_another(tmp_path: Path) -> None:
    store, state = Store(f"sqlite:///{tmp_path}/mergeport.db"), tmp_path / "state"
    migrate(store)
    state.mkdir()
    client = private_app(store, url=URL, now=lambda: NOW, counters=Counters(), state=Identity(state)).test_client()
    told = [failing(client)]
    state.rename(tmp_path / "away")
    told.append(failing(client))
    state.mkdir()
    told.append(failing(client))
    store.close()
    assert told == [["worker"], ["state"], ["state"]]


@pytest.mark.parametrize(("folder", "missing"), [("", "tables"), ("nowhere/", "store")])
def test_not_ready_says_what_is_missing(tmp_path: Path, folder: str, missing: str) -> None:
    unprepared = Store(f"sqlite:///{tmp_path}/{folder}other.db")
    client = private_app(unprepared, url=URL, now=lambda: NOW, counters=Counters()).test_client()
    answer = client.get("/readyz")
    unprepared.close()
    assert answer.status_code == 503
    assert answer.json is not None
    assert [name for name, check in answer.json["checks"].items() if not check["ok"]] == [missing]
    assert answer.json["checks"][missing]["hint"]


def test_a_store_that_was_migrated_meanwhile_becomes_ready(tmp_path: Path) -> None:
    late = Store(f"sqlite:///{tmp_path}/late.db")
    client = private_app(late, url=URL, now=lambda: NOW, counters=Counters()).test_client()
    before = client.get("/readyz").json
    migrate(late)
    after = client.get("/readyz").json
    late.close()
    assert before is not None
    assert after is not None
    assert (before["checks"]["tables"]["ok"], after["checks"]["tables"]["ok"]) == (False, True)
