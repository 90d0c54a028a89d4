"""The checks of a source commit: commit statuses and check runs under one form. Values; the checks gate reads them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class CheckState(StrEnum):
    """The state of a check. GitHub's `cancelled`, `timed_out`, `action_required`, `stale` and `error` are `failed`."""

    RUNNING = "running"
    PASSED = "passed"
    SKIPPED = "skipped"
    """Skipped or neutral: GitHub counts it as passed, and so do we."""
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Check:
    """One commit status or check run. `producer` tells whose it is: two apps may use one name, and both count."""

    name: str
    state: CheckState
    link: str = ""
    producer: str = ""
    at: datetime | None = None
    """When it was reported: of one producer and name only the newest counts."""
