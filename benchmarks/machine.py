"""The machine in one line: without it no figure means anything. Read by the command and put on the page."""

from __future__ import annotations

import os
import platform
import subprocess
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """What ran the benchmarks, and how busy it was before and after."""

    processor: str
    cores: int
    gibibytes: float
    system: str
    python: str
    git: str
    date: str
    load_before: float
    load_after: float | None = None

    @classmethod
    def here(cls) -> Machine:
        """Look at this machine."""
        pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        version = subprocess.run(["git", "--version"], check=True, capture_output=True, text=True).stdout
        return cls(
            processor=_processor(),
            cores=len(os.sched_getaffinity(0)),
            gibibytes=pages / (1 << 30),
            system=f"{platform.system()} {platform.release()}",
            python=platform.python_version(),
            git=version.removeprefix("git version ").strip(),
            date=f"{datetime.now(UTC):%Y-%m-%d}",
            load_before=os.getloadavg()[0],
        )

    def ended(self) -> Machine:
        """Give the same machine with its present load at the end."""
        return replace(self, load_after=os.getloadavg()[0])

    @property
    def parts(self) -> str:
        """The machine's processor, memory and system."""
        return (
            f"{self.processor}, {self.cores} cores, {self.gibibytes:.0f} GiB; {self.system}; Python {self.python}, "
            f"git {self.git}"
        )

    @property
    def times(self) -> str:
        """The time, and how busy the machine was."""
        after = "" if self.load_after is None else f", {self.load_after:.1f} after"
        return f"{self.date}, load {self.load_before:.1f} before{after}"

    @property
    def line(self) -> str:
        """All of it in one line."""
        return f"{self.parts}; {self.times}"

    @property
    def busy(self) -> bool:
        """Whether the machine was busy before the measurement; later load may be our own."""
        return self.load_before > self.cores / 2


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            return value.strip()
    return platform.machine()
