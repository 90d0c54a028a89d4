"""A store that the commands find by their settings; a pytest plugin for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from service.store import Store
from tests.cli.calling import Call, caller
from tests.fixtures.rows import Rows


@pytest.fixture
def store(migrated_sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Store]:
    """Give a migrated store in the state directory, which is the only setting."""
    monkeypatch.setenv("MERGEPORT_STATE_DIRECTORY", str(tmp_path))
    monkeypatch.setenv("LOGNAME", "ada")
    made = Store(migrated_sqlite_url)
    yield made
    made.close()


@pytest.fixture
def rows(store: Store) -> Rows:
    return Rows(store)


@pytest.fixture
def call(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Call:
    """Give a function that calls `mergeport`."""
    return caller(monkeypatch, capsys)
