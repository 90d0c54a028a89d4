"""One store a test, on SQLite and again on PostgreSQL: the same queries must mean the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.store import Store
from tests.fixtures.databases import BOTH


@pytest.fixture(params=BOTH)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Give the address of an empty database."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    return str(request.getfixturevalue("postgresql_url"))


@pytest.fixture
def empty(empty_url: str) -> Iterator[Store]:
    """Give a store without tables."""
    made = Store(empty_url)
    yield made
    made.close()
