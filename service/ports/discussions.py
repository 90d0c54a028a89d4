"""What people who comment on pull requests of one forge may do, and which head they saw."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from service.core.words import Repository, Sha

if TYPE_CHECKING:
    from service.core.roles import Permission


class Discussions(Protocol):
    """Reads what is to be known of those who wrote a comment."""

    def permission_of(self, repository: Repository, login: str) -> Permission:
        """Give what a person may do in a repository, whoever grants it; NONE for a login that nobody has."""
        ...

    def head_at(self, repository: Repository, branch: str, at: datetime) -> Sha | None:
        """Give where a branch was right before that second, by the forge's clock; None if it does not tell."""
        ...
