"""Reads a values file and puts a new one in its place. Called by the `values` commands only.

The new file takes the place of the old one in one step, with its mode and owner, or the old one stays as it
is. A symbolic link is never followed, and a file that somebody else changed meanwhile is not overwritten.
"""

from __future__ import annotations

import contextlib
import os
import stat
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from service.core.values import decode_values
from service.errors import ValuesEditError

_NEW = 0o666


@dataclass(frozen=True, slots=True)
class ValuesFile:
    """The text that was read, and the state of the file at that time.

    `state` is None for standard input, and for a file that is not there and will be made (`new`).
    """

    name: str
    text: str
    state: os.stat_result | None
    new: bool = False


def read_values_file(name: str, *, new: bool = False, missing: str = "check the path") -> ValuesFile:
    """Read a file, or standard input for `-`. With `new` the file may be missing; otherwise `missing` is the hint.

    Raises ValuesEditError for what is not a readable regular file.
    """
    if name == "-":
        return ValuesFile("", decode_values(sys.stdin.buffer.read(), file="<stdin>"), None)
    try:
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            state = os.fstat(descriptor)
            data = _read_all(descriptor) if stat.S_ISREG(state.st_mode) else None
        finally:
            os.close(descriptor)
    except FileNotFoundError as error:
        if new:
            return ValuesFile(name, "", None, new=True)
        raise ValuesEditError("There is no such file", code="values-file", hint=missing, file=name) from error
    except (OSError, ValueError) as error:
        raise _cannot("read", name, error) from None
    if data is None:
        raise ValuesEditError(
            "This is not a regular file",
            code="values-file",
            hint="name a values file",
            file=name,
        )
    return ValuesFile(name, decode_values(data, file=name), state)


def _read_all(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb", closefd=False) as stream:
        return stream.read()


def replace_values_file(values: ValuesFile, data: bytes) -> None:
    """Replace the file by the new content in one step, or make it with its folders.

    If that fails, it raises ValuesEditError and leaves the file as it was.
    """
    if values.state is None and not values.new:
        raise AssertionError("standard input has no file")
    path = Path(values.name)
    temporary = ""
    try:
        if values.new:
            path.parent.mkdir(parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
            stream.flush()
            if values.state is None:
                os.fchmod(descriptor, _NEW & ~_umask())
            else:
                _keep_owner(descriptor, values.state)
                os.fchmod(descriptor, stat.S_IMODE(values.state.st_mode))
            os.fsync(descriptor)
        if values.new:
            _link(Path(temporary), path)
        else:
            _refuse_changed(values)
            Path(temporary).replace(path)
            temporary = ""
        _sync_directory(path.parent)
    except OSError as error:
        raise _cannot("write", values.name, error) from None
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                Path(temporary).unlink()


def _keep_owner(descriptor: int, state: os.stat_result) -> None:
    now = os.fstat(descriptor)
    if (now.st_uid, now.st_gid) != (state.st_uid, state.st_gid):
        os.fchown(descriptor, state.st_uid, state.st_gid)


def _umask() -> int:
    """Give the process's umask, which can only be read by setting it."""
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _link(temporary: Path, path: Path) -> None:
    """Give the new file its name, unless somebody has made one meanwhile."""
    try:
        path.hardlink_to(temporary)
    except FileExistsError:
        raise _changed(str(path)) from None


def _refuse_changed(values: ValuesFile) -> None:
    now, then = os.lstat(values.name), values.state
    if then is None or (now.st_dev, now.st_ino, now.st_mtime_ns, now.st_size) != (
        then.st_dev,
        then.st_ino,
        then.st_mtime_ns,
        then.st_size,
    ):
        raise _changed(values.name)


def _changed(name: str) -> ValuesEditError:
    return ValuesEditError(
        "The file was changed by someone else meanwhile",
        code="values-file-changed",
        hint="run the command again",
        file=name,
    )


def _sync_directory(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _cannot(what: str, name: str, error: OSError | ValueError) -> ValuesEditError:
    if isinstance(error, OSError) and Path(name).is_symlink():
        return ValuesEditError(
            "This is a symbolic link",
            code="values-symlink",
            hint=f"name the file itself: {os.path.realpath(name)}",
            file=name,
        )
    return ValuesEditError(
        f"Cannot {what} the file: {getattr(error, 'strerror', None) or error}",
        code="values-file",
        hint="check the path and its permissions",
        file=name,
    )
