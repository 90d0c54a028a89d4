"""Statuses on commits, which people and branch protection read."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from service.core.words import Repository, Sha


class CommitState(StrEnum):
    """A commit status's state, in GitHub's words."""

    PENDING = "pending"
    SUCCESS = "success"
    FAILURE = "failure"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class CommitStatus:
    """One status on a commit; `description` is cut to the forge's 140 characters by the adapter."""

    context: str
    state: CommitState
    description: str
    url: str = ""


class Statuses(Protocol):
    """Puts statuses on commits of one forge."""

    def set_commit_status(self, repository: Repository, commit: Sha, status: CommitStatus) -> None:
        """Put a status on a commit; the newest of a context counts, so repeating is harmless."""
        ...
