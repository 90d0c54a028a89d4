"""Writes objects and refs into a bare repository as git does, a file each: starting git takes many times as long.

Used by `objects` and the mirrors. That git reads what is written here, and would have written the same, tests hold.
https://git-scm.com/docs/gitrepository-layout
"""

from __future__ import annotations

import os
import tempfile
import zlib
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from service.adapters.git.running import BrokenRepositoryError
from service.adapters.git.trees import Made


def write(repository: Path, objects: Iterable[Made]) -> None:
    """Write objects that are not there yet, each whole or not at all; BrokenRepositoryError where that fails."""
    try:
        for made in objects:
            _write(repository / "objects", made)
    except OSError as error:
        raise BrokenRepositoryError(f"an object cannot be written: {error.strerror}") from None


def _write(objects: Path, made: Made) -> None:
    sha = made.sha
    folder = objects / sha[:2]
    with suppress(FileNotFoundError):
        os.utime(folder / sha[2:])  # as git does, so that it is not removed as old
        return
    folder.mkdir(exist_ok=True)
    descriptor, name = tempfile.mkstemp(prefix="tmp_obj_", dir=folder)  # git removes leftovers with this prefix
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(zlib.compress(made.whole, 1))
            os.fchmod(descriptor, 0o444)
        Path(name).rename(folder / sha[2:])
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def write_ref(path: Path, commit: str) -> None:
    """Write a commit into a ref's file, under the lock that git itself takes; OSError if somebody else holds it."""
    path.parent.mkdir(exist_ok=True)
    lock = path.with_name(f"{path.name}.lock")
    descriptor = os.open(lock, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        with os.fdopen(descriptor, "w", encoding="ascii") as file:
            file.write(f"{commit}\n")
        lock.rename(path)
    except OSError:
        lock.unlink(missing_ok=True)
        raise
