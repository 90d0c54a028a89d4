"""Signals of the demo: Ctrl-C and its like end it by an exception, and never in the middle of a start.

Used by the command around everything, and by code that starts something that has to be known before it can be ended.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(BaseException):
    """A person or the system asked the demo to end; `number` is the signal."""

    def __init__(self, number: int) -> None:
        super().__init__(f"stopped by {signal.Signals(number).name}")
        self.number = number


class Ending:
    """Turns the first signal into `Stopped`, at once or after a `held` block; later signals are ignored."""

    def __init__(self) -> None:
        self._held = 0
        self._pending: int | None = None

    def listen(self) -> None:
        """Handle the signals; a terminal that closes counts as one."""
        for number in SIGNALS:
            signal.signal(number, self._take)

    @contextmanager
    def held(self) -> Iterator[None]:
        """Let the block finish first; a signal that came meanwhile is raised after it."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._pending is not None and not self._held:
            self._stop(self._pending)

    def ignore(self) -> None:
        """Ignore further signals, because the end is under way and takes bounded time."""
        self._held += 1

    def _take(self, number: int, _frame: FrameType | None) -> None:
        if self._held:
            self._pending = number
        else:
            self._stop(number)

    def _stop(self, number: int) -> None:
        self.ignore()
        raise Stopped(number)
