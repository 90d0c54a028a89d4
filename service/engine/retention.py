"""Keeps the inbox bounded: a portion of old deliveries is forgotten at each call. A loop of every worker calls it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog

from service.store import Store
from service.store.retention import forget_deliveries

RETENTION_SECONDS = 5.0
"""Seconds between two portions: old rows are removed slowly, so that nothing has to wait for it."""

log = structlog.get_logger()


class Retention:
    """Remembers how far it is; a new process begins at the oldest again, which costs little."""

    def __init__(self, store: Store, now: Callable[[], datetime], *, days: int) -> None:
        """Take the store, the clock, and for how many days deliveries are kept."""
        self._store = store
        self._now = now
        self._days = days
        self._after = 0

    def forget(self) -> None:
        """Forget one portion."""
        now = self._now()
        before = now - timedelta(days=self._days)
        forgotten = forget_deliveries(self._store, before=before, now=now, after=self._after)
        self._after = forgotten.until
        if forgotten.removed or forgotten.emptied:
            log.info("old deliveries forgotten", removed=forgotten.removed, bodies=forgotten.emptied)
