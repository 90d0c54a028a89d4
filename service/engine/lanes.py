"""Lanes: so many workflows of a kind go on at once in this worker; the rest stand in line here, in memory.

Used by the engine beside this. The line needs to survive nothing: whatever stands in it is a row of ours that says so,
and the sweeper of any worker finds those that nobody attends to.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog

BEGUN_WITHIN_SECONDS = 5.0
"""Seconds after which a workflow that was started and has not begun no longer counts; the library may have lost it."""

LINE_OF_FOUND = 8
"""How many times the limit may stand in line here of those that nobody seemed to attend to: a second's work."""

log = structlog.get_logger()

Start = Callable[[str, str], bool]
"""Starts a workflow by its id, with its argument, and returns at once; False where that id was started before."""


class Lane:
    """The workflows of one kind; at most `most` of them run at once."""

    def __init__(self, most: int, start: Start, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the limit, and what starts a workflow."""
        self._most = most
        self._start = start
        self._clock = clock
        self._lock = threading.Lock()
        self._under_way: dict[str, float | None] = {}
        self._line: OrderedDict[str, str] = OrderedDict()

    def offer(self, workflow_id: str, argument: str, *, stands: bool = True) -> None:
        """Start a workflow now or once there is room; one that is known here already is not taken twice.

        Without `stands` it is left out if there is a long line already.
        """
        with self._lock:
            if not stands and len(self._line) >= LINE_OF_FOUND * self._most:
                return
            if workflow_id not in self._under_way:
                self._line.setdefault(workflow_id, argument)
        self._start_next()

    def knows(self, workflow_id: str) -> bool:
        """Tell whether the workflow is under way here, or in line."""
        with self._lock:
            self._forget_lost()
            return workflow_id in self._under_way or workflow_id in self._line

    def has(self, workflow_id: str) -> bool:
        """Tell whether the workflow was started by this lane and has not ended."""
        with self._lock:
            return workflow_id in self._under_way

    @contextmanager
    def going(self, workflow_id: str) -> Iterator[None]:
        """Count the workflow as under way for the block, and start the next at its end."""
        with self._lock:
            self._under_way[workflow_id] = None
        try:
            yield
        finally:
            with self._lock:
                self._under_way.pop(workflow_id, None)
            self._start_next()

    def close(self) -> None:
        """Start no more."""
        with self._lock:
            self._most = 0
            self._line.clear()

    def _start_next(self) -> None:
        while (taken := self._take()) is not None:
            workflow_id, argument = taken
            try:
                started = self._start(workflow_id, argument)
            except Exception as error:  # noqa: BLE001 - the library's errors have no common class; the row says what is wanted
                log.warning("not started, the sweeper will", workflow=workflow_id, error=str(error))
                started = False
            if not started:
                with self._lock:
                    self._under_way.pop(workflow_id, None)

    def _forget_lost(self) -> None:
        """Give up the places of those that were started and did not begin."""
        now = self._clock()
        for one in [one for one, at in self._under_way.items() if at is not None and at < now]:
            del self._under_way[one]

    def _take(self) -> tuple[str, str] | None:
        with self._lock:
            self._forget_lost()
            if not self._line or len(self._under_way) >= self._most:
                return None
            workflow_id, argument = self._line.popitem(last=False)
            self._under_way[workflow_id] = self._clock() + BEGUN_WITHIN_SECONDS
            return workflow_id, argument
