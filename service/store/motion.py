"""Motion: whether anything was committed to the database since the last look. Asked many times a second.

Used by the worker's loops, which otherwise would read their tables only to find what they found before. Both databases
tell it without reading a table. SQLite counts the commits of others:
https://www.sqlite.org/pragma.html#pragma_data_version. PostgreSQL tells which transactions a query would see: while
that is the same, it would see the same rows: https://www.postgresql.org/docs/current/functions-info.html
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import sqlalchemy as sa

from service.store.database import Store

FRESH_SECONDS = 0.1
"""How long an answer of PostgreSQL is reused. A commit in between shows at the next look."""

AWAY_SECONDS = 1.0
"""How long a server that was away is not asked again; otherwise every loop would wait for it in turn."""

Version = tuple[int, int | str]


class Motion:
    """The version of what is in the database; None where it cannot be told. Threads share it."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the store; nothing is opened yet."""
        self._source = _OfFile(store.file) if store.file is not None else _OfServer(store, clock)
        self._lock = threading.Lock()

    def version(self) -> Version | None:
        """Give a value that changes with every commit of any process."""
        with self._lock:
            return self._source.version()

    def close(self) -> None:
        """Close what was opened."""
        with self._lock:
            self._source.forget()


class _OfFile:
    """The number of commits to a SQLite file, read on a connection of its own."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._connection: sqlite3.Connection | None = None
        self._boot = 0

    def version(self) -> Version | None:
        try:
            if self._connection is None:
                uri = f"{self._path.absolute().as_uri()}?mode=ro"
                self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
                self._boot += 1
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
        except sqlite3.Error:
            self.forget()
            return None
        return self._boot, int(version)

    def forget(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


class _OfServer:
    """The snapshot that a query on PostgreSQL would read; it changes when a writing transaction begins or ends."""

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._store = store
        self._clock = clock
        self._connection: sa.Connection | None = None
        self._known: Version | None = None
        self._until = 0.0

    def version(self) -> Version | None:
        now = self._clock()
        if now < self._until:
            return self._known
        try:
            if self._connection is None:
                self._connection = self._store.apart().connect()
            told = self._connection.exec_driver_sql("SELECT CAST(pg_current_snapshot() AS text)").scalar_one()
        except sa.exc.SQLAlchemyError:
            self.forget()
            self._until = self._clock() + AWAY_SECONDS
            return None
        self._known, self._until = (0, str(told)), now + FRESH_SECONDS
        return self._known

    def forget(self) -> None:
        self._known = None
        if self._connection is not None:
            with suppress(sa.exc.SQLAlchemyError):
                self._connection.close()
            self._connection = None


class Stillness:
    """Tells one loop whether it may rest: nothing was committed since it last worked, and that was not long ago."""

    def __init__(self, motion: Motion, longest: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the longest rest in seconds, bounded because time makes things due, and the file may be replaced."""
        self._motion = motion
        self._longest = longest
        self._clock = clock
        self._seen: Version | None = None
        self._until = 0.0

    def may_rest(self) -> bool:
        """Tell whether the loop may rest.

        If not, the caller works now, and the next answers compare with this moment.
        """
        now, version = self._clock(), self._motion.version()
        if version is not None and version == self._seen and now < self._until:
            return True
        self._seen, self._until = version, now + self._longest
        return False

    def work(self) -> None:
        """Make the next answer no."""
        self._seen = None
