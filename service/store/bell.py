"""The bell: wakes workers as soon as something was stored for them, by PostgreSQL's LISTEN and NOTIFY.

The inbox sends a notification after its deliveries are on disk, and every worker receives it. It has no content and may
be lost: a worker also looks for rows now and then. On SQLite there are no notifications.
https://www.postgresql.org/docs/current/sql-notify.html
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import sqlalchemy as sa
import structlog

from service.store.database import Store

CHANNEL = "mergeport"
RETRY_SECONDS = 1.0
_HEARING_SECONDS = 5.0

log = structlog.get_logger()


class Bell:
    """Rings on a thread of its own; all rings that are asked for while one is under way become one.

    It does not ring in the transaction that stores the row, because PostgreSQL commits notifying transactions one by
    one.
    """

    def __init__(self, store: Store) -> None:
        """Take the store; no thread is started before the first ring, so that a process may still fork."""
        self._store = store
        self._wanted = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ring(self) -> None:
        """Wake the workers soon; never fails and never waits."""
        if self._store.sqlite:
            return
        self._wanted.set()
        with self._lock:
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="bell", daemon=True)
                self._thread.start()

    def _run(self) -> None:
        engine, told = self._store.apart(), False
        while True:
            self._wanted.wait()
            try:
                with engine.connect() as connection:
                    connection.exec_driver_sql("SET synchronous_commit = off")  # a ring stores nothing
                    told = False
                    while True:
                        self._wanted.wait()
                        self._wanted.clear()
                        connection.exec_driver_sql(f"NOTIFY {CHANNEL}")
            except Exception as error:  # noqa: BLE001 - whatever it is, workers look by themselves meanwhile
                if not told:
                    log.info("the bell could not ring, to be repeated", error=type(error).__name__)
                told = True
                time.sleep(RETRY_SECONDS)
                self._wanted.set()


class Listener:
    """Calls a function whenever the bell rings, on a thread of its own; reconnects when the server restarts."""

    def __init__(self, store: Store, heard: Callable[[], None], stop: threading.Event) -> None:
        """Take the store, what to do, and the event that ends the listening."""
        self._store = store
        self._heard = heard
        self._stop = stop
        self.alive = False

    def start(self) -> None:
        """Begin; on SQLite there is nothing to listen to."""
        if not self._store.sqlite:
            threading.Thread(target=self._run, name="listener", daemon=True).start()

    def _run(self) -> None:
        engine = self._store.apart()
        while not self._stop.is_set():
            try:
                with engine.connect() as connection:
                    self._listen(connection)
            except Exception as error:  # noqa: BLE001 - whatever it is, the rows are found by looking meanwhile
                if self.alive:
                    log.warning("not listening, looking more often instead", error=type(error).__name__)
            self.alive = False
            self._stop.wait(RETRY_SECONDS)

    def _listen(self, connection: sa.Connection) -> None:
        connection.exec_driver_sql(f"LISTEN {CHANNEL}")
        driver = connection.connection.driver_connection
        assert driver is not None  # noqa: S101 - it has just been used
        self.alive = True
        self._heard()  # the bell may have rung while nobody listened
        while not self._stop.is_set():
            for _ in driver.notifies(timeout=_HEARING_SECONDS, stop_after=1):
                self._heard()
