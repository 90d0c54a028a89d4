"""The files of a SQLite database and their directory: their permissions, and whether they are still there.

SQLite keeps writing to a file that was deleted, and the data is lost when the last process closes it. So the store
checks here, before and after each transaction, that the file under the database's name is the one that it has open.
Called by the store, by readiness, and by the commands at their start.
"""

from __future__ import annotations

import os
import stat
import tempfile
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from service.errors import Fault

DIRECTORY_MODE, FILE_MODE = 0o700, 0o600
TRIED_BYTES = 1024 * 1024
"""How much must fit on the disk so that a delivery surely fits."""
_BESIDE = ("", "-wal", "-shm", "-journal")


class FileGone(Exception):  # noqa: N818 - the store makes an error of ours of it
    """The database's file was deleted or replaced."""


Number = tuple[int, int]
"""A file's device and number, which no other file has while it exists."""


class Identity:
    """Watches which file or directory has a name."""

    def __init__(self, path: Path) -> None:
        """Keep the path; nothing is read yet."""
        self.path = path
        self._name = str(path)
        self._lock = threading.Lock()
        self._known: Number | None = None

    def look(self, moved: Callable[[], None] = lambda: None) -> Number | None:
        """Give the device and number of what is there; if it differs from the last look, call `moved` first.

        None if there never was anything. Raises FileGone if the file has vanished.
        """
        with self._lock:
            try:
                found = os.stat(self._name)  # noqa: PTH116 - asked for twice a transaction, and a path is slow
            except OSError as error:
                if self._known is None:
                    return None
                raise FileGone(str(self.path)) from error
            number = found.st_dev, found.st_ino
            if self._known not in (None, number):
                moved()
            self._known = number
            return number


def try_to_write(directory: Path) -> None:
    """Use and free some room in a directory; raises OSError if there is not enough."""
    with tempfile.TemporaryFile(dir=directory, prefix=".mergeport-room-") as file:
        os.posix_fallocate(file.fileno(), 0, TRIED_BYTES)


@dataclass(frozen=True, slots=True)
class Place:
    """A directory for files of ours, and the setting that names it."""

    setting: str
    directory: Path


def prepare(places: Iterable[Place]) -> list[Fault]:
    """Make missing directories, readable by us alone, and try to write; give the faults."""
    faults = []
    for place in dict.fromkeys(places):
        try:
            place.directory.mkdir(mode=DIRECTORY_MODE, parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=place.directory, prefix=".mergeport-try-"):
                pass
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no path"
            hint = f"it must be a directory in which user {os.geteuid()} may write"
            faults.append(Fault(place.setting, f"names {place.directory}, which cannot be used: {why}", hint))
    return faults


def keep_private(directory: Path, databases: Iterable[Path]) -> bool:
    """Make the directory and the databases, old ones included, unreadable to everybody else.

    False if the directory stays open to others because another user owns it, such as the root of a volume.
    """
    with suppress(OSError):
        directory.chmod(DIRECTORY_MODE)
    for database in databases:
        for name in _BESIDE:
            with suppress(OSError):
                database.with_name(database.name + name).chmod(FILE_MODE)
    return not stat.S_IMODE(directory.stat().st_mode) & 0o077 if directory.is_dir() else True


def make_private(database: Path) -> None:
    """Make a database's file with our mode before SQLite makes it with the process's; its side files take the same."""
    os.close(os.open(database, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, FILE_MODE))
