"""Reads the output of `git http-backend` piece by piece: the head of its answer, the rest, the refs that a push moved.

Used only by the git server.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

CHUNK = 1 << 16


@dataclass(frozen=True, slots=True)
class RefUpdate:
    """One ref that a push moved; zeros where there was or is nothing."""

    ref: str
    old: str
    new: str


class Stream:
    """The rest of a backend's output, piece by piece; it ends the process when the client leaves."""

    def __init__(self, process: subprocess.Popen[bytes], output: IO[bytes], body: IO[bytes]) -> None:
        self._process, self._output, self._body = process, output, body

    def __iter__(self) -> Iterator[bytes]:
        while chunk := self._output.read1(CHUNK):  # type: ignore[attr-defined] # a pipe is a BufferedReader
            yield chunk

    def close(self) -> None:
        """End the process when nobody reads any more."""
        self._output.close()
        if self._process.poll() is None:
            try:
                self._process.wait(timeout=1)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        self._body.close()


def read_head(output: IO[bytes]) -> tuple[str, list[tuple[str, str]]]:
    """Read the status line and the headers."""
    status, headers = "200 OK", []
    while line := output.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        if name.lower() == "status":
            status = value.strip()
        else:
            headers.append((name, value.strip()))
    return status, headers


def updates_of(text: str) -> list[RefUpdate]:
    """Read what the post-receive hook was told."""
    found = []
    for line in text.splitlines():
        old, new, ref = line.split(" ", 2)
        found.append(RefUpdate(ref, old, new))
    return found
