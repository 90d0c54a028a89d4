"""One store a test, on SQLite and again on PostgreSQL: the same queries must mean the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.store import Store
from service.store.migrate import migrate
from tests.fixtures.rows import Rows


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.real_postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/mergeport.db"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def empty(database_url: str) -> Iterator[Store]:
    """Give a store without tables."""
    made = Store(database_url)
    yield made
    made.close()


@pytest.fixture
def store(empty: Store) -> Store:
    """Give a migrated store."""
    migrate(empty)
    return empty


@pytest.fixture
def rows(store: Store) -> Rows:
    return Rows(store)
