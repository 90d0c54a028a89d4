"""Turns at the one write lock of a SQLite file: for the threads of a process, and for processes in order of coming.

Used by the store around every writing transaction. SQLite itself lets a writer that finds the lock taken sleep, up to
0.1 s at a time, and gives it no place in a line: a busy worker would keep an accept waiting for seconds. It only
orders; what keeps two writers apart is still SQLite's lock, also for programs that know nothing of this.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOOK_SECONDS = 0.0005
"""How often the next in line looks whether the turn is free."""


class NoTurn(Exception):  # noqa: N818 - the store makes an error of ours of it
    """The turn did not come in time, or its files cannot be opened."""


class Turns:
    """The line at one database file, kept by locks on two empty files beside it that the kernel frees at any death.

    A process that waits holds `-next`, so it gets the turn (`-turn`) after the process that has it now. When that
    process comes back for another turn, it finds `-next` taken and has to wait.
    """

    def __init__(self, database: Path) -> None:
        """Take the database's file; nothing is opened yet, so that a process may still fork."""
        self._paths = [database.with_name(f"{database.name}-{name}") for name in ("next", "turn")]
        self._files: list[int] = []
        self._thread = threading.Lock()

    @contextmanager
    def take(self, seconds: float) -> Iterator[None]:
        """Have the turn for the block; NoTurn when it does not come within so many seconds."""
        deadline = time.monotonic() + seconds
        if not self._thread.acquire(timeout=seconds):
            raise NoTurn("another thread keeps the turn")
        try:
            turn = self._come_up(deadline)
            try:
                yield
            finally:
                fcntl.flock(turn, fcntl.LOCK_UN)
        finally:
            self._thread.release()

    def close(self) -> None:
        """Close the files."""
        with self._thread:
            for file in self._files:
                os.close(file)
            self._files.clear()

    def _come_up(self, deadline: float) -> int:
        """Stand in line among processes and give the locked file of the turn."""
        try:
            place, turn = self._opened()
            _lock(place, deadline)
            try:
                _lock(turn, deadline)
            finally:
                fcntl.flock(place, fcntl.LOCK_UN)
        except OSError as error:
            raise NoTurn("its files cannot be locked") from error
        return turn

    def _opened(self) -> tuple[int, int]:
        """Open the files once. Reading is enough for a lock, so that the command of another user may have made them."""
        if not self._files:
            self._files.extend(os.open(path, os.O_RDONLY | os.O_CREAT | os.O_CLOEXEC, 0o644) for path in self._paths)
        place, turn = self._files
        return place, turn


def _lock(file: int, deadline: float) -> None:
    """Lock a file, looking again and again: a lock that blocks in the kernel could not be given up in time."""
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() > deadline:
                raise NoTurn("another process keeps the turn") from None
            time.sleep(LOOK_SECONDS)
        else:
            return
