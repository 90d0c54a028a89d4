"""Keeps a few `cat-file --batch` of one repository between their uses: starting git takes many times what a read takes.

Used by the mirrors. A process ends if it failed, was used for long, or belongs to a mirror that was made anew. The
others end after some seconds without use, and at once when this process dies, because their input ends.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field

from service.adapters.git.driver import Git
from service.adapters.git.names import path_parts
from service.adapters.git.objects import ObjectMissingError, Objects, reading
from service.adapters.git.remote import Remote
from service.adapters.git.running import Talk
from service.core.words import Sha
from service.errors import PermanentError

IDLE_SECONDS = 5.0
MOST_IDLE = 4
MOST_USES = 200
"""After this many uses a reader is ended, to bound its memory as its processor time is bounded."""
AT_ONCE = 500
"""How many files are read in one use."""


@dataclass(slots=True)
class _Reader:
    talk: Talk
    made_for: object
    uses: int = 0
    idle_since: float = field(default=0.0)


class Readers:
    """The readers of one repository, for many threads."""

    def __init__(self, git: Git, identity: Callable[[], object]) -> None:
        """Take the repository and the function that identifies its present state; nothing is started yet."""
        self._git = git
        self._identity = identity
        self._idle: list[_Reader] = []
        self._lock = threading.Lock()
        self._sweeping = False

    @contextmanager
    def open(self, remote: Remote | None = None) -> Iterator[Objects]:
        """Open the repository for reading; with a `remote`, what a partial clone left out is fetched on the way."""
        if remote is not None:
            with reading(self._git, remote) as objects:
                yield objects
            return
        made_for = self._identity()
        reader = self._take(made_for) or _Reader(self._git.begin("cat-file", "--batch"), made_for)
        in_step = False
        try:
            with reader.talk.limited():
                yield Objects(reader.talk)
            in_step = True
        except ObjectMissingError:
            in_step = True
            raise
        finally:
            if in_step and reader.talk.alive:
                self._put(reader)
            else:
                reader.talk.end()

    def files(self, commit: Sha, paths: Collection[str], remote: Remote | None = None) -> dict[str, bytes]:
        """Read many files with few readers; one that is refused is left out, and its reader is ended."""
        found: dict[str, bytes] = {}
        trees: dict[str, bytes] = {}
        left = sorted(paths, reverse=True)
        while left:
            with suppress(PermanentError), self.open(remote) as objects:
                for _ in range(min(len(left), AT_ONCE)):
                    path = left.pop()
                    found[path] = objects.file(commit, path_parts(path), trees)
        return found

    def close(self) -> None:
        """End the readers that nobody uses now."""
        with self._lock:
            idle, self._idle = self._idle, []
        for reader in idle:
            reader.talk.end()

    def _take(self, made_for: object) -> _Reader | None:
        while True:
            with self._lock:
                reader = self._idle.pop() if self._idle else None
            if reader is None or (reader.made_for == made_for and reader.uses < MOST_USES and reader.talk.alive):
                return reader
            reader.talk.end()

    def _put(self, reader: _Reader) -> None:
        reader.uses += 1
        reader.idle_since = time.monotonic()
        with self._lock:
            self._idle.append(reader)
            surplus = self._idle.pop(0) if len(self._idle) > MOST_IDLE else None
            self._sweep_later()
        if surplus:
            surplus.talk.end()

    def _sweep_later(self) -> None:
        """Plan the next sweep, as long as any reader is idle. Called with the lock held."""
        if self._sweeping or not self._idle:
            return
        timer = threading.Timer(IDLE_SECONDS, self._sweep)
        timer.daemon = True
        with suppress(RuntimeError):  # no thread is free: then the next use tries again
            timer.start()
            self._sweeping = True

    def _sweep(self) -> None:
        oldest = time.monotonic() - IDLE_SECONDS
        with self._lock:
            done = [reader for reader in self._idle if reader.idle_since <= oldest]
            self._idle = [reader for reader in self._idle if reader.idle_since > oldest]
            self._sweeping = False
            self._sweep_later()
        for reader in done:
            reader.talk.end()
