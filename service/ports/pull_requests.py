"""Pull requests of one forge: those that we open, and those that commits came with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from service.core.words import Repository, Sha


class MergeState(StrEnum):
    """Whether the forge would merge a pull request now, by its own rules."""

    OPEN = "open"
    """Nothing is in the way, or only checks that nobody requires."""
    BLOCKED = "blocked"
    """Its rules ask for more: checks, reviews."""
    CONFLICT = "conflict"
    """It has to be brought onto its base first."""
    BEHIND = "behind"
    """Its base takes only what contains the base's newest commit."""
    UNKNOWN = "unknown"
    """It does not say, or not yet."""

    @classmethod
    def of(cls, word: str | None) -> MergeState:
        """Read GitHub's word: https://docs.github.com/en/graphql/reference/enums#mergestatestatus."""
        return _MERGE_STATES.get(word or "", cls.UNKNOWN)


_MERGE_STATES = {
    "clean": MergeState.OPEN,
    "has_hooks": MergeState.OPEN,
    "unstable": MergeState.OPEN,
    "blocked": MergeState.BLOCKED,
    "draft": MergeState.BLOCKED,
    "behind": MergeState.BEHIND,
    "dirty": MergeState.CONFLICT,
}


@dataclass(frozen=True, slots=True)
class PullRequestDraft:
    """What a promotion's pull request should be. `reviewers` are logins, or `team:SLUG`; `milestone` is a title.

    `draft`: it opens as a draft.
    """

    head: str
    base: str
    title: str
    body: str
    reviewers: tuple[str, ...] = ()
    labels: tuple[str, ...] = ()
    assignees: tuple[str, ...] = ()
    milestone: str = ""
    draft: bool = False


@dataclass(frozen=True, slots=True)
class Refused:
    """Something of a draft that the forge would not do: a label, reviewer, assignee, milestone or draft, and why."""

    kind: str
    name: str
    words: str


@dataclass(frozen=True, slots=True)
class PullRequest:
    """A pull request as the forge shows it now. `merge_commit` is set only when `merged`.

    `base_sha` is where the base was when the head was last pushed. `auto_merge` says that the forge merges it by itself
    once it can. `refused` is what of a draft the forge would not do, where it was just opened or updated.
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
    draft: bool = False
    auto_merge: bool = False
    merge_state: MergeState = field(default=MergeState.UNKNOWN, compare=False)
    refused: tuple[Refused, ...] = field(default=(), compare=False)


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
        """Open it with all that the draft says, or adopt the one that is already open for that head."""
        ...

    def update_pull_request(self, repository: Repository, number: int, draft: PullRequestDraft) -> PullRequest:
        """Bring title and body to what the draft says, and add what is missing of the rest."""
        ...

    def rewrite_pull_request(self, repository: Repository, number: int, body: str) -> None:
        """Give it another body, and change nothing else."""
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
