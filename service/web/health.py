"""Readiness: whether this process can take deliveries and somebody works on them. Says what is missing.

Called by the private listener's `/readyz`. It tries what a delivery needs: a write that is on disk afterwards.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from service.errors import MergeportError
from service.state_files import FileGone, Identity, try_to_write
from service.store import Store, leases
from service.store.migrate import newest_revision, revision

_NAME = "readiness"


@dataclass(frozen=True, slots=True)
class Check:
    """One condition of readiness; `hint` is the next action if it does not hold."""

    name: str
    ok: bool
    message: str
    hint: str = ""


class Readiness:
    """The checks of one process. `state` is a directory that must not be replaced after the start."""

    def __init__(self, store: Store, now: Callable[[], datetime], state: Identity | None = None) -> None:
        """Look at the directory for the first time."""
        self._store = store
        self._now = now
        self._state = state
        self._state_was = state.look() if state else None

    def checks(self) -> list[Check]:
        """Check the store, its tables, a write, the state directory and the workers' leases."""
        found: list[Check] = []
        for check in (self._tables, self._write, self._state_directory, self._workers):
            try:
                found += check()
            except MergeportError as error:
                return [*found, Check("store", ok=False, message=error.message, hint=error.hint)]
            if not all(one.ok for one in found):
                return found
        return found

    def _tables(self) -> list[Check]:
        at, needed = revision(self._store), newest_revision()
        reachable = Check("store", ok=True, message="reachable")
        if at == needed:
            return [reachable, Check("tables", ok=True, message=f"at {at}")]
        told = f"tables are at {at or 'nothing'}, this version needs {needed}"
        return [reachable, Check("tables", ok=False, message=told, hint="run `mergeport migrate`")]

    def _write(self) -> list[Check]:
        try:
            if self._store.file:
                try_to_write(self._store.file.parent)
            with self._store.begin() as tx:
                leases.acquire(tx, _NAME, _NAME, now=self._now(), seconds=1)
        except OSError as error:
            told = f"nothing can be written beside the database: {error.strerror}"
            return [Check("write", ok=False, message=told, hint="make room on its disk, or make it writable")]
        except MergeportError as error:
            return [Check("write", ok=False, message=error.message, hint=error.hint)]
        return [Check("write", ok=True, message="a row was written")]

    def _state_directory(self) -> list[Check]:
        if self._state is None:
            return []
        try:
            same = self._state.look() == self._state_was or self._state_was is None
        except FileGone:
            same = False
        if same:
            return [Check("state", ok=True, message="the state directory is the same as at the start")]
        told = f"{self._state.path} was removed or replaced since the start"
        return [Check("state", ok=False, message=told, hint="restore the directory, then start Mergeport again")]

    def _workers(self) -> list[Check]:
        with self._store.read() as tx:
            workers = leases.holders(tx, "worker:", now=self._now())
        if workers:
            return [Check("worker", ok=True, message=f"{len(workers)} alive")]
        return [Check("worker", ok=False, message="no worker is alive", hint="start `mergeport worker`")]
