"""The shape of the tables, and what a store promises of its transactions."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext

from service.core.words import BuildState, DeliveryId, DeliveryState, RunState, Stage, WaitKind
from service.errors import RetryableError
from service.store import Store, Transaction, builds, deliveries, runs, waits
from service.store import migrate as migrate_module
from service.store.migrate import migrate, newest_revision, revision
from service.store.tables import metadata
from tests.fixtures.processes import free_port
from tests.fixtures.rows import NOW, Rows


def test_the_migrations_make_the_tables_that_the_queries_expect(store: Store) -> None:
    with store.read() as tx:
        assert compare_metadata(MigrationContext.configure(tx), metadata) == []


def test_migrating_again_changes_nothing(store: Store, rows: Rows) -> None:
    run = rows.run()
    assert migrate(store) == newest_revision() == revision(store)
    assert rows.state(run) is RunState.QUEUED


def test_an_empty_database_has_no_revision(empty: Store) -> None:
    assert revision(empty) == ""


def test_migrating_from_several_places_at_once_is_one_migration(empty_url: str) -> None:
    stores = [Store(empty_url) for _ in range(4)]
    with ThreadPoolExecutor(4) as threads:
        told = list(threads.map(migrate, stores))
    for store in stores:
        store.close()
    assert set(told) == {newest_revision()}


def test_times_come_back_aware_and_in_utc(rows: Rows, store: Store) -> None:
    at = datetime(2026, 3, 4, 21, 0, 0, 123456, tzinfo=timezone(timedelta(hours=9)))
    run = rows.run(at=at)
    assert run.created_at == at
    assert run.created_at.tzinfo is UTC


def test_a_naive_time_does_not_reach_the_store(rows: Rows) -> None:
    with pytest.raises(sa.exc.StatementError, match="naive"):
        rows.run(at=datetime(2026, 3, 4))  # noqa: DTZ001 - the point


def test_words_come_back_as_words(rows: Rows, store: Store) -> None:
    delivery, run = rows.delivery(), rows.run()
    wait, build = rows.wait(run), rows.build(run)
    with store.read() as tx:
        told = [
            deliveries.get(tx, delivery).state,  # type: ignore[union-attr]  # just inserted
            runs.get(tx, run.id).state,  # type: ignore[union-attr]  # just inserted
            runs.get(tx, run.id).stage,  # type: ignore[union-attr]  # just inserted
            waits.get(tx, wait.id).kind,  # type: ignore[union-attr]  # just inserted
            builds.get(tx, build.id).state,  # type: ignore[union-attr]  # just inserted
        ]
    assert [type(one) for one in told] == [DeliveryState, RunState, Stage, WaitKind, BuildState]


def test_what_fails_half_way_leaves_nothing(store: Store) -> None:
    def fail() -> None:
        with store.begin() as tx:
            deliveries.accept(
                tx, id=DeliveryId("half-way"), source="github", event="push", repository="a/b", body=b"", at=NOW
            )
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    with store.read() as tx:
        assert deliveries.get(tx, DeliveryId("half-way")) is None


def test_readers_go_on_while_somebody_writes(rows: Rows, store: Store) -> None:
    run = rows.run()
    with store.begin() as writing:
        runs.update(writing, run.id, at=NOW, message="half written")
        with store.read() as reading:
            found = runs.get(reading, run.id)
    assert found is not None
    assert found.message == ""


def test_writers_at_once_all_get_through(rows: Rows, store: Store) -> None:
    run = rows.run()

    def count(_: int) -> None:
        with store.begin() as tx:
            tx.execute(sa.update(metadata.tables["runs"]).values(resumes=metadata.tables["runs"].c.resumes + 1))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(count, range(40)))
    with store.read() as tx:
        found = runs.get(tx, run.id)
    assert found is not None
    assert found.resumes == 40


@pytest.mark.parametrize(
    "away",
    ["sqlite:////nowhere/at/all.db", f"postgresql://nobody@127.0.0.1:{free_port()}/none"],
    ids=["file", "server"],
)
def test_a_database_that_is_away_is_an_error_that_may_pass(away: str) -> None:
    store = Store(away)
    for opened in (store.begin, store.read):
        with pytest.raises(RetryableError, match="does not answer") as told, opened():
            pass
        assert told.value.code == "store-unavailable"
    store.close()


def test_on_sqlite_a_commit_is_on_disk_and_readers_have_a_log_of_their_own(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/one.db")
    migrate(store)
    with store.read() as tx:
        told = [tx.exec_driver_sql(f"PRAGMA {name}").scalar() for name in ("journal_mode", "synchronous")]
    store.close()
    assert told == ["wal", 2]


def test_rows_that_differ_in_the_case_of_their_repository_are_brought_together(empty: Store) -> None:
    """A repository whose name changed only in case had a change and runs under each name."""
    names = ("acme/checkout", "Acme/Checkout", "acme/checkout")
    with empty.begin() as tx:
        upgrade_to(tx, "0003")
        for number, name in enumerate(names[:2]):
            put(
                tx, "changes", id=f"change{number}", repository=name, branch="main", commit="c", subject="", author="",
                author_email="", pull_requests="[]", created_at=f"2026-03-0{number + 1}",
            )  # fmt: skip
        for number, name in enumerate(names):
            put(
                tx, "runs", id=f"run{number}", change_id=f"change{number % 2}", repository=name, branch="main",
                commit="c", application="shop", environment="dev", generation=number // 2, configuration_commit="c",
                state="succeeded", stage="deploy", message="", code="", images="{}", workflow_id="w", resumes=0,
                created_at="2026-03-01", updated_at="2026-03-01",
            )  # fmt: skip
    assert migrate(empty) == newest_revision()
    with empty.read() as tx:
        assert tx.exec_driver_sql("SELECT id FROM changes").scalars().all() == ["change0"]
        found = tx.exec_driver_sql("SELECT id, change_id, generation FROM runs ORDER BY id").all()
    assert [tuple(row) for row in found] == [("run0", "change0", 0), ("run1", "change0", 1), ("run2", "change0", 2)]


def put(tx: Transaction, table: str, **values: object) -> None:
    """Insert a row of an earlier version, whatever the columns are now."""
    names = ", ".join(f'"{name}"' for name in values)
    given = ", ".join(f"'{value}'" for value in values.values())
    tx.exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({given})")  # noqa: S608 - the test's own words


def upgrade_to(tx: Transaction, wanted: str) -> None:
    """Bring the tables to the shape of an earlier version."""
    config = Config()
    config.set_main_option("script_location", str(Path(migrate_module.__file__).parent / "migrations"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = tx
    command.upgrade(config, wanted)
