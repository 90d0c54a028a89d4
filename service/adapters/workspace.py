"""The folders for builds: private, removed after the build, and swept up after a process that died.

Builders use it. A process locks its folder while it lives, so that a sweep by any process on the machine removes only
unused folders. It resolves users' paths and refuses those that lead outside.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from service.adapters.child_process import end_orphan
from service.errors import PermanentError

_PREFIX = "build-"


class Workspaces:
    """Makes build folders inside one folder, which several processes may share."""

    def __init__(self, parent: Path) -> None:
        """Take the folder; it is made when it is first needed."""
        self._parent = parent

    @contextmanager
    def new(self) -> Iterator[Path]:
        """Give an empty folder that only we can read, for the length of the block; first remove old ones."""
        self._parent.mkdir(parents=True, exist_ok=True)
        with _locked(self._parent):
            self._sweep()
            folder = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=self._parent))
            lock = os.open(folder, os.O_RDONLY)
            fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)
            os.close(lock)

    def _sweep(self) -> None:
        """Remove the folders whose process has died, and end what still runs there; called under the parent's lock."""
        for folder in self._parent.glob(f"{_PREFIX}*"):
            try:
                lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
            except OSError:
                continue  # it has just ended, or is not ours
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                end_orphan(folder)
                shutil.rmtree(folder, ignore_errors=True)
            except BlockingIOError:
                continue
            finally:
                os.close(lock)


def resolve_inside(root: Path, *parts: str) -> Path:
    """Resolve a path that a user gave; its end must be inside the root, and a symbolic link may not lead out.

    Raises PermanentError `build-context` if it leads out or to nothing.
    """
    home = root.resolve()
    asked = "/".join(parts)
    try:
        found = home.joinpath(*parts).resolve(strict=True)
    except (OSError, RuntimeError, ValueError) as error:
        raise PermanentError(
            f"There is no {asked} in the source at this commit.",
            code="build-context",
            hint="check `context` and `dockerfile` of the build; `dockerfile` is relative to `context`",
        ) from error
    if not found.is_relative_to(home):
        raise PermanentError(
            f"{asked} leads out of the source repository.",
            code="build-context",
            hint="`context` and `dockerfile` must be inside the repository, symbolic links included",
        )
    return found


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    lock = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
