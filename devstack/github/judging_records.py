"""What people and other Apps say of commits and pull requests on the GitHub double: check runs and reviews. Records."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

CheckStatus = Literal["queued", "in_progress", "completed"]
ReviewState = Literal["APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED"]


@dataclass(frozen=True, slots=True)
class CheckRun:
    """A check run of an App; of one suite and name the newest is listed, unless all are asked for."""

    id: int
    sha: str
    name: str
    app: str
    suite: int
    status: CheckStatus
    conclusion: str | None
    started_at: str | None
    completed_at: str | None


@dataclass(frozen=True, slots=True)
class Review:
    """A review of a pull request: it stays with the head that was reviewed."""

    id: int
    login: str
    state: ReviewState
    head_sha: str
    submitted_at: str

    def dismissed(self) -> Review:
        """Give it as it is once somebody has dismissed it: of the same head, at the same time."""
        return replace(self, state="DISMISSED")
