"""Starts the processes of `mergeport serve`, starts one that died again, and stops them all.

Called by the command `serve`; the children call `end_with_parent`, and the worker asks here how it is told to stop.
Knows nothing of what the children do, and never ends a process that it did not start.
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NoReturn

import structlog

logger = structlog.stdlib.get_logger(__name__)

PARENT_PIPE = "MERGEPORT_PARENT_PIPE"
"""The environment variable that names the pipe which ends when the supervisor does."""

STEADY_SECONDS = 10.0
"""A child that lived this long worked well, so its next end begins a new count."""
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0
REFUSALS = 5
"""After this many ends in a row by its own exit status, each soon after its start, a child counts as unable to work."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep alive; `descriptors` stay open in it.

    `keeps` says which variables of our environment it gets, and `environ` is added.
    """

    name: str
    argv: Sequence[str]
    descriptors: Sequence[int] = ()
    environ: Mapping[str, str] = field(default_factory=dict)
    keeps: Callable[[str], bool] = lambda _name: True


@dataclass(slots=True)
class _Kept:
    child: Child
    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    quick_ends: int = 0
    refusals: int = 0
    start_at: float | None = 0.0


class Supervisor:
    """Runs children until it is told to stop, or until one of them cannot work."""

    def __init__(self, children: Sequence[Child], *, grace: float = 20.0) -> None:
        """Prepare; `grace` is how long children have between SIGTERM and SIGKILL, in seconds."""
        self._kept = [_Kept(child) for child in children]
        self._grace = grace
        self._events: queue.SimpleQueue[_Kept | None] = queue.SimpleQueue()
        self._stopping = False
        self._pipe = os.pipe()

    def run(self) -> int:
        """Keep the children alive until SIGTERM or SIGINT; give the exit status.

        0: asked to stop, and all ended in time. 1: a child could not work, or had to be killed.
        """
        _call_when_asked(self._stop)
        failed = False
        while not self._stopping and not failed:
            self._start_due()
            ended = self._next_event()
            if ended is not None and not self._stopping:
                failed = not self._judge_end(ended)
        clean = self._end_all()
        os.close(self._pipe[1])
        os.close(self._pipe[0])
        return 0 if clean and not failed else 1

    def _stop(self) -> None:
        self._stopping = True
        self._events.put(None)

    def _next_event(self) -> _Kept | None:
        """Wait until a child ends, a paused one is due, or a signal comes."""
        due = [kept.start_at for kept in self._kept if kept.start_at is not None]
        timeout = max(0.0, min(due) - time.monotonic()) if due else None
        with contextlib.suppress(queue.Empty):
            return self._events.get(timeout=timeout)
        return None

    def _start_due(self) -> None:
        for kept in self._kept:
            if kept.start_at is not None and kept.start_at <= time.monotonic():
                self._start(kept)

    def _start(self, kept: _Kept) -> None:
        """Start a child in a group of its own, so that a terminal's Ctrl-C reaches it only through us."""
        ours = {name: value for name, value in os.environ.items() if kept.child.keeps(name)}
        environ = {**ours, **kept.child.environ, PARENT_PIPE: str(self._pipe[0])}
        descriptors = (self._pipe[0], *kept.child.descriptors)
        kept.process = subprocess.Popen(kept.child.argv, env=environ, pass_fds=descriptors, process_group=0)
        kept.started = time.monotonic()
        kept.start_at = None
        threading.Thread(target=self._await, args=(kept, kept.process), daemon=True).start()
        logger.info("process started", process=kept.child.name, pid=kept.process.pid)

    def _await(self, kept: _Kept, process: subprocess.Popen[bytes]) -> None:
        process.wait()
        self._events.put(kept)

    def _judge_end(self, kept: _Kept) -> bool:
        """Plan the next start of a child that ended; False when it has shown that it cannot work."""
        status = kept.process.returncode if kept.process else 0
        steady = time.monotonic() - kept.started >= STEADY_SECONDS
        kept.quick_ends = 0 if steady else kept.quick_ends + 1
        by_itself = status >= 0
        kept.refusals = kept.refusals + 1 if by_itself and not steady else 0
        if kept.refusals >= REFUSALS:
            logger.error("process cannot work, giving up", process=kept.child.name, status=status, tries=kept.refusals)
            return False
        pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2 ** max(0, kept.quick_ends - 1))
        kept.start_at = time.monotonic() + pause
        logger.warning(
            "process ended, starting it again",
            process=kept.child.name,
            **({"status": status} if by_itself else {"signal": signal.Signals(-status).name}),
            pause_seconds=round(pause, 2),
        )
        return True

    def _end_all(self) -> bool:
        """Ask all children to end and wait for them; False when one had to be killed."""
        alive = [
            (kept.child.name, kept.process)
            for kept in self._kept
            if kept.process is not None and kept.process.poll() is None
        ]
        for _, process in alive:
            process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + self._grace
        in_time = [_ended(name, process, deadline) for name, process in alive]
        return all(in_time)


def _ended(name: str, process: subprocess.Popen[bytes], deadline: float) -> bool:
    """Wait for a child that was asked to end; kill it and its group at the deadline, and give False."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        status = process.wait(max(0.0, deadline - time.monotonic()))
        logger.info("process ended", process=name, status=status)
        return True
    logger.error("process did not end in time, killing it", process=name)
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return False


def stop_when_asked() -> threading.Event:
    """Give an event that SIGTERM or SIGINT sets; further signals change nothing."""
    stop = threading.Event()
    _call_when_asked(stop.set)
    return stop


def _call_when_asked(call: Callable[[], None]) -> None:
    """Call from a thread of its own at the first SIGTERM or SIGINT, whatever the main thread is doing.

    Python runs a handler in the main thread alone. A main thread that waits without a timeout would miss a signal that
    the system gave to another thread, or that came just before it began to wait, and would wait for ever. And a handler
    that sets the event from which its thread is just waking would wait for a lock that its own thread holds. So the
    system writes the signal's number into a pipe, and a thread reads it.
    https://docs.python.org/3/library/signal.html#signal.set_wakeup_fd
    """
    reading, writing = os.pipe()
    os.set_blocking(writing, False)

    def hear() -> None:
        asked = {signal.SIGTERM, signal.SIGINT}
        while not asked.intersection(os.read(reading, 64)):
            pass
        call()

    threading.Thread(target=hear, name="stop", daemon=True).start()
    signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda _number, _frame: None)


def leave() -> NoReturn:
    """End this process now with status 0, whatever its threads still wait for; its work was handed over before."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)


def end_with_parent(*, grace: float = 20.0) -> None:
    """End this process by SIGTERM when the supervisor is gone, for whatever reason; without a supervisor, do nothing.

    The supervisor holds the other end of a pipe, which the system closes even after a `kill -9`. A process that has not
    ended `grace` seconds later is killed.
    """
    named = os.environ.pop(PARENT_PIPE, "")
    if not named:
        return
    descriptor = int(named)
    os.set_inheritable(descriptor, False)
    threading.Thread(target=_watch, args=(descriptor, grace), name="parent-watch", daemon=True).start()


def _watch(descriptor: int, grace: float) -> None:
    while os.read(descriptor, 1):
        pass
    logger.warning("the supervising process is gone, stopping")
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(grace)
    os.kill(os.getpid(), signal.SIGKILL)
