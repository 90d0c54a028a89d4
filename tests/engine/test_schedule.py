"""Looks come soon, on a hint at once, one at a time a key, and a system that hangs holds up no other."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from service.core.words import WaitKind
from service.engine.schedule import FIRST_LOOK_SECONDS, Schedule
from tests.fixtures.service import poll

MAIN = (WaitKind.PULL_REQUEST, "acme/manifests:main")
ARGOCD = (WaitKind.SYNC, "argocd")


@dataclass
class Looks:
    """Counts looks; those at a held kind hang until they are released."""

    made: list[tuple[WaitKind, str]] = field(default_factory=list)
    held: WaitKind | None = None
    go: threading.Event = field(default_factory=threading.Event)

    def __call__(self, kind: WaitKind, key: str) -> None:
        self.made.append((kind, key))
        if kind is self.held:
            self.go.wait(30)

    def count(self, key: tuple[WaitKind, str]) -> int:
        return self.made.count(key)


@pytest.fixture
def looks() -> Iterator[Looks]:
    one = Looks()
    yield one
    one.go.set()


@pytest.fixture
def schedule(looks: Looks) -> Iterator[Schedule]:
    one = Schedule(looks, interval=100.0)
    yield one
    looks.go.set()
    one.stop()


def tick_until(schedule: Schedule, looks: Looks, newest: str, now: float, *, count: int) -> None:
    """Tick at one moment until so many looks have begun, because a look under way delays the next one."""

    def looked() -> bool:
        schedule.tick({MAIN: newest}, now)
        return looks.count(MAIN) == count

    poll(looked, seconds=5, what=f"look {count}")


def test_github_that_hangs_does_not_keep_argo_cd_from_being_looked_at(schedule: Schedule, looks: Looks) -> None:
    looks.held = WaitKind.PULL_REQUEST
    many = {(WaitKind.PULL_REQUEST, f"acme/m{number}:main"): "1" for number in range(20)}
    schedule.tick({**many, ARGOCD: "1"}, 0.0)
    schedule.tick({**many, ARGOCD: "1"}, 1.0)
    poll(lambda: looks.count(ARGOCD) == 1, seconds=5, what="the look at Argo CD")


def test_new_wait_where_others_wait_for_long_is_looked_at_soon(schedule: Schedule, looks: Looks) -> None:
    """What it waits for may have come between the run's own look and the wait; its hint found nobody waiting."""
    schedule.tick({MAIN: "1"}, 0.0)
    for number in range(1, 40):
        tick_until(schedule, looks, "1", 200.0 * number, count=number)
    now = 200.0 * 39
    schedule.tick({MAIN: "2"}, now + 0.01)
    tick_until(schedule, looks, "2", now + 0.02 + FIRST_LOOK_SECONDS, count=40)


def test_hint_while_a_look_is_under_way_makes_another_look(schedule: Schedule, looks: Looks) -> None:
    looks.held = WaitKind.PULL_REQUEST
    schedule.tick({MAIN: "1"}, 0.0)
    schedule.tick({MAIN: "1"}, 1.0)
    poll(lambda: looks.count(MAIN) == 1, seconds=5, what="the first look")
    schedule.hint(*MAIN, 1.0)
    schedule.tick({MAIN: "1"}, 1.1)
    assert looks.count(MAIN) == 1
    looks.go.set()
    tick_until(schedule, looks, "1", 1.2, count=2)
