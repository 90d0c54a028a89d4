"""The worker: takes deliveries in, advances runs, makes builds, looks at the outside, and ends in order.

Called by `mergeport worker`, with everything joined by bootstrap. On SQLite it is the one worker, by a
file lock; on PostgreSQL one of several. Killed at any line, another or its next start goes on.
"""

from __future__ import annotations

import gc
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import structlog

from service.bootstrap import build_context, event_queue
from service.core.words import BuildId, RunId, WaitKind
from service.engine.gate_clock import GateClock
from service.engine.life import Life
from service.engine.loops import Loop, until_store_answers
from service.engine.only_worker import only_worker
from service.engine.questions import Questions
from service.engine.queue import Engine
from service.engine.refresher import Refresher
from service.engine.retention import RETENTION_SECONDS, Retention
from service.engine.schedule import Schedule
from service.engine.sweeper import sweep
from service.pipeline.advance import advance
from service.pipeline.build.perform import perform_build
from service.pipeline.build.repeats import look_for_repeats
from service.pipeline.context import Context
from service.pipeline.deploy.images_in_use import keep_images_in_use
from service.pipeline.deploy.live_watch import look_at_live
from service.pipeline.deploy.used_images import look_at_used_images
from service.pipeline.intake.deliveries import claim, take_in
from service.pipeline.intake.events import follow_events
from service.pipeline.intake.model_moves import look_at_models
from service.pipeline.promote.afterwards import follow_all
from service.pipeline.promote.downstream import Downstream
from service.pipeline.promote.gating import judge_open_heads
from service.pipeline.promote.proposal_telling import bring_comments
from service.pipeline.promote.returning import bring_back
from service.pipeline.reports.call_budgets import BudgetRecord
from service.pipeline.reports.statuses import send_reports
from service.pipeline.watches import answer_due, look, watched
from service.ports import EventQueue
from service.settings import KEEP_DAYS, Need, Settings
from service.store import Store, deliveries, reports
from service.store.bell import Listener
from service.store.deliveries import StoredDelivery
from service.store.ids import new_id
from service.store.motion import Motion, Seconds, Stillness
from service.store.topics import Topic

LEASE_SECONDS = 15.0
RENEWALS = 5
"""How often the lease is renewed in that time; all but one of these renewals may fail in a row."""
INTAKE_SECONDS = 0.05
INTAKE_SECONDS_LISTENING = 1.0
"""How often to look for deliveries although the bell announces them: it may miss some, and some were postponed."""
INTAKE_THREADS = 4
WATCH_SECONDS = 0.3
KEYS_SECONDS = 5.0
"""How old the list of outside systems to look at may be while nothing moves in the store."""
DUE_SECONDS = 0.5
SWEEP_SECONDS = 1.0
REPORT_SECONDS = 1.0
"""What a status should say changes many times in a short run; the forge is told the newest, so often at most."""
REFRESH_SECONDS = 0.2
DOWNSTREAM_SECONDS = 0.5
GATES_SECONDS = 0.2
LIVE_SECONDS = 60.0
CONFIGURATION_SECONDS = 60.0
AFTERWARDS_SECONDS = 120.0
REPEATS_SECONDS = 120.0
BUDGETS_SECONDS = 15.0
EVENTS_SECONDS = 1.0
"""Between two readings of a queue of events that had nothing: a reading itself waits for up to 20 s."""
GARBAGE_OBJECTS = 10_000
"""How many more objects there are before Python looks for garbage among them: a run makes thousands, and few of it."""
STOP_SECONDS = 10
LOOPS_STOP_SECONDS = 2.0
ENGINE_STOP_SECONDS = 4.0
"""All three together stay below the 20 s that the supervisor, and most platforms, give a process."""

log = structlog.get_logger()


def run_worker(settings: Settings, stop: threading.Event) -> None:
    """Work until the event is set."""
    settings.require(Need.WORKER)
    store = Store(settings.database_url)
    executor = f"worker-{new_id()}"
    engine = Engine(
        settings.engine_database_url,
        executor,
        run_concurrency=settings.run_concurrency,
        build_concurrency=settings.build_concurrency,
    )
    with only_worker(store, settings.state_directory), build_context(settings, store, engine, executor) as context:
        worker = Worker(
            context,
            engine,
            stop,
            watch_interval=settings.watch_interval,
            lease_seconds=settings.worker_lease,
            keep_days=settings.keep_deliveries,
            events=event_queue(settings),
            state_directory=settings.state_directory,
        )
        gc.freeze()  # what the imports made stays, so that looking through it again and again would only take time
        gc.set_threshold(GARBAGE_OBJECTS)
        worker.run()
    store.close()


