"""Motion: whether anything was committed to the database since the last look. One thread asks for all loops.

Used by the worker's loops, which otherwise would read their tables only to find what they found before. While nothing
moves they sleep, and the thread wakes those for which there is something in the tables (service.store.topics). Both
databases tell the version without reading a table. SQLite counts the commits of others:
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
from service.store.topics import QUESTION, Answers, Topic, answers_of

FILE_SECONDS = 0.05
"""How often a SQLite file is looked at."""

FRESH_SECONDS = 0.2
"""How long an answer of PostgreSQL is reused, and so how often it is asked. A commit in between shows at the next."""

AWAY_SECONDS = 1.0
"""How long a server that was away is not asked again; otherwise every loop would wait for it in turn."""

CLOSE_SECONDS = 1.0

_SNAPSHOT = QUESTION.replace("SELECT", "SELECT CAST(pg_current_snapshot() AS text),", 1)
"""The version and all answers, as of one moment."""

Version = tuple[int, int | str]
Seconds = float | Callable[[], float]


class Motion:
    """The version of what is in the database; None where it cannot be told. Threads share it."""

    def __init__(self, store: Store, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Take the store; nothing is opened yet."""
        self._source = _OfFile(store.file) if store.file is not None else _OfServer(store, clock)
        self._lock = threading.Lock()
        self._resting: dict[threading.Event, tuple[Version | None, Topic | None]] = {}
        self._answers: tuple[Version, Answers] | None = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="motion", daemon=True)

    def start(self) -> None:
        """Begin to wake those who rest."""
        self._thread.start()

    def version(self) -> Version | None:
        """Give a value that changes with every commit of any process."""
        with self._lock:
            return self._source.version()

    def stirs(self, topic: Topic) -> bool:
        """Tell whether there is anything of this kind in the tables; yes, where it cannot be told."""
        with self._lock:
            version = self._source.version()
            return version is None or self._stirs_at(version, topic)

    def rest(self, seen: Version | None, woken: threading.Event, seconds: float, *, topic: Topic | None = None) -> None:
        """Rest until something is committed that this version has not, until woken, or so many seconds.

        With a topic, a commit ends the rest only if there is anything of that kind then. Whatever ends the rest but its
        time sets the event. Nobody rests for long on a version that is not known.
        """
        with self._lock:
            self._resting[woken] = (seen, topic)
        woken.wait(seconds)
        with self._lock:
            self._resting.pop(woken, None)

    def close(self) -> None:
        """Wake nobody any more, and close what was opened."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_SECONDS)
        with self._lock:
            self._source.forget()

    def _watch(self) -> None:
        pause = 0.0
        while not self._stop.wait(pause):
            pause = self._wake_moved()

    def _wake_moved(self) -> float:
        """Wake whom something concerns that this version has not; give the seconds until the next look."""
        with self._lock:
            version = self._source.version()
            for woken, (seen, topic) in list(self._resting.items()):
                if version is not None and seen == version:
                    continue
                if version is None or seen is None or topic is None or self._stirs_at(version, topic):
                    del self._resting[woken]
                    woken.set()
                else:
                    self._resting[woken] = (version, topic)
            return self._source.pause()

    def _stirs_at(self, version: Version, topic: Topic) -> bool:
        """Answer from one read for all topics at a version; what is read may be newer than the version, never older."""
        if self._answers is None or self._answers[0] != version:
            self._answers = (version, self._source.answers())
        return self._answers[1].get(topic, True)


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

    def answers(self) -> Answers:
        try:
            return {} if self._connection is None else answers_of(self._connection.execute(QUESTION).fetchone())
        except sqlite3.Error:
            return {}  # the next look at the version tells whether the file is away

    def pause(self) -> float:
        return FILE_SECONDS

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
        self._answers: Answers = {}
        self._until = 0.0

    def version(self) -> Version | None:
        now = self._clock()
        if now < self._until:
            return self._known
        try:
            if self._connection is None:
                self._connection = self._store.apart().connect()
            told, *answers = self._connection.exec_driver_sql(_SNAPSHOT).one()
        except sa.exc.SQLAlchemyError:
            self.forget()
            self._until = self._clock() + AWAY_SECONDS
            return None
        self._known, self._until, self._answers = (0, str(told)), now + FRESH_SECONDS, answers_of(answers)
        return self._known

    def answers(self) -> Answers:
        return self._answers

    def pause(self) -> float:
        return max(0.01, self._until - self._clock())

    def forget(self) -> None:
        self._known = None
        if self._connection is not None:
            with suppress(sa.exc.SQLAlchemyError):
                self._connection.close()
            self._connection = None


class Stillness:
    """Tells one loop whether it may rest: nothing was committed since it last worked, and that was not long ago."""

    def __init__(
        self,
        motion: Motion,
        longest: Seconds,
        *,
        topic: Topic | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Take the longest rest in seconds, bounded because time makes things due, and the file may be replaced.

        As a function it is asked after each work. With a topic, only what concerns it ends a rest before its time.
        """
        self._motion = motion
        self._topic = topic
        self.longest = longest if callable(longest) else lambda: longest
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
        self._seen, self._until = version, now + self.longest()
        return False

    def begin(self) -> None:
        """Remember this moment: the caller works now, and rests on it afterwards."""
        self._seen = self._motion.version()

    def rest(self, woken: threading.Event, seconds: float) -> None:
        """Rest until something has moved since the work began, until woken, or so many seconds."""
        self._motion.rest(self._seen, woken, max(0.0, seconds), topic=self._topic)

    def work(self) -> None:
        """Make the next answer no, and the next rest short."""
        self._seen = None
