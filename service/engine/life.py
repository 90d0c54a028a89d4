"""A worker's life: the lease by which the others know that it is alive, taken, renewed and given up.

Called by the worker. A worker whose lease has run out counts as dead, and others go on with its work.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

import structlog

from service.errors import RetryableError
from service.pipeline.context import Context
from service.store import deliveries, leases

log = structlog.get_logger()

SIGN_OF_LIFE = "worker.alive"
"""The file in the state directory that a worker touches at each renewal, for whoever probes it: it listens nowhere."""


class Life:
    """The lease of one worker process; `seconds` is how long it lasts without being renewed.

    `state_directory` is where it leaves its sign of life, None for nowhere.
    """

    def __init__(self, context: Context, executor: str, seconds: float, state_directory: Path | None = None) -> None:
        """Take this boot's unique name; nothing is written yet."""
        self._sign = state_directory / SIGN_OF_LIFE if state_directory else None
        self.seconds = seconds
        self._context = context
        self._executor = executor
        self._has_lease = False

    def begin(self) -> None:
        """Take the lease, and free the deliveries that dead workers had claimed."""
        with self._context.store.begin() as tx:
            if self._context.store.sqlite:
                leases.clear(tx)
        self.renew()
        with self._context.store.begin() as tx:
            alive = leases.holders(tx, "worker:", now=self._context.now())
            deliveries.release_claims(tx, alive=alive)

    def renew(self) -> None:
        """Renew the lease; take it again if it was lost meanwhile.

        The sign of life comes first: a worker that waits for its database is alive.
        """
        if self._sign:
            with suppress(OSError):
                self._sign.touch()
        name, now = f"worker:{self._executor}", self._context.now()
        with self._context.store.begin() as tx:
            kept = leases.keep(tx, name, self._executor, now=now, seconds=self.seconds)
            if not kept:
                leases.acquire(tx, name, self._executor, now=now, seconds=self.seconds)
        if not kept and self._has_lease:
            log.warning("this worker was taken for dead while it was paused; other workers go on with its work")
        self._has_lease = True

    def hand_over(self) -> None:
        """Give up every lease of this worker, so that the others go on at once."""
        try:
            with self._context.store.begin() as tx:
                others = leases.holders(tx, "worker:", now=self._context.now())
                leases.release_dead(tx, alive=[holder for holder in others if holder != self._executor])
        except RetryableError as error:
            log.warning("the others will find out by themselves", error=str(error))
        log.info("worker stopped")
