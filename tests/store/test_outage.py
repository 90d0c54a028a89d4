"""An outage is one line at its begin and one at its end."""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from pathlib import Path

from structlog.testing import capture_logs
from structlog.typing import EventDict

from service.errors import RetryableError
from service.store import Store
from service.store.migrate import migrate


def events(told: list[EventDict]) -> list[str]:
    """Give what the store logged; other threads of this process may log other things."""
    return [str(line["event"]) for line in told if line["event"].startswith("the store is")]


def attempt(store: Store, *, write: bool) -> bool:
    with suppress(RetryableError), store.begin() if write else store.read():
        return True
    return False


def test_an_outage_is_told_at_its_begin_and_its_end(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/mergeport.db")
    migrate(store)
    place, away = tmp_path / "mergeport.db", tmp_path / "away.db"
    with capture_logs() as told:
        for _ in range(2):
            place.rename(away)
            went = [attempt(store, write=write) for write in (True, False, True)]
            away.rename(place)
            went += [attempt(store, write=write) for write in (False, True, True)]
            assert went == [False] * 3 + [True] * 3
    store.close()
    assert events(told) == ["the store is away", "the store is back"] * 2


def test_reading_ends_no_outage_of_writing(tmp_path: Path) -> None:
    store = Store(f"sqlite:///{tmp_path}/mergeport.db")
    migrate(store)
    with closing(sqlite3.connect(tmp_path / "mergeport.db", isolation_level=None)) as other, capture_logs() as told:
        other.execute("BEGIN IMMEDIATE")
        went = [attempt(store, write=write) for write in (True, False)]
        other.execute("ROLLBACK")
        went.append(attempt(store, write=True))
    store.close()
    assert went == [False, True, True]
    assert events(told) == ["the store is away", "the store is back"]
