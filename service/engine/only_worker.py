"""The lock by which a SQLite database has one worker. Called when a worker starts.

PostgreSQL has as many workers as you like.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.errors import PermanentError
from service.store import Store


@contextmanager
def only_worker(store: Store, state_directory: Path) -> Iterator[None]:
    """Hold the file lock that makes this the one worker on SQLite; PermanentError if another one has it."""
    if not store.sqlite:
        yield
        return
    state_directory.mkdir(parents=True, exist_ok=True)
    path = state_directory / "worker.lock"
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            raise PermanentError(
                f"another worker holds {path}",
                code="worker-running",
                hint="SQLite has one worker; stop the other, or use PostgreSQL for several",
            ) from error
        yield
