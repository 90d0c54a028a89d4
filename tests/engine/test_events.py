"""Events of a queue wake the looks that wait for them, and are never more than that."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field, replace
from typing import cast

import pytest
from structlog.testing import capture_logs

from service.core.words import BuildState, WaitKind
from service.engine import loops
from service.engine.queue import Engine
from service.engine.worker import Worker
from service.errors import RetryableError
from service.pipeline.context import Context
from service.pipeline.intake.events import follow_events
from service.ports import BuildEvent, ImageEvent, Received
from tests.engine.conftest import AskedEngine
from tests.engine.test_worker import LeavingStore
from tests.fixtures.rows import Rows
from tests.fixtures.service import poll

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
PUSHED = ImageEvent("ecr", frozenset({HOST, "123456789012.dkr-ecr.eu-west-1.on.aws"}))
MOVED = BuildEvent("codebuild")


@dataclass
class Queue:
    """A queue of events in memory: what is in it, and what was taken from it."""

    holds: list[Received] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    asked: int = 0
    away: bool = False
    waits: threading.Event | None = None

    def receive(self) -> Received:
        self.asked += 1
        if self.away:
            raise RetryableError("the queue does not answer", code="aws-events-unavailable")
        if self.waits is not None:
            self.waits.wait(30)
        return self.holds.pop(0) if self.holds else Received()

    def forget(self, received: Received) -> None:
        self.forgotten += received.receipts


@dataclass
class Looks:
    seen: list[tuple[WaitKind, str]] = field(default_factory=list)

    def __call__(self, kind: WaitKind, key: str) -> None:
        self.seen.append((kind, key))


def follow(context: Context, queue: Queue, *, stopping: bool = False) -> tuple[bool, list[tuple[WaitKind, str]]]:
    looks = Looks()
    return follow_events(context, queue, looks, lambda: stopping), looks.seen


def test_push_wakes_the_look_at_its_registry_alone(context: Context, rows: Rows) -> None:
    rows.wait(rows.run(), key=f"ecr:{HOST}")
    rows.wait(rows.run(environment="stage"), key="ecr:210987654321.dkr.ecr.eu-west-1.amazonaws.com")
    queue = Queue([Received(frozenset({PUSHED}), ("one", "two"))])
    assert follow(context, queue) == (True, [(WaitKind.IMAGE, f"ecr:{HOST}")])
    assert queue.forgotten == ["one", "two"]


def test_build_that_moved_wakes_the_look_at_its_builder(context: Context, rows: Rows) -> None:
    rows.build(rows.run(), state=BuildState.STARTED, builder="codebuild", external_id="arn")
    queue = Queue([Received(frozenset({MOVED, PUSHED}), ("one",))])
    assert follow(context, queue) == (True, [(WaitKind.BUILD_ELSEWHERE, "codebuild")])


def test_event_that_nobody_waits_for_is_taken_away(context: Context) -> None:
    queue = Queue([Received(frozenset({PUSHED, MOVED}), ("one",))])
    assert follow(context, queue) == (True, [])
    assert queue.forgotten == ["one"]


def test_message_without_an_event_is_taken_away(context: Context) -> None:
    queue = Queue([Received(receipts=("poison",))])
    follow(context, queue)
    assert queue.forgotten == ["poison"]


def test_empty_queue_asks_for_a_pause(context: Context) -> None:
    assert follow(context, Queue()) == (False, [])


def test_what_comes_after_the_stop_stays_for_another_worker(context: Context, rows: Rows) -> None:
    rows.wait(rows.run(), key=f"ecr:{HOST}")
    queue = Queue([Received(frozenset({PUSHED}), ("one",))])
    assert follow(context, queue, stopping=True) == (False, [])
    assert queue.forgotten == []


class AwayStore(LeavingStore):
    """A store that cannot be read."""

    def read(self) -> object:  # type: ignore[override] # it raises at once
        raise RetryableError("the database does not answer", code="store-unavailable")


def test_what_comes_while_the_store_is_away_stays_in_the_queue(context: Context) -> None:
    queue = Queue([Received(frozenset({PUSHED}), ("one",))])
    away = AwayStore(context.store.url.render_as_string())
    with pytest.raises(RetryableError):
        follow(replace(context, store=away), queue)
    away.close()
    assert queue.forgotten == []


def worker(context: Context, engine: AskedEngine, queue: Queue, stop: threading.Event) -> Worker:
    return Worker(context, cast(Engine, engine), stop, watch_interval=1.0, events=queue)


def test_queue_that_is_away_is_told_once_and_asked_again(
    context: Context, engine: AskedEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loops, "FAILED_PAUSE_SECONDS", 0.001)
    monkeypatch.setattr("service.engine.worker.EVENTS_SECONDS", 0.001)
    queue, stop = Queue(away=True), threading.Event()
    with capture_logs() as told:
        worker(context, engine, queue, stop)._start_events()
        poll(lambda: queue.asked > 5, what="readings")
        stop.set()
    assert [one["loop"] for one in told if one["log_level"] == "warning"] == ["events"]


def test_reading_that_outlasts_the_stop_takes_nothing(context: Context, engine: AskedEngine, rows: Rows) -> None:
    rows.wait(rows.run(), key=f"ecr:{HOST}")
    let_go = threading.Event()
    queue, stop = Queue([Received(frozenset({PUSHED}), ("one",))], waits=let_go), threading.Event()
    one = worker(context, engine, queue, stop)
    one._start_events()
    poll(lambda: queue.asked == 1, what="a reading")
    stop.set()
    let_go.set()
    poll(lambda: not [thread for thread in threading.enumerate() if thread.name == "events"], what="the thread's end")
    assert queue.forgotten == []
