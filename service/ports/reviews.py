"""Reviews of pull requests, and the teams of the people who give them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from service.core.words import Repository, Sha

if TYPE_CHECKING:
    from service.core.gates.reviews import Review


class PullRequestReviews(Protocol):
    """Reads who said what of pull requests of one forge, and who is in a team."""

    def reviews_of(self, repository: Repository, number: int) -> Sequence[Review]:
        """Give all reviews of a pull request that say something, oldest first, each with the head that was reviewed.

        The teams of their people are not read. PermanentError `github-list-too-long` if there are more reviews
        than are read.
        """
        ...

    def authors_of(self, repository: Repository, number: int) -> frozenset[str]:
        """Give the logins of a pull request's author, and of those whose commits it has; of very many the first."""
        ...

    def authors_of_commit(self, repository: Repository, commit: Sha) -> frozenset[str]:
        """Give the logins of a commit's author and committer, where the forge knows them."""
        ...

    def members_of(self, repository: Repository, team: str, organization: str = "") -> frozenset[str]:
        """Give the logins, in small letters, of a team and its child teams; of the repository's owner by default."""
        ...
