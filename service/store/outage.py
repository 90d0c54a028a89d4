"""Logs an outage of the database once when it begins and once when it is over, in each process.

Used by the store around every transaction. Whoever gets the error only acts on it.
"""

from __future__ import annotations

import threading
import time

import structlog

logger = structlog.stdlib.get_logger(__name__)


class Outage:
    """Whether the database is away, as far as the transactions of this process know."""

    def __init__(self) -> None:
        """Begin with a database that is there."""
        self._lock = threading.Lock()
        self._since: float | None = None
        self._for_writing = False

    def begin(self, error: BaseException, *, write: bool) -> None:
        """Note that a transaction failed; log the first."""
        with self._lock:
            first, self._since = self._since is None, self._since or time.monotonic()
            self._for_writing |= write
        if first:
            reason = str(getattr(error, "orig", None) or error) or type(error).__name__
            logger.error("the store is away", code="store-unavailable", reason=reason)

    def end(self, *, write: bool) -> None:
        """Note that a transaction went through; log the first after an outage.

        A read does not end an outage of writing.
        """
        if self._since is None or (self._for_writing and not write):
            return
        with self._lock:
            since, self._since, self._for_writing = self._since, None, False
        if since is not None:
            logger.info("the store is back", seconds=round(time.monotonic() - since, 1))
