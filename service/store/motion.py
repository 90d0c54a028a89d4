"""Motion: whether anything was committed to a SQLite database since the last look. Asked many times a second.

Used by the worker's loops, which otherwise would read their tables only to find what they found before. SQLite tells
it without reading a table: https://www.sqlite.org/pragma.html#pragma_data_version
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress

from service.store.database import Store


class Motion:
    """The version of what is in the database; None where it cannot be told, as on PostgreSQL. Threads share it."""

    def __init__(self, store: Store) -> None:
        """Take the store; nothing is opened yet."""
        self._path = store.file
        self._lock = threading.Lock()
        self._connection: sqlite3.Connection | None = None
        self._boot = 0

    def version(self) -> tuple[int, int] | None:
        """Give a value that is another one after any commit of anybody."""
        if self._path is None:
            return None
        with self._lock:
            try:
                if self._connection is None:
                    uri = f"{self._path.absolute().as_uri()}?mode=ro"
                    self._connection = sqlite3.connect(uri, uri=True, check_same_thread=False)
                    self._boot += 1
                (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            except sqlite3.Error:
                self._forget()
                return None
        return self._boot, int(version)

    def close(self) -> None:
        """Close what was opened."""
        with self._lock:
            self._forget()

    def _forget(self) -> None:
        if self._connection is not None:
            with suppress(sqlite3.Error):
                self._connection.close()
            self._connection = None


class Stillness:
    """Tells one loop whether it may rest: nothing has moved since it worked last, and that is not long ago."""

    def __init__(self, motion: Motion, longest: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take how many seconds it may rest at most: time makes things due as well, and the file may be replaced."""
        self._motion = motion
        self._longest = longest
        self._clock = clock
        self._seen: tuple[int, int] | None = None
        self._until = 0.0

    def may_rest(self) -> bool:
        """Tell so; where not, the caller works now, on what is there from here on."""
        now, version = self._clock(), self._motion.version()
        if version is not None and version == self._seen and now < self._until:
            return True
        self._seen, self._until = version, now + self._longest
        return False

    def work(self) -> None:
        """Have the next answer be no."""
        self._seen = None
