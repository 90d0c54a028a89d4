"""The disk below the mirrors: how much a mirror may take, what killed gits left there, and what a full disk means.

Used by `mirror` and the manifest repositories. It removes only what can be fetched again, and asks nothing of a remote.
"""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from service.errors import MergeportError, PermanentError, RetryableError

STALE = 900.0
"""Seconds after which a temporary file or lock counts as left behind: three times the longest life of a git of ours."""
UNUSED = 30 * 24 * 3600.0
"""Seconds after which an unused mirror is removed, because its repository is no longer in the configuration."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_FULL_WORDS = tuple(os.strerror(number) for number in sorted(_FULL))
"""Only the C library's words in git's output tell why it could not write; its exit status is always the same."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a mirror may gather before it is made anew. A process checks this once in `every` fetches.

    Every write adds loose objects, and every fetch that brings something adds a pack. A repack would cost more than a
    shallow fetch. `extra` is bytes besides the largest pack, which is the repository itself.
    """

    loose: int = 10_000
    packs: int = 100
    extra: int = 256 * 1024 * 1024
    every: int = 50


def crowded(directory: Path, limits: Limits) -> bool:
    """Tell whether a mirror has gathered more than it may."""
    loose = [size for folder in _scan(directory / "objects") if len(folder.name) == 2 for size in _sizes(folder.path)]  # noqa: PLR2004 # the fan-out's names
    packs = list(_sizes(directory / "objects" / "pack"))
    kept = sum(1 for file in _scan(directory / "objects" / "pack") if file.name.endswith(".pack"))
    extra = sum(loose) + sum(packs) - max(packs, default=0)
    return len(loose) > limits.loose or kept > limits.packs or extra > limits.extra


def sweep(directory: Path, *, older: float = STALE) -> None:
    """Remove temporary files and locks that nobody has touched for `older` seconds."""
    ends = time.time() - older
    objects = directory / "objects"
    places = [(directory, "shallow_*"), (directory, "*.lock"), (directory / "refs" / "tips", "*.lock")]
    places += [(objects / "pack", "tmp_*"), *((Path(folder.path), "tmp_obj_*") for folder in _scan(objects))]
    for place, pattern in places:
        for file in place.glob(pattern):
            with suppress(OSError):
                if file.stat().st_mtime < ends:
                    file.unlink()


def sweep_fetched(directory: Path) -> None:
    """Remove what a failed or killed fetch has left, because its pack may be as large as the repository."""
    for place, pattern in ((directory / "objects" / "pack", "tmp_*"), (directory, "shallow_*")):
        for file in place.glob(pattern):
            with suppress(OSError):
                file.unlink()


def forget_unused(root: Path, *, older: float = UNUSED) -> None:
    """Remove the mirrors (OWNER/NAME.git) below a directory whose locks nobody has taken for `older` seconds."""
    ends = time.time() - older
    for lock in root.glob("*/*.git.lock"):
        with suppress(OSError), lock.open("a") as file:
            if lock.stat().st_mtime >= ends:
                continue
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mirror = lock.with_suffix("")
            if mirror.is_dir():
                _log.info("unused mirror removed", mirror=f"{mirror.parent.name}/{mirror.name}")
                shutil.rmtree(mirror, ignore_errors=True)


def full(directory: Path, said: str) -> RetryableError | None:
    """Give the error of a full disk if git's output shows one; None if something else is wrong."""
    return _no_space(directory) if any(word in said for word in _FULL_WORDS) else None


@contextmanager
def judging(directory: Path) -> Iterator[None]:
    """Turn system errors of our own writing below a directory into our errors."""
    try:
        yield
    except OSError as error:
        if error.errno in _FULL:
            raise _no_space(directory) from None
        raise unwritable(directory, error.strerror or type(error).__name__) from None


def unwritable(directory: Path, said: str) -> MergeportError:
    """Give the error of a mirror that cannot be made; RetryableError if only space is missing."""
    return full(directory, said) or PermanentError(
        f"The mirror {directory} cannot be made: {said}.",
        code="mirror-failed",
        hint="check the disk, and the owner of the state directory",
    )


def _no_space(directory: Path) -> RetryableError:
    free = "no"
    with suppress(OSError):
        free = str(shutil.disk_usage(_existing(directory)).free)
    return RetryableError(
        f"There is no space left on the disk for the mirror {directory.name}.",
        code="mirror-disk-full",
        hint=f"make room at {directory.parent}, where {free} bytes are free; then the run goes on by itself",
    )


def _existing(directory: Path) -> Path:
    return next((place for place in (directory, *directory.parents) if place.exists()), directory)


def _scan(directory: Path) -> list[os.DirEntry[str]]:
    with suppress(OSError), os.scandir(directory) as entries:
        return list(entries)
    return []


def _sizes(directory: Path | str) -> Iterator[int]:
    for entry in _scan(Path(directory)):
        with suppress(OSError):
            yield entry.stat().st_size
