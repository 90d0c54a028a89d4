"""Motion: a loop rests while nothing was committed, and never misses what was."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, suppress
from functools import partial
from pathlib import Path

import pytest

from service.store import Store, leases, refreshes
from service.store.migrate import migrate
from service.store.motion import AWAY_SECONDS, FILE_SECONDS, FRESH_SECONDS, Motion, Stillness, Version
from service.store.topics import Topic
from tests.fixtures.rows import NOW


def write(store: Store, name: str) -> None:
    with store.begin() as tx:
        leases.acquire(tx, name, "somebody", now=NOW, seconds=10)


def write_and_fail(store: Store) -> None:
    with store.begin() as tx:
        leases.acquire(tx, "two", "somebody", now=NOW, seconds=10)
        raise KeyError


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
    with pytest.raises(KeyError):
        write_and_fail(store)
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


def rested(motion: Motion, seen: Version | None) -> threading.Event:
    """Rest on a version in a thread; the event that is given is set when something moves."""
    woken = threading.Event()
    threading.Thread(target=motion.rest, args=(seen, woken, 30.0), daemon=True).start()
    return woken


def test_who_rests_is_woken_by_a_commit_of_anybody(tmp_path: Path) -> None:
    mine, other = a_store(tmp_path), a_store(tmp_path)
    with closing(Motion(mine)) as motion:
        motion.start()
        woken = rested(motion, motion.version())
        assert not woken.wait(3 * FILE_SECONDS)
        write(other, "one")
        assert woken.wait(10)


def test_nobody_rests_on_what_has_moved_since_or_is_not_known(tmp_path: Path) -> None:
    store = a_store(tmp_path)
    with closing(Motion(store)) as motion:
        motion.start()
        before = motion.version()
        write(store, "one")
        assert [rested(motion, seen).wait(10) for seen in (before, None)] == [True, True]


def test_all_who_rest_are_woken_while_the_file_is_not_there(tmp_path: Path) -> None:
    with closing(Motion(Store(f"sqlite:///{tmp_path}/none.db"))) as motion:
        motion.start()
        assert rested(motion, motion.version()).wait(10)


def test_who_rests_on_a_topic_is_woken_only_when_there_is_something(tmp_path: Path) -> None:
    mine, other = a_store(tmp_path), a_store(tmp_path)
    with closing(Motion(mine)) as motion:
        motion.start()
        woken = threading.Event()
        rest = partial(motion.rest, motion.version(), woken, 30.0, topic=Topic.REFRESHES)
        threading.Thread(target=rest, daemon=True).start()
        write(other, "one")
        assert not woken.wait(3 * FILE_SECONDS)
        with other.begin() as tx:
            refreshes.want(tx, "one", at=NOW)
        assert woken.wait(10)


def test_what_cannot_be_told_stirs(tmp_path: Path) -> None:
    empty = Store(f"sqlite:///{tmp_path}/none.db")
    assert Motion(empty).stirs(Topic.WATCHES)
    with empty.begin() as tx:
        tx.exec_driver_sql("CREATE TABLE waits (id TEXT)")  # no table of ours, as before a migration
    assert Motion(empty).stirs(Topic.WATCHES)


class Seconds:
    """A clock that advances so far that each look asks PostgreSQL again."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        self.at += 1
        return self.at


@pytest.fixture
def served(migrated_postgresql_url: str) -> Iterator[Store]:
    store = Store(migrated_postgresql_url)
    yield store
    store.close()


def test_commit_on_postgresql_is_motion(served: Store) -> None:
    with closing(Motion(served, clock=Seconds())) as motion:
        still = Stillness(motion, 60)
        assert rests(still)
        write(served, "one")
        assert not still.may_rest()


def test_what_is_committed_after_the_look_at_it_is_motion(served: Store) -> None:
    """The work after a look does not see a transaction that was still under way."""
    with closing(Motion(served, clock=Seconds())) as motion:
        still = Stillness(motion, 60)
        with served.begin() as tx:
            leases.acquire(tx, "one", "somebody", now=NOW, seconds=10)
            still.may_rest()
        assert not still.may_rest()


def test_answer_is_used_again_for_a_moment(served: Store) -> None:
    seconds = 0.0
    with closing(Motion(served, clock=lambda: seconds)) as motion:
        before = motion.version()
        write(served, "one")
        assert motion.version() == before
        seconds = FRESH_SECONDS
        assert motion.version() != before


def test_nobody_rests_while_the_server_is_away() -> None:
    still = Stillness(Motion(Store("postgresql://nobody@127.0.0.1:9/none")), 60)
    assert [still.may_rest(), still.may_rest()] == [False, False]


def test_server_that_is_away_is_not_asked_by_every_loop_in_turn() -> None:
    seconds = 0.0
    asked: list[float] = []
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            with suppress(OSError):
                while True:
                    caller, _ = server.accept()
                    asked.append(seconds)
                    caller.close()

        threading.Thread(target=hang_up, daemon=True).start()
        port = server.getsockname()[1]
        motion = Motion(Store(f"postgresql://nobody@127.0.0.1:{port}/none?sslmode=disable"), clock=lambda: seconds)
        assert [motion.version(), motion.version()] == [None, None]
        seconds = AWAY_SECONDS
        assert motion.version() is None
        server.shutdown(socket.SHUT_RDWR)
    assert set(asked) == {0.0, AWAY_SECONDS}
    assert asked.count(0.0) == asked.count(AWAY_SECONDS)


def rests(still: Stillness) -> bool:
    """Tell whether it comes to rest in the end; the server's own tasks and other tests may write now and then."""
    return any(still.may_rest() for _ in range(50))