class Worker:
    """The loops of one worker process around its engine."""

    def __init__(
        self,
        context: Context,
        engine: Engine,
        stop: threading.Event,
        *,
        watch_interval: float,
        lease_seconds: float = LEASE_SECONDS,
        keep_days: int = KEEP_DAYS,
        events: EventQueue | None = None,
        state_directory: Path | None = None,
    ) -> None:
        """Take what to work with, the event that ends the work, and after how long without a sign it counts as dead."""
        self._context = context
        self._engine = engine
        self._stop = stop
        self._intake = ThreadPoolExecutor(INTAKE_THREADS, thread_name_prefix="intake")
        self._free = threading.Semaphore(INTAKE_THREADS)
        self._life = Life(context, engine.executor, lease_seconds, state_directory)
        self._motion = Motion(context.store)
        self._keys: dict[tuple[WaitKind, str], str] = {}
        self._keys_still = Stillness(self._motion, KEYS_SECONDS)
        still = Stillness(self._motion, INTAKE_SECONDS_LISTENING, topic=Topic.DELIVERIES)
        self._intake_loop = Loop("intake", self._intake_pause, self.take_in, stop, still=still)
        self._listener = Listener(context.store, self._intake_loop.wake, stop)
        self._events = events
        self._refresher = Refresher(context)
        self._questions = Questions(context)
        self._retention = Retention(context.store, context.now, days=keep_days)
        self._schedule = Schedule(lambda kind, key: look(context, kind, key), interval=watch_interval)

    def run(self) -> None:
        """Work until the stop is set, then hand over in order."""
        self._life.begin()
        self._judge_first()
        self._engine.start(self._advance, self._build)
        self._motion.start()
        loops = self._loops()
        for loop in loops:
            loop.start()
        self._start_events()
        self._listener.start()
        log.info("worker ready", executor=self._engine.executor)
        self._stop.wait()
        log.info("worker stops")
        for loop in loops:
            loop.wake()
        until = time.monotonic() + LOOPS_STOP_SECONDS
        for loop in loops:
            loop.join(max(0.0, until - time.monotonic()))
        self._intake.shutdown(wait=False, cancel_futures=True)
        self._schedule.stop()
        self._refresher.stop()
        self._questions.stop()
        self._stop_engine()
        self._life.hand_over()
        self._motion.close()

    def _loops(self) -> list[Loop]:
        context, stop, resting = self._context, self._stop, self._loop_at_rest
        gates = GateClock(context)
        return [
            Loop("lease", self._life.seconds / RENEWALS, self._life.renew, stop),
            self._intake_loop,
            resting("due", DUE_SECONDS, lambda: answer_due(context), 2 * DUE_SECONDS, Topic.WAITS),
            Loop("watches", WATCH_SECONDS, self._tick, stop),
            Loop("live", LIVE_SECONDS, lambda: look_at_live(context), stop),
            Loop("keeping", LIVE_SECONDS, lambda: keep_images_in_use(context), stop),
            Loop("images", LIVE_SECONDS, lambda: look_at_used_images(context), stop),
            resting("refreshes", REFRESH_SECONDS, self._refresher.start_due, 5 * REFRESH_SECONDS, Topic.REFRESHES),
            resting("reports", REPORT_SECONDS, self._send_reports, 2.0, Topic.REPORTS),
            resting("comments", REPORT_SECONDS, lambda: bring_comments(context), 2.0, Topic.COMMENTS),
            resting("sweeper", SWEEP_SECONDS, lambda: sweep(context, self._engine), 2 * SWEEP_SECONDS, None),
            resting("questions", GATES_SECONDS, self._questions.start_due, 10 * GATES_SECONDS, Topic.QUESTIONS),
            resting("gates", GATES_SECONDS, gates.judge, gates.seconds, Topic.JUDGEMENTS),
            resting("returning", DOWNSTREAM_SECONDS, lambda: bring_back(context), 2.0, Topic.STEP_BACKS),
            resting("downstream", DOWNSTREAM_SECONDS, Downstream(context).send, 2.0, Topic.FOLLOWED),
            Loop("afterwards", AFTERWARDS_SECONDS, lambda: follow_all(context), stop),
            Loop("repeats", REPEATS_SECONDS, self._repeats, stop),
            Loop("models", CONFIGURATION_SECONDS, lambda: look_at_models(context), stop),
            Loop("configuration", CONFIGURATION_SECONDS, self._reload, stop),
            Loop("budgets", BUDGETS_SECONDS, BudgetRecord(context).keep, stop),
            Loop("retention", RETENTION_SECONDS, self._retention.forget, stop),
        ]

    def _judge_first(self) -> None:
        """Bring the gates on open pull requests up to date; what fails is left to the loop."""
        try:
            judge_open_heads(self._context)
        except Exception:
            log.exception("the gates of open pull requests were not judged before other work")

    def _loop_at_rest(
        self, name: str, seconds: float, function: Callable[[], bool | None], longest: Seconds, topic: Topic | None
    ) -> Loop:
        """Make a loop that rests while nothing of its topic moves in the store, so many seconds at most."""
        return Loop(name, seconds, function, self._stop, still=Stillness(self._motion, longest, topic=topic))

    def _stop_engine(self) -> None:
        """Wait for what is under way, but not long for what hangs: the library waits for each thread in turn."""
        ending = threading.Thread(target=self._engine.stop, kwargs={"seconds": STOP_SECONDS}, daemon=True)
        ending.start()
        ending.join(STOP_SECONDS + ENGINE_STOP_SECONDS)
        if ending.is_alive():
            log.warning("something still hangs; the next worker goes on with it")

    def take_in(self) -> bool:
        """Hand the next delivery to a thread; tell whether there was one. Keeps no thread when the store is away."""
        if not self._free.acquire(timeout=INTAKE_SECONDS):
            return False
        delivery = None
        try:
            with self._context.store.read() as tx:
                waiting = deliveries.any_free(tx, self._context.now())
            delivery = claim(self._context) if waiting else None
        finally:
            if delivery is None:
                self._free.release()
        if delivery is None:
            return False
        self._intake.submit(self._work, delivery)
        return True

    def _work(self, delivery: StoredDelivery) -> None:
        try:
            until_store_answers(lambda: take_in(self._context, delivery, self._look_now), self._stop)
        except Exception:
            log.exception("internal error in intake", delivery=delivery.id)
        finally:
            self._free.release()
            self._intake_loop.wake()  # for the next one of the same repository

    def _look_now(self, kind: WaitKind, key: str) -> None:
        self._schedule.hint(kind, key, time.monotonic())

    def _start_events(self) -> None:
        """Begin to read the queue of events, where there is one.

        Nobody waits for this loop at the end: its reading may wait for 20 s, and after the stop it takes nothing.
        """
        queue = self._events
        if queue is None:
            return
        read = partial(follow_events, self._context, queue, self._look_now, self._stop.is_set)
        Loop("events", EVENTS_SECONDS, read, self._stop).start()

    def _intake_pause(self) -> float:
        return INTAKE_SECONDS_LISTENING if self._listener.alive else INTAKE_SECONDS

    def _tick(self) -> None:
        if not self._keys_still.may_rest():
            try:
                self._keys = self._watched() if self._motion.stirs(Topic.WATCHES) else {}
            except BaseException:
                self._keys_still.work()
                raise
        self._schedule.tick(self._keys, time.monotonic())

    def _watched(self) -> dict[tuple[WaitKind, str], str]:
        with self._context.store.read() as tx:
            return watched(tx)

    def _send_reports(self) -> bool:
        return send_reports(self._context) >= reports.AT_ONCE

    def _repeats(self) -> None:
        look_for_repeats(self._context)

    def _reload(self) -> None:
        self._context.configurations.reload()

    def _advance(self, run_id: RunId, workflow_id: str) -> None:
        until_store_answers(lambda: advance(self._context, run_id, workflow_id), self._stop)

    def _build(self, build_id: BuildId, workflow_id: str) -> None:
        until_store_answers(lambda: perform_build(self._context, build_id, workflow_id, self._stop.is_set), self._stop)
