"""A running git command: writes to it, reads its answers, ends it, and judges its end.

Used by the driver, which starts it, and by code that talks to one. Starts nothing itself.
"""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import IO, cast

from service.adapters.git.remote import Remote
from service.errors import RetryableError


class BrokenRepositoryError(Exception):
    """A local command failed or did not end, which cannot happen on a sound repository; `said` is git's output."""

    def __init__(self, said: str) -> None:
        super().__init__(said)
        self.said = said


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a git command ended. `said` is its standard error without any secret."""

    status: int
    output: bytes
    said: str

    @property
    def ok(self) -> bool:
        """Whether the exit status is 0."""
        return self.status == 0

    @property
    def text(self) -> str:
        """The output as text, without the last line end."""
        return self.output.decode("utf-8", "replace").rstrip("\n")


class Talk:
    """A running git command: write to it, read its answers, and call `finish` to get its outcome."""

    def __init__(
        self, process: subprocess.Popen[bytes], arguments: tuple[str, ...], remote: Remote | None, limit: float
    ) -> None:
        """Take over a started process."""
        self._process = process
        self._arguments = arguments
        self._remote = remote
        self._limit = limit
        self._ended = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def limited(self) -> Iterator[None]:
        """Kill the process with its group if the block takes longer than the talk's limit."""
        over = threading.Event()

        def give_up() -> None:
            with self._lock:
                if not over.is_set():
                    self._ended.set()
                    _kill(self._process)

        watchdog = threading.Timer(self._limit, give_up)
        watchdog.daemon = True
        watchdog.start()
        try:
            yield
        finally:
            watchdog.cancel()
            with self._lock:  # a timer that fires late must not end the next use
                over.set()

    @property
    def alive(self) -> bool:
        """Whether the command can be asked once more."""
        return not self._ended.is_set() and self._process.poll() is None

    def end(self) -> None:
        """End the process."""
        end_git(self._process)

    def say(self, data: bytes) -> None:
        """Write to its standard input; a dead process is noticed only when its answer is read."""
        stdin = cast("IO[bytes]", self._process.stdin)
        with suppress(BrokenPipeError):
            stdin.write(data)
            stdin.flush()

    def line(self) -> bytes:
        """Read one line without its end; empty when there is no more."""
        return self._checked(cast("IO[bytes]", self._process.stdout).readline()).removesuffix(b"\n")

    def take(self, size: int) -> bytes:
        """Read so many bytes, fewer only at the end."""
        return self._checked(cast("IO[bytes]", self._process.stdout).read(size))

    def finish(self) -> Outcome:
        """Close its input, drop the rest of its output, and give its outcome."""
        _, said = self._process.communicate()
        self._checked(b"")
        return Outcome(self._process.returncode, b"", clean(said, self._remote))

    def _checked(self, data: bytes) -> bytes:
        if self._ended.is_set():
            raise late(self._arguments, self._limit, self._remote)
        return data


def late(arguments: tuple[str, ...], limit: float, remote: Remote | None) -> Exception:
    """Make the error of a command that did not end in time: a remote may be slow, but a repository must be broken."""
    message = f"git {arguments[0]} did not end within {limit:g} s and was stopped"
    return RetryableError(f"{message}.", code="git-timeout") if remote else BrokenRepositoryError(message)


def clean(said: bytes, remote: Remote | None) -> str:
    """Give git's output, without any secret."""
    text = said.decode("utf-8", "replace").strip()
    return remote.redact(text) if remote else text


def _kill(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def end_git(process: subprocess.Popen[bytes]) -> None:
    """End the command with its whole group, if it has not ended, and close its pipes."""
    if process.poll() is None:
        _kill(process)
        process.wait()
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with suppress(BrokenPipeError):
                stream.close()
