"""What brings pull requests of ours home on one forge, and what is said on them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from service.core.words import MergeMethod, Repository, Sha


class PullRequestLanding(Protocol):
    """Merges, or has merged, one head of a pull request. Whether it was merged is read from the pull request itself."""

    def mark_ready(self, repository: Repository, number: int) -> None:
        """Make a draft a pull request that asks for reviews; one that is none stays as it is."""
        ...

    def enable_auto_merge(self, repository: Repository, number: int, *, head: Sha, method: MergeMethod) -> None:
        """Have the forge merge this head once nothing of its own is in the way; PermanentError where it does not."""
        ...

    def disable_auto_merge(self, repository: Repository, number: int) -> None:
        """Take that back."""
        ...

    def enqueue_pull_request(self, repository: Repository, number: int, *, head: Sha) -> None:
        """Put this head into the merge queue of the base."""
        ...

    def dequeue_pull_request(self, repository: Repository, number: int) -> None:
        """Take it out of that queue again; PermanentError where it is in none."""
        ...

    def is_queued(self, repository: Repository, number: int) -> bool:
        """Tell whether it is in the merge queue of its base, whoever put it there."""
        ...

    def requires_reviews(self, repository: Repository, number: int) -> bool:
        """Tell whether the forge merges it only with approving reviews."""
        ...

    def merge_pull_request(self, repository: Repository, number: int, *, head: Sha, method: MergeMethod) -> None:
        """Merge this head and no other."""
        ...

    def relabel(self, repository: Repository, number: int, *, add: Collection[str], remove: Collection[str]) -> None:
        """Add labels, and take others away; one that is not there is no error."""
        ...

    def tell(self, repository: Repository, number: int, body: str, *, mark: str, comment: int | None = None) -> int:
        """Write our one comment that contains this mark, or rewrite it; give its id."""
        ...
