"""Turns at SQLite's write lock: a process that writes without a pause keeps no other from its turn."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from service.errors import RetryableError
from service.store import Store, database
from service.store.turns import NoTurn, Turns
from tests.fixtures.processes import wait_until

GREEDY = """
import sys, time
from pathlib import Path
from service.store.turns import Turns
turns, log, hold = Turns(Path(sys.argv[1])), open(sys.argv[2], "ab", 0), float(sys.argv[3])
while True:
    with turns.take(30):
        log.write(b".")
        time.sleep(hold)
"""


@pytest.fixture
def turns(tmp_path: Path) -> Iterator[Turns]:
    made = Turns(tmp_path / "mergeport.db")
    yield made
    made.close()


@contextmanager
def greedy(folder: Path, *, hold: float) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[], int]]]:
    """Run a process that takes one turn after the other; give it and a count of its turns."""
    log = folder / "turns.log"
    log.touch()
    process = subprocess.Popen([sys.executable, "-c", GREEDY, str(folder / "mergeport.db"), str(log), str(hold)])
    try:
        wait_until(lambda: log.stat().st_size > 0, timeout=20)
        yield process, lambda: log.stat().st_size
    finally:
        process.kill()
        process.wait()


def test_a_process_that_comes_again_and_again_lets_another_in_between(turns: Turns, tmp_path: Path) -> None:
    passed = []
    with greedy(tmp_path, hold=0.02) as (_process, had):
        for _ in range(10):
            before = had()
            with turns.take(10):
                passed.append(had() - before)
    assert max(passed) <= 2, passed


def test_the_turn_of_a_killed_process_is_free(turns: Turns, tmp_path: Path) -> None:
    with greedy(tmp_path, hold=600) as (process, _had):
        process.kill()
        process.wait()
        with turns.take(5):
            pass


def test_a_turn_that_does_not_come_is_given_up_and_the_place_with_it(turns: Turns, tmp_path: Path) -> None:
    with greedy(tmp_path, hold=600) as (process, _had):
        with pytest.raises(NoTurn), turns.take(0.05):
            pass
        process.kill()
        process.wait()
    other = Turns(tmp_path / "mergeport.db")
    with other.take(0.05):
        pass
    other.close()


def test_a_store_whose_turn_does_not_come_is_unavailable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database, "BUSY_TIMEOUT_SECONDS", 0.05)
    one, other = (Store(f"sqlite:///{tmp_path}/mergeport.db") for _ in range(2))
    with ExitStack() as stack:
        stack.callback(one.close)
        stack.callback(other.close)
        stack.enter_context(one.begin())
        with pytest.raises(RetryableError) as caught, other.begin():
            pass
    assert caught.value.code == "store-unavailable"


def test_an_error_within_the_turn_is_not_taken_for_a_missing_one(turns: Turns) -> None:
    with pytest.raises(TimeoutError), turns.take(1):
        raise TimeoutError
    with turns.take(0.05):
        pass
