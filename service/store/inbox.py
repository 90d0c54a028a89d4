"""The inbox: deliveries that come at the same time are kept in one transaction, so that they share one sync to disk.

Called by the webhooks' threads; each returns when its own delivery is on disk. A thread that finds no other one writing
writes all deliveries that wait by then, and hands on to the next. A single delivery does not wait.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from service.core.words import DeliveryId
from service.errors import MergeportError
from service.store import deliveries
from service.store.bell import Bell
from service.store.database import Store, Transaction, is_disconnect


@dataclass(frozen=True, slots=True)
class Arrival:
    """A delivery to keep. `ignored` is why nothing will come of it, where that is known already."""

    id: DeliveryId
    source: str
    event: str
    repository: str
    body: bytes = field(repr=False)
    at: datetime
    ignored: str = ""


@dataclass(eq=False, slots=True)
class _Waiting:
    """An arrival that is not on disk yet.

    `woken` is set when it is stored or has failed, or when its thread must write for all that wait.
    """

    arrival: Arrival
    woken: threading.Event = field(default_factory=threading.Event)
    new: bool | None = None
    error: Exception | None = None

    @property
    def settled(self) -> bool:
        return self.new is not None or self.error is not None


class Inbox:
    """Keeps deliveries for the threads of one process."""

    def __init__(self, store: Store) -> None:
        """Take the store."""
        self._store = store
        self._bell = Bell(store)
        self._lock = threading.Lock()
        self._waiting: list[_Waiting] = []
        self._busy = False

    def accept(self, arrival: Arrival) -> bool:
        """Store the delivery on disk and tell whether it is new. A redelivered id only raises the count in its row.

        Raises what the store raised: RetryableError `store-unavailable` when the database is away.
        """
        mine = _Waiting(arrival)
        with self._lock:
            self._waiting.append(mine)
            first, self._busy = not self._busy, True
        if not first:
            mine.woken.wait()
        if not mine.settled:
            self._write_all()
        if mine.error is not None:
            raise mine.error
        if mine.new is None:
            raise RuntimeError("who wrote for this delivery was stopped over it")
        return mine.new

    def _write_all(self) -> None:
        """Write all that waits now, then wake the next thread to write what came meanwhile."""
        with self._lock:
            batch, self._waiting = self._waiting, []
        try:
            self._write(batch)
        finally:
            with self._lock:
                heir = self._waiting[0] if self._waiting else None
                self._busy = heir is not None
            for one in batch:
                one.woken.set()
            if heir is not None:
                heir.woken.set()

    def _write(self, batch: Sequence[_Waiting]) -> None:
        try:
            told = self._keep_all(batch)
        except MergeportError as error:
            for one in batch:
                one.error = error
        except Exception as error:  # noqa: BLE001 - raised again, to the thread whose delivery it is about
            if len(batch) == 1:
                batch[0].error = error
                return
            for one in batch:
                self._write([one])
        else:
            for one, new in zip(batch, told, strict=True):
                one.new = new
            self._bell.ring()

    def _keep_all(self, batch: Sequence[_Waiting]) -> list[bool]:
        """Write the arrivals, once more if the connection was lost: a server that restarted says so only when used."""
        try:
            return self._keep_once(batch)
        except MergeportError as error:
            if not is_disconnect(error):
                raise
            return self._keep_once(batch)

    def _keep_once(self, batch: Sequence[_Waiting]) -> list[bool]:
        with self._store.begin() as tx:
            return [_keep(tx, one.arrival) for one in batch]


def _keep(tx: Transaction, arrival: Arrival) -> bool:
    return deliveries.accept(
        tx,
        id=arrival.id,
        source=arrival.source,
        event=arrival.event,
        repository=arrival.repository,
        body=arrival.body,
        at=arrival.at,
        ignored=arrival.ignored,
    )
