"""The devstack's git server in a process of its own, so that it and what is measured do not share an interpreter.

Started by the benchmarks as `python -m benchmarks.served DIRECTORY DELAY…`; prints its addresses,
ends with its input.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.latency import LongLine
from devstack.bare import BareRepository
from devstack.git_http import GitAccess, GitServer

TOKEN = "benchmark-token"  # noqa: S105 - of a server that lives for a minute on loopback
OWNER = "bench"


@dataclass(frozen=True, slots=True)
class Served:
    """A running git server: repositories below `directory`, reached at `lines[delay]`; delay 0 is direct."""

    directory: Path
    lines: dict[float, str]

    def url(self, name: str, delay: float = 0.0) -> str:
        """Give a repository's address over a line with this delay."""
        return f"{self.lines[delay]}/{OWNER}/{name}.git"

    def repository(self, name: str) -> BareRepository:
        """Give the repository itself, as somebody on the server sees it."""
        return BareRepository(self.directory / OWNER / f"{name}.git")

    def put(self, template: BareRepository, name: str) -> BareRepository:
        """Serve a copy of a repository under a name; it replaces an earlier one."""
        place = self.directory / OWNER / f"{name}.git"
        if place.exists():
            shutil.rmtree(place)
        shutil.copytree(template.path, place)
        return BareRepository(place)


@contextmanager
def git_server(directory: Path, delays: Sequence[float] = ()) -> Iterator[Served]:
    """Run a git server over a directory, with a long line for each delay; it ends with the block."""
    directory.mkdir(parents=True, exist_ok=True)
    argv = [sys.executable, "-m", "benchmarks.served", str(directory), *map(str, delays)]
    process = subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        addresses = json.loads(process.stdout.readline())
        yield Served(directory, dict(zip((0.0, *delays), addresses, strict=True)))
    finally:
        process.communicate("")


def main(directory: str, *delays: str) -> None:
    """Serve until standard input ends."""
    server = GitServer(Path(directory))
    server.tokens[TOKEN] = GitAccess("benchmark")
    host, _, port = server.url.removeprefix("http://").partition(":")
    lines = [LongLine((host, int(port)), float(delay)) for delay in delays]
    print(json.dumps([server.url, *(line.url for line in lines)]), flush=True)
    sys.stdin.read()
    server.stop()


if __name__ == "__main__":
    main(*sys.argv[1:])
