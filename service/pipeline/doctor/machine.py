"""This machine: the disk of the state directory and the clock. Called by the examination."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

from service.core.doctor.finding import Finding, Verdict, good
from service.ports import Forge
from service.state_files import try_to_write

PART = "machine"
SCARCE, PLENTY = 300_000_000, 2_000_000_000
"""Bytes on the disk: a mirror needs up to the first by itself; below the second it is worth a warning."""
CLOCKS_AGREE = timedelta(seconds=30)
CLOCKS_DIFFER = timedelta(minutes=5)
"""GitHub refuses an App's token of a clock that is off by more than some minutes; we learn its clock then."""


def disk(directory: Path) -> Iterator[Finding]:
    """Look at the room in the state directory, and write there."""
    subject = f"disk of {directory}"
    try:
        free = shutil.disk_usage(directory).free
        try_to_write(directory)
    except OSError as error:
        words = f"nothing can be written: {error.strerror}"
        yield Finding(
            PART, subject, Verdict.FAULT, words, "set MERGEPORT_STATE_DIRECTORY to a directory of the service's user"
        )
        return
    words = f"{free / 1e9:.1f} GB are free"
    if free >= PLENTY:
        yield good(PART, subject, words)
    else:
        verdict = Verdict.FAULT if free < SCARCE else Verdict.WARNING
        hint = "make room: twice the size of a shallow clone of each manifest repository, and 300 MB"
        yield Finding(PART, subject, verdict, words, hint)


def clock(forge: Forge) -> Iterator[Finding]:
    """Compare the clock with the forge's."""
    ahead = forge.ahead()
    off = abs(ahead)
    words = f"{off.total_seconds():.0f} s {'behind' if ahead > timedelta() else 'ahead of'} GitHub's"
    if off <= CLOCKS_AGREE:
        yield good(PART, "clock", "in step with GitHub's")
    else:
        verdict = Verdict.FAULT if off > CLOCKS_DIFFER else Verdict.WARNING
        yield Finding(PART, "clock", verdict, words, "let NTP set it: freezes, deadlines and signatures go by it")
