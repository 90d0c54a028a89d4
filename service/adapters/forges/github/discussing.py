"""What is to be known on GitHub of those who comment on pull requests. Called by the forge."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from pydantic import BaseModel

from service.adapters.github_api.connection import Connection
from service.adapters.github_api.failures import NotFoundAnswerError
from service.core.roles import Permission
from service.core.words import Repository, Sha

MOVES = 100
_GRANTED = (
    ("admin", Permission.ADMIN),
    ("maintain", Permission.MAINTAIN),
    ("push", Permission.WRITE),
    ("triage", Permission.TRIAGE),
    ("pull", Permission.READ),
)
_BASES = {"admin": Permission.ADMIN, "write": Permission.WRITE, "read": Permission.READ}
_NOWHERE = "0" * 40
_Answer = TypeVar("_Answer")


class _Person(BaseModel):
    permissions: dict[str, bool] | None = None


class _Granted(BaseModel):
    """`permission` is one of the old base roles; what `user` may do is told finer, also for custom roles."""

    permission: str
    user: _Person | None = None

    def ours(self) -> Permission:
        granted = self.user.permissions if self.user is not None else None
        if granted is None:
            return _BASES.get(self.permission, Permission.NONE)
        return next((permission for name, permission in _GRANTED if granted.get(name)), Permission.NONE)


class _Move(BaseModel):
    after: str
    timestamp: datetime


class Discussing(ABC):
    """The part of the forge that talks with people."""

    _connection: Connection

    @abstractmethod
    def default_branch(self, repository: Repository) -> str:
        """Give the name of the default branch."""

    def permission_of(self, repository: Repository, login: str) -> Permission:
        """Give what a person may do in a repository, from teams and the organization too.

        Raises what reading the repository raises if we do not see it, because then nobody knows.
        https://docs.github.com/en/rest/collaborators/collaborators#get-repository-permissions-for-a-user
        """
        granted = _looked_twice(
            lambda: self._connection.get(
                _Granted,
                f"/repos/{repository}/collaborators/{login}/permission",
                doing=f"read what {login} may do",
                repository=repository,
                permission="metadata: read",
            )
        )
        if granted is None:
            self.default_branch(repository)
            return Permission.NONE
        return granted.ours()

    def head_at(self, repository: Repository, branch: str, at: datetime) -> Sha | None:
        """Give where a branch was right before that second: times are whole seconds, so one that is equal may be later.

        https://docs.github.com/en/rest/repos/repos#list-repository-activities
        """
        moves = _looked_twice(
            lambda: self._connection.get(
                list[_Move],
                f"/repos/{repository}/activity",
                parameters={"ref": f"refs/heads/{branch}", "per_page": MOVES, "direction": "desc"},
                doing=f"read what moved `{branch}`",
                repository=repository,
                permission="contents: read",
            )
        )
        second = at.replace(microsecond=0)
        found = next((one.after for one in moves or () if one.timestamp < second), _NOWHERE)
        return None if found == _NOWHERE else Sha(found)


def _looked_twice(ask: Callable[[], _Answer]) -> _Answer | None:
    """Give an answer, or None if GitHub says twice that it is not there: once may be a replica that lags."""
    for last in (False, True):
        try:
            return ask()
        except NotFoundAnswerError:
            if last:
                break
    return None
