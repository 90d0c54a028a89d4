"""The demo as a process without a terminal, and what runs because of it. Used by the tests of this folder."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tests.fixtures.processes import wait_until
from tests.fixtures.tools import ROOT

SECONDS = 240.0
"""How long a demo may take on a busy machine."""


class Playing:
    """A demo that runs, or has run, in a directory."""

    def __init__(self, directory: Path, *arguments: str, **environ: str) -> None:
        self.directory = directory
        descriptor, name = tempfile.mkstemp(dir=directory.parent, prefix="output-")
        self._output = Path(name)
        with os.fdopen(descriptor, "wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "devstack.demo", "--directory", str(directory), *arguments],
                cwd=ROOT,
                env={**os.environ, "KEEP": "", **environ},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            )

    @property
    def text(self) -> str:
        """The output so far."""
        return self._output.read_text(encoding="utf-8")

    def wait_for(self, words: str) -> str:
        """Wait until the words are in the output and return it; fail if the demo ends without them."""

        def said() -> bool:
            assert words in self.text or self.process.poll() is None, self.text
            return words in self.text

        wait_until(said, timeout=SECONDS)
        return self.text

    def find(self, pattern: str) -> list[str]:
        """Give what the pattern's group matches in the output."""
        return re.findall(pattern, self.text, flags=re.MULTILINE)

    def end(self) -> int:
        """Give the exit status once it has ended."""
        return self.process.wait(SECONDS)

    def processes(self) -> dict[int, str]:
        """Give the processes, except the demo itself, whose command line or environment names its directory."""
        found = {}
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == self.process.pid:
                continue
            with suppress(OSError):
                argv = (entry / "cmdline").read_bytes()
                if argv and bytes(self.directory) in argv + (entry / "environ").read_bytes():
                    found[int(entry.name)] = argv.replace(b"\0", b" ").decode(errors="replace")
        return found


@contextmanager
def playing(directory: Path, *arguments: str, **environ: str) -> Iterator[Playing]:
    """Run a demo for the length of the block; one that has not ended by then is killed."""
    one = Playing(directory, *arguments, **environ)
    try:
        yield one
    finally:
        if one.process.poll() is None:
            one.process.terminate()
            with suppress(subprocess.TimeoutExpired):
                one.process.wait(60)
            one.process.kill()
            one.process.wait()
