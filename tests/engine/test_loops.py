"""A loop goes on whatever its function does, and a repeated failure is logged once."""

from __future__ import annotations

import threading
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from service.engine import loops
from service.engine.loops import Loop, until_store_answers
from service.errors import PermanentError, RetryableError
from service.store import Store, leases
from service.store.migrate import migrate
from service.store.motion import Motion, Stillness
from tests.fixtures.rows import NOW
from tests.fixtures.service import poll


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loops, "FAILED_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr(loops, "STORE_PAUSE_SECONDS", 0.001)


def away() -> RetryableError:
    return RetryableError("the database does not answer", code="store-unavailable")


@pytest.mark.parametrize("error", [RetryableError("git is slow", code="git-timeout"), ValueError("a bug")])
def test_what_fails_again_and_again_is_told_once(error: Exception) -> None:
    stop, calls = threading.Event(), 0

    def fail() -> None:
        nonlocal calls
        calls += 1
        raise error

    with capture_logs() as told:
        loop = Loop("one", 0.001, fail, stop)
        loop.start()
        poll(lambda: calls > 5, what="calls")
        stop.set()
        loop.join(5)
    assert len([one for one in told if one["log_level"] in {"warning", "error"}]) == 1


@pytest.mark.parametrize("longest", [30.0, 0.01])
def test_loop_sleeps_while_nothing_moves_but_not_longer_than_it_may(tmp_path: Path, longest: float) -> None:
    store, stop, calls = Store(f"sqlite:///{tmp_path}/mergeport.db"), threading.Event(), 0
    migrate(store)

    def work() -> None:
        nonlocal calls
        calls += 1

    with closing(Motion(store)) as motion:
        motion.start()
        loop = Loop("one", 0.001, work, stop, still=Stillness(motion, longest))
        loop.start()
        poll(lambda: calls > (0 if longest > 1 else 3), what="calls")
        threading.Event().wait(0.1)
        seen = calls
        with store.begin() as tx:
            leases.acquire(tx, "one", "somebody", now=NOW, seconds=10)
        poll(lambda: calls > seen, what="a call after a commit")
        stop.set()
        loop.join(5)
    assert longest < 1 or seen == 1


def test_work_begins_again_until_the_store_answers() -> None:
    answers: list[Exception | None] = [away(), away(), None]

    def work() -> None:
        answer = answers.pop(0)
        if answer is not None:
            raise answer

    until_store_answers(work, threading.Event())
    assert answers == []


def test_work_is_handed_over_when_the_worker_stops_before_the_store_is_back() -> None:
    stop, calls = threading.Event(), 0

    def work() -> None:
        nonlocal calls
        calls += 1
        stop.set()
        raise away()

    until_store_answers(work, stop)
    assert calls == 1


def test_other_errors_are_not_repeated() -> None:
    def work() -> None:
        raise PermanentError("no", code="no")

    with pytest.raises(PermanentError):
        until_store_answers(work, threading.Event())
