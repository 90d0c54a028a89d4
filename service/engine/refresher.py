"""The worker's refresher: tells the deployer to look at applications, many at once, on threads of its own.

Started by the worker as a loop. Bounded: what does not fit waits as a row.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import structlog

from service.pipeline.context import Context
from service.pipeline.deploy.refreshes import take_due, tell
from service.store.refreshes import Refresh

REFRESH_THREADS = 24
"""A refresh is only a socket that waits: a real Argo CD answers after 1 to 7 s, and the adapter waits 3 s at most."""

log = structlog.get_logger()


class Refresher:
    """Sends the refreshes that are due, so many at a time."""

    def __init__(self, context: Context, *, threads: int = REFRESH_THREADS) -> None:
        """Take what to work with; nothing is sent yet."""
        self._context = context
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="refresh")
        self._lock = threading.Lock()
        self._free = threads

    def start_due(self) -> None:
        """Begin to send the refreshes that are due, as far as there are threads."""
        with self._lock:
            free = self._free
        for refresh in take_due(self._context, limit=free):
            with self._lock:
                self._free -= 1
            self._pool.submit(self._tell, refresh)

    def stop(self) -> None:
        """Begin no more; those under way end by themselves."""
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _tell(self, refresh: Refresh) -> None:
        try:
            tell(self._context, refresh)
        except Exception:
            log.exception("internal error in a refresh", application=refresh.application)
        finally:
            with self._lock:
                self._free += 1
