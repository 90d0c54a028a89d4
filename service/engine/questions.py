"""The worker's questions: asks the addresses of http gates, several at once, on threads of its own.

Started by the worker as a loop. Bounded: what does not fit waits as a row, so an address that hangs delays no gate but
its own.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import structlog

from service.pipeline.context import Context
from service.pipeline.promote.evidence.address_answers import Asking, ask, take_due

QUESTION_THREADS = 8

log = structlog.get_logger()


class Questions:
    """Asks the questions that are due, so many at a time."""

    def __init__(self, context: Context, *, threads: int = QUESTION_THREADS) -> None:
        """Take what to work with; nothing is asked yet."""
        self._context = context
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="question")
        self._lock = threading.Lock()
        self._free = threads

    def start_due(self) -> None:
        """Begin to ask the questions that are due, as far as there are threads."""
        with self._lock:
            free = self._free
        for asking in take_due(self._context, limit=free) if free else ():
            with self._lock:
                self._free -= 1
            self._pool.submit(self._ask, asking)

    def stop(self) -> None:
        """Begin no more; those under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, asking: Asking) -> None:
        try:
            ask(self._context, asking)
        except Exception:
            log.exception("internal error in a gate's question", run=asking.taken.run_id)
        finally:
            with self._lock:
                self._free += 1
