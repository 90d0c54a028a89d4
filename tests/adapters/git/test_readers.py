"""Readers are used again while they are sound, and end when they are not needed any more."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest

from service.adapters.git import readers as module
from service.adapters.git.driver import Git
from service.adapters.git.objects import ObjectMissingError, Objects
from service.adapters.git.readers import MOST_IDLE, Readers
from service.adapters.git.running import BrokenRepositoryError
from service.core.words import Sha
from tests.adapters.git.served import Served
from tests.fixtures.processes import wait_until


class Making:
    """The identity of the repository, which changes when it is made anew."""

    number = 1

    def __call__(self) -> int:
        return self.number


@pytest.fixture
def making() -> Making:
    return Making()


@pytest.fixture
def readers(served: Served, making: Making, monkeypatch: pytest.MonkeyPatch) -> Iterator[Readers]:
    monkeypatch.setattr(module, "IDLE_SECONDS", 3600.0)
    made = Readers(Git(served.repository.path, timeout=60), making)
    yield made
    made.close()


@pytest.fixture
def tip(served: Served) -> Sha:
    return Sha(served.repository.tip("main"))


def process_of(objects: Objects) -> int:
    return objects._talk._process.pid


def use(readers: Readers, tip: Sha) -> int:
    with readers.open() as objects:
        assert objects.read(tip).startswith(b"tree ")
        return process_of(objects)


def fail(readers: Readers, use: Callable[[Objects], object]) -> None:
    with readers.open() as objects:
        use(objects)
        raise TypeError


def test_the_next_use_has_the_same_process(readers: Readers, tip: Sha) -> None:
    assert use(readers, tip) == use(readers, tip)


def test_two_at_once_have_two(readers: Readers, tip: Sha) -> None:
    with readers.open() as one, readers.open() as other:
        assert process_of(one) != process_of(other)
        assert one.read(tip) == other.read(tip)


def test_what_is_missing_leaves_a_reader_as_good_as_it_was(readers: Readers, tip: Sha) -> None:
    first = use(readers, tip)
    with pytest.raises(ObjectMissingError), readers.open() as objects:
        objects.read("0" * 40)
    assert use(readers, tip) == first


def test_a_failure_ends_the_reader(readers: Readers, tip: Sha) -> None:
    first = use(readers, tip)
    with pytest.raises(TypeError):
        fail(readers, lambda objects: objects._talk.say(f"{tip}\n".encode()))  # but the answer is never read
    assert use(readers, tip) != first


def test_one_that_was_killed_is_not_used_again(readers: Readers, tip: Sha) -> None:
    def kill_and_read(objects: Objects) -> None:
        objects._talk._process.kill()
        objects.read(tip)

    first = use(readers, tip)
    with pytest.raises(BrokenRepositoryError):
        fail(readers, kill_and_read)
    assert use(readers, tip) != first


def test_another_making_of_the_mirror_has_readers_of_its_own(readers: Readers, making: Making, tip: Sha) -> None:
    first = use(readers, tip)
    making.number += 1
    assert use(readers, tip) != first


def test_one_that_was_used_for_long_is_ended(readers: Readers, tip: Sha, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_USES", 2)
    pids = [use(readers, tip) for _ in range(4)]
    assert pids[0] == pids[1] != pids[2] == pids[3]


def test_few_stay_and_they_end_when_nobody_needs_them(
    readers: Readers, tip: Sha, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "IDLE_SECONDS", 0.2)
    opened, done = threading.Barrier(MOST_IDLE + 3), []

    def read() -> None:
        with readers.open() as objects:
            opened.wait(20)
            done.append((objects._talk, objects.read(tip)))

    threads = [threading.Thread(target=read) for _ in range(MOST_IDLE + 3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert len(done) == MOST_IDLE + 3
    assert sum(talk.alive for talk, _ in done) <= MOST_IDLE
    wait_until(lambda: not any(talk.alive for talk, _ in done), timeout=10)
    assert use(readers, tip)


class LateTimer:
    """A watchdog that fires when the test wants it, whether it was cancelled or not."""

    wake: Callable[[], None]
    daemon = False

    def __init__(self, _seconds: float, wake: Callable[[], None]) -> None:
        type(self).wake = staticmethod(wake)

    def start(self) -> None:
        """Wait for ever."""

    def cancel(self) -> None:
        """Do nothing, because it is too late."""


def test_a_watchdog_that_wakes_up_late_leaves_the_next_use_alone(
    served: Served, tip: Sha, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(threading, "Timer", LateTimer)
    talk = Git(served.repository.path).begin("cat-file", "--batch")
    with talk.limited():
        assert Objects(talk).read(tip)
    LateTimer.wake()
    with talk.limited():
        assert Objects(talk).read(tip)
        LateTimer.wake()
    assert not talk.alive
    talk.end()
