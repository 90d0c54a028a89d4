"""Loops: small functions called again and again on threads of their own, until the worker stops.

An error in one call is logged and the loop goes on; a repeated failure is logged once. `until_store_answers`
repeats the work of a workflow in the same way.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable

import structlog

from service.errors import MergeportError
from service.store.motion import Stillness

FAILED_PAUSE_SECONDS = 0.5
STORE_PAUSE_SECONDS = 1.0

log = structlog.get_logger()


class Loop:
    """Calls a function every so many seconds, with jitter, or at once when it says that more is to be done."""

    def __init__(
        self,
        name: str,
        seconds: float | Callable[[], float],
        function: Callable[[], bool | None],
        stop: threading.Event,
        *,
        still: Stillness | None = None,
    ) -> None:
        """Take the function; it returns True to be called again without a pause. The seconds may change on the way.

        With `still` it is not called while nothing has moved in the store, and otherwise so often at most.
        """
        self._name = name
        self._seconds = seconds if callable(seconds) else lambda: seconds
        self._function = function
        self._stop = stop
        self._still = still
        self._failing = ""
        self._woken = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def wake(self) -> None:
        """Call the function now, or once more after the call that is under way."""
        self._woken.set()

    def join(self, seconds: float) -> None:
        """Wait so long for the call under way, once the stop is set."""
        self.wake()
        self._thread.join(seconds)

    def _run(self) -> None:
        while not self._stop.is_set():
            if self._still is not None:
                self._still.begin()
            if not self._call():
                self._pause()

    def _pause(self) -> None:
        seconds = self._seconds() * random.uniform(0.9, 1.1)  # noqa: S311 - jitter
        longest = self._still.longest() if self._still is not None else seconds
        if not self._woken.wait(seconds) and self._still is not None:
            self._still.rest(self._woken, longest - seconds)
        self._woken.clear()

    def _call(self) -> bool:
        try:
            more = bool(self._function())
        except MergeportError as error:
            if error.code not in (self._failing, "store-unavailable"):  # the store tells of its outage itself
                log.warning("a loop fails and goes on", loop=self._name, error=str(error))
            self._failing = error.code
        except Exception as error:
            if self._failing != type(error).__name__:
                log.exception("internal error in a loop", loop=self._name)
            self._failing = type(error).__name__
        else:
            if self._failing not in ("", "store-unavailable"):
                log.info("a loop works again", loop=self._name)
            self._failing = ""
            return more
        self._stop.wait(FAILED_PAUSE_SECONDS)
        if self._still is not None:
            self._still.work()
        return False


def until_store_answers(work: Callable[[], None], stop: threading.Event) -> None:
    """Do the work of a workflow; while the store is away, repeat it from its beginning, which loses nothing."""
    while True:
        try:
            work()
        except MergeportError as error:
            if error.code != "store-unavailable":
                raise
            if stop.wait(STORE_PAUSE_SECONDS):
                log.info("handed over: this worker stops before the store is back")
                return
        else:
            return
