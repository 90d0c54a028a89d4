"""Motion: a loop rests while nothing was committed, and never misses what was."""

from __future__ import annotations

from pathlib import Path

from service.store import Store, leases
from service.store.migrate import migrate
from service.store.motion import Motion, Stillness
from tests.fixtures.rows import NOW


def write(store: Store, name: str) -> None:
    with store.begin() as tx:
        leases.acquire(tx, name, "somebody", now=NOW, seconds=10)


def a_store(tmp_path: Path) -> Store:
    store = Store(f"sqlite:///{tmp_path}/mergeport.db")
    migrate(store)
    return store


def test_commit_of_another_process_s_connection_is_motion(tmp_path: Path) -> None:
    mine, other = a_store(tmp_path), a_store(tmp_path)
    still = Stillness(Motion(mine), 60)
    assert [still.may_rest(), still.may_rest()] == [False, True]
    write(other, "one")
    assert [still.may_rest(), still.may_rest()] == [False, True]


def test_own_commit_is_motion_and_a_rollback_is_none(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    still = Stillness(Motion(store), 60)
    still.may_rest()
    write(store, "one")
    assert not still.may_rest()
    try:
        with store.begin() as tx:
            leases.acquire(tx, "two", "somebody", now=NOW, seconds=10)
            raise KeyError
    except KeyError:
        pass
    assert still.may_rest()


def test_rest_ends_after_its_longest_time(tmp_path: Path) -> None:
    seconds = 0.0
    still = Stillness(Motion(a_store(tmp_path)), 5, clock=lambda: seconds)
    still.may_rest()
    seconds = 4.9
    assert still.may_rest()
    seconds = 5.0
    assert not still.may_rest()


def test_nobody_rests_on_a_file_that_is_not_there(tmp_path: Path) -> None:
    still = Stillness(Motion(Store(f"sqlite:///{tmp_path}/none.db")), 60)
    assert [still.may_rest(), still.may_rest()] == [False, False]


def test_nobody_rests_where_the_database_cannot_tell(postgresql_url: str) -> None:
    still = Stillness(Motion(Store(postgresql_url)), 60)
    assert [still.may_rest(), still.may_rest()] == [False, False]
