"""The database of the previous release, in the middle of its work, is brought forward, and the work goes on."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa

from devstack.stack import Devstack
from service.store import Store, deliveries
from service.store.migrate import newest_revision, revision
from tests.fixtures.service import CONFIGURATION, MANIFESTS, REGISTRY, SOURCE, Service, poll
from tests.integration.test_crashes import commits, images

DATA = Path(__file__).parents[1] / "data/upgrade"
OPTIONS = (
    '{"kind":"docker","context":".","dockerfile":"Dockerfile","args":{},"target":null,"platform":null,'
    '"network":"default","timeout":"PT30M"}'
)


def merged(world: Devstack) -> dict[str, str]:
    """Merge to each branch before Mergeport is started; give the values of the dump's placeholders."""
    commits_of = {
        branch: world.github.merge(SOURCE, branch, {"app.py": f"print({branch!r})\n"}).merge_commit_sha or ""
        for branch in ("develop", "staging", "main")
    }
    reference = f"{REGISTRY}/checkout:{commits_of['staging'][:12]}"
    key = json.dumps([SOURCE, commits_of["staging"], reference, "docker", OPTIONS])
    return {
        "@DEVELOP@": commits_of["develop"],
        "@STAGING@": commits_of["staging"],
        "@MAIN@": commits_of["main"],
        "@CONFIGURATION@": world.git.open(MANIFESTS).tip("main"),
        "@TEXT@": CONFIGURATION.replace("'", "''"),
        "@REFERENCE@": reference,
        "@BUILD_KEY@": hashlib.sha256(key.encode()).hexdigest(),
        "@NOW@": datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ", timespec="microseconds"),
    }


def rows(names: dict[str, str], body: str) -> str:
    text = (DATA / "rows.sql").read_text().replace("@BODY@", body)
    for name, value in names.items():
        text = text.replace(name, value)
    return text


def load_sqlite(path: Path, names: dict[str, str]) -> str:
    body = 'CAST(\'{"zen": "Keep it simple."}\' AS BLOB)'
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATA / "0001-sqlite.sql").read_text() + rows(names, body))
    return f"sqlite:///{path}"


def load_postgresql(url: str, names: dict[str, str]) -> str:
    body = '\'{"zen": "Keep it simple."}\''
    script = (DATA / "0001-postgresql.sql").read_text() + "SET TimeZone = 'UTC';\n" + rows(names, body)
    store = Store(url)
    with store.begin() as tx:
        driver = tx.connection.driver_connection
        assert driver is not None
        driver.execute(script)
    store.close()
    return url


@pytest.mark.parametrize(
    "kind", ["sqlite", pytest.param("postgresql", marks=[pytest.mark.real_postgresql, pytest.mark.prove])]
)
def test_work_of_the_previous_release_goes_on(
    kind: str, request: pytest.FixtureRequest, world: Devstack, make_service: Callable[..., Service], tmp_path: Path
) -> None:
    names = merged(world)
    if kind == "sqlite":
        url = load_sqlite(tmp_path / "old.db", names)
    else:
        url = load_postgresql(request.getfixturevalue("postgresql_url"), names)
    service = make_service(MERGEPORT_DATABASE_URL=url)
    assert revision(service.store) == "0001"
    assert service.command("migrate").returncode == 0
    assert revision(service.store) == newest_revision()
    service.start("web")
    service.start("worker")
    service.wait_ready()
    service.wait_run("succeeded", commit=names["@DEVELOP@"], environment="dev", seconds=90)
    service.wait_run("succeeded", commit=names["@STAGING@"], environment="stage", seconds=90)
    service.wait_run("waiting", commit=names["@MAIN@"], environment="prod", message="pull request", seconds=90)
    assert {run.id for run in service.runs()} == {"01RUN0", "01RUN1", "01RUN2", "01RUN3"}
    assert (len(commits(service)), len(images(service))) == (2, 3)
    assert len(world.github.pulls(MANIFESTS, "all")) == 1
    poll(lambda: state_of(service, "claimed") == "ignored", what="the delivery that a dead worker had claimed")


def state_of(service: Service, delivery: str) -> str:
    with service.store.read() as tx:
        return next(str(one.state) for one in deliveries.newest(tx) if one.id == delivery)


@pytest.mark.real_postgresql
def test_two_processes_that_migrate_an_empty_database_at_once_both_succeed(
    postgresql_url: str, world: Devstack, make_service: Callable[..., Service]
) -> None:
    service = make_service(MERGEPORT_DATABASE_URL=postgresql_url)
    both = [service.start("migrate", name=name) for name in ("one", "two")]
    assert [process.wait(90) for process in both] == [0, 0], service.tail()
    with service.store.read() as tx:
        assert sa.inspect(tx).has_table("deliveries")
    assert revision(service.store) == newest_revision()
