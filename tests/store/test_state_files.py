"""The database's file: what is written into one that has lost its name counts as not written."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from service.errors import PermanentError, RetryableError
from service.state_files import Place, keep_private, prepare
from service.store import Store, leases
from service.store.migrate import migrate
from tests.fixtures.rows import NOW


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Store]:
    """Give a migrated store on SQLite whose connections are open."""
    made = Store(f"sqlite:///{tmp_path}/mergeport.db")
    migrate(made)
    yield made
    made.close()


def take(store: Store) -> None:
    with store.begin() as tx:
        leases.acquire(tx, "one", "me", now=NOW, seconds=60)


def test_nothing_is_written_into_a_deleted_file(here: Store, tmp_path: Path) -> None:
    (tmp_path / "mergeport.db").unlink()
    with pytest.raises(RetryableError) as refused:
        take(here)
    assert refused.value.code == "store-unavailable"
    assert not (tmp_path / "mergeport.db").exists(), "an empty one in its place would hide the loss"


def test_a_file_that_is_deleted_during_a_transaction_took_nothing_in(here: Store, tmp_path: Path) -> None:
    def take_while_it_is_deleted() -> None:
        with here.begin() as tx:
            leases.acquire(tx, "one", "me", now=NOW, seconds=60)
            (tmp_path / "mergeport.db").unlink()

    with pytest.raises(RetryableError):
        take_while_it_is_deleted()


def test_a_file_that_was_put_in_its_place_is_used_from_then_on(here: Store, tmp_path: Path) -> None:
    other = Store(f"sqlite:///{tmp_path}/other.db")
    migrate(other)
    take(other)
    other.close()
    for end in ("", "-wal", "-shm"):
        (tmp_path / f"mergeport.db{end}").unlink(missing_ok=True)
    (tmp_path / "other.db").rename(tmp_path / "mergeport.db")
    with here.read() as tx:
        assert leases.holder(tx, "one", now=NOW) == "me"


def test_a_file_that_is_no_database_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "mergeport.db").write_text("not a database at all, but a text that somebody put there\n" * 20)
    store = Store(f"sqlite:///{tmp_path}/mergeport.db")
    with pytest.raises(PermanentError) as refused, store.read():
        pass
    store.close()
    assert refused.value.code == "database-unusable"


def test_what_is_there_already_is_taken_from_others(here: Store, tmp_path: Path) -> None:
    take(here)
    tmp_path.chmod(0o755)
    files = sorted(tmp_path.glob("mergeport.db*"))
    for file in files:
        file.chmod(0o644)
    assert keep_private(tmp_path, [tmp_path / "mergeport.db"])
    modes = {file.name: oct(stat.S_IMODE(file.stat().st_mode)) for file in [tmp_path, *files]}
    assert {name: mode for name, mode in modes.items() if name.endswith((".db", "-wal", "-shm"))} == {
        "mergeport.db": "0o600",
        "mergeport.db-wal": "0o600",
        "mergeport.db-shm": "0o600",
    }
    assert modes[tmp_path.name] == "0o700"


@pytest.mark.parametrize("name", ["file", "file/below", "nul\0", "x" * 300])
def test_a_place_that_cannot_be_used_is_a_fault_with_its_setting(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("")
    (fault,) = prepare([Place("MERGEPORT_STATE_DIRECTORY", tmp_path / name)])
    assert fault.where == "MERGEPORT_STATE_DIRECTORY"
    assert "cannot be used" in fault.message
