"""Pull requests of one forge: those that we open, and those that commits came with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.core.words import Repository, Sha


@dataclass(frozen=True, slots=True)
class PullRequestDraft:
    """What a promotion's pull request should be. `reviewers` are logins, or `team:SLUG`."""

    head: str
    base: str
    title: str
    body: str
    reviewers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as the forge shows it now. `merge_commit` is set only when `merged`.

    `base_sha` is where the base was when the head was last pushed.
    """

    number: int
    url: str
    title: str
    body: str
    head: str
    head_sha: Sha
    base: str
    open: bool
    merged: bool
    merge_commit: Sha | None = None
    merged_by: str | None = None
    author: str | None = None
    labels: tuple[str, ...] = ()
    base_sha: Sha | None = None


@dataclass(frozen=True, slots=True)
class ClosedPullRequests:
    """Closed pull requests, merged or not, last updated first. All that were updated since `since` are in the list.

    `since` is None if the list is complete.
    """

    pull_requests: tuple[PullRequest, ...]
    since: datetime | None


class PullRequests(Protocol):
    """Finds, opens and reads pull requests; `identity` says as whom."""

    def pull_requests_of(self, repository: Repository, commit: Sha) -> Sequence[PullRequest]:
        """Give the pull requests that brought the commit."""
        ...

    def find_pull_request(self, repository: Repository, *, head: str, base: str) -> PullRequest | None:
        """Give the open pull request of a branch, or None."""
        ...

    def pull_requests_from(self, repository: Repository, *, head: str) -> Sequence[PullRequest]:
        """Give one page of the pull requests of a branch of the repository, open and closed, last updated first."""
        ...

    def open_pull_request(self, repository: Repository, draft: PullRequestDraft) -> PullRequest:
        """Open it with its reviewers and labels, or adopt the one that is already open for that head."""
        ...

    def update_pull_request(self, repository: Repository, number: int, draft: PullRequestDraft) -> PullRequest:
        """Bring title, body, reviewers and labels to what the draft says."""
        ...

    def close_pull_request(self, repository: Repository, number: int) -> None:
        """Close it unmerged; one that is closed or merged stays as it is."""
        ...

    def pull_request(self, repository: Repository, number: int) -> PullRequest:
        """Give a pull request as it is now."""
        ...

    def recent_pull_requests(self, repository: Repository, *, base: str) -> Sequence[PullRequest]:
        """Give one page of the pull requests to a branch, open and closed, last updated first: one look of a watch."""
        ...

    def closed_pull_requests(self, repository: Repository, *, page: int) -> ClosedPullRequests:
        """Give one page of the closed pull requests of a repository, whatever their base."""
        ...

    def commits_of_pull_request(self, repository: Repository, number: int) -> Sequence[Sha]:
        """Give the commits that a pull request has, or had when it was merged; of very many the first."""
        ...

    def paths_of_pull_request(self, repository: Repository, number: int) -> frozenset[str] | None:
        """Give the paths that a pull request changes, renames by both names; None if there are too many."""
        ...

    def identity(self) -> str:
        """Give the login that our token or App acts as, e.g. `mergeport[bot]`."""
        ...
