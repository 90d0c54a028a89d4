"""The PostgreSQL of the benchmarks: databases of its own, every commit on disk, nothing left behind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from devstack import postgresql
from devstack.postgresql import Postgresql, PostgresqlMissingError, server_binaries
from tests.fixtures.tools import missing_part

pytestmark = pytest.mark.real_postgresql


@pytest.fixture(scope="module")
def server() -> Iterator[Postgresql]:
    try:
        made = Postgresql()
    except PostgresqlMissingError as error:
        missing_part("PostgreSQL", str(error))
    with made:
        yield made


def shown(url: str, setting: str) -> str:
    engine = sa.create_engine(url)
    with engine.connect() as connection:
        found = connection.execute(sa.text(f"show {setting}")).scalar_one()
    engine.dispose()
    return str(found)


def test_a_commit_is_synced_and_only_loopback_is_served(server: Postgresql) -> None:
    url = server.url("one")
    assert [shown(url, name) for name in ("fsync", "synchronous_commit", "listen_addresses")] == [
        "on",
        "on",
        "127.0.0.1",
    ]


def test_each_database_is_made_once(server: Postgresql) -> None:
    assert server.url("two") == server.url("two") != server.url("three")


def test_a_machine_without_one_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(postgresql, "_PLACES", tmp_path)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(PostgresqlMissingError, match="apt-get install postgresql"):
        server_binaries()


def test_nothing_is_left_of_a_stopped_server() -> None:
    with Postgresql() as one:
        folder = one._folder
    assert not folder.exists()
    one.stop()
