"""Holds a branch's lease for as long as its writer lives, however long a call to the repository hangs.

Used by who writes to a branch. What is marked in the store is marked under the lease: a writer that lost it, because
its process was stopped for longer, finds that out here and leaves everything to the one that has it now.
"""

from __future__ import annotations

import threading
from types import TracebackType
from typing import Self

import structlog

from service.errors import MergeportError, RetryableError
from service.pipeline.context import Context
from service.store import Transaction, leases

LEASE_SECONDS = 30.0
RENEWAL_SECONDS = 8.0

log = structlog.get_logger()


class Holding:
    """A lease that this holder has acquired under this name; it is renewed during the block and released at its end.

    `given_up` says that it was released before.
    """

    def __init__(self, context: Context, name: str, holder: str, *, every: float = RENEWAL_SECONDS) -> None:
        """Take what was acquired, and how often it is renewed."""
        self._context = context
        self._name = name
        self.holder = holder
        self._every = every
        self.given_up = False
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._renew, name=f"lease {name}", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()
        if not self.given_up:
            with self._context.store.begin() as tx:
                leases.release(tx, self._name, self.holder)

    def keep(self, tx: Transaction) -> None:
        """Make sure that nobody else writes there until the transaction ends; RetryableError if somebody may."""
        if not self.locks(tx):
            raise RetryableError(
                "another worker writes to the branch now: this one was away for too long",
                code="lease-lost",
                retry_after=0.0,
            )

    def locks(self, tx: Transaction) -> bool:
        """Extend the lease and lock its row until the transaction ends; False if it is another's by now."""
        return leases.keep(tx, self._name, self.holder, now=self._context.now(), seconds=LEASE_SECONDS)

    def release(self, tx: Transaction) -> None:
        """Give the lease up early, in the transaction that found the work to be done."""
        leases.release(tx, self._name, self.holder)

    def is_released(self) -> None:
        """Note that the transaction which gave it up is committed, so that the end of the block releases nothing."""
        self.given_up = True

    def _renew(self) -> None:
        while not self._end.wait(self._every):
            try:
                with self._context.store.begin() as tx:
                    self.keep(tx)
            except MergeportError as error:
                log.warning("a lease was not renewed", lease=self._name, error=str(error))
