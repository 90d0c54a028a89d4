"""What a forge knows about repositories and their commits."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.core.order import Relation
from service.core.words import Repository, Sha
from service.ports.credentials import Credentials


@dataclass(frozen=True, slots=True)
class ForgeCommit:
    """A commit as a forge lists it; `at` is its committer's date."""

    id: Sha
    parents: tuple[Sha, ...]
    message: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Between:
    """The commits that one commit has and another has not, oldest first; `total` also counts those left out."""

    commits: tuple[ForgeCommit, ...]
    total: int


class Commits(Protocol):
    """Repositories and commits of one forge, and how git reaches them."""

    def clone_url(self, repository: Repository) -> str:
        """Give the HTTPS address git fetches from; never with credentials in it."""
        ...

    def web_url(self, repository: Repository) -> str:
        """Give the address a person opens for the repository."""
        ...

    def git_credentials(self, repository: Repository, *, write: bool = False) -> Credentials | None:
        """Give a user and token for git, narrowed to the one repository where an App is used."""
        ...

    def forget_git_credentials(self, repository: Repository) -> None:
        """Make new credentials the next time, because the last ones are refused."""
        ...

    def default_branch(self, repository: Repository) -> str:
        """Give the name of the default branch."""
        ...

    def head(self, repository: Repository, branch: str) -> Sha | None:
        """Give the branch's newest commit, or None when there is no such branch."""
        ...

    def file_at(self, repository: Repository, path: str, commit: str) -> bytes | None:
        """Give a file's bytes at a commit or branch, or None when it is not there."""
        ...

    def object_ids(self, repository: Repository, commit: Sha, paths: Collection[str]) -> Mapping[str, str] | None:
        """Give git's ids of files and folders at a commit, `.` being the whole tree; a missing path is left out.

        None if the commit is not there, a folder is too large to be listed, or a path is or goes through a symbolic
        link or goes into a submodule, so that what counts lies elsewhere.
        """
        ...

    def changed_paths(self, repository: Repository, before: Sha, after: Sha) -> frozenset[str] | None:
        """Give the paths changed between two commits, renames by both names; None when unknown or truncated."""
        ...

    def relation(self, repository: Repository, base: Sha, head: Sha) -> Relation:
        """Tell how `head` stands to `base`; GONE when one of them is not there or they have nothing in common."""
        ...

    def commit_time(self, repository: Repository, commit: Sha) -> datetime | None:
        """Give the committer's date of a commit, or None when it is not there."""
        ...

    def between(self, repository: Repository, base: Sha, head: Sha) -> Between | None:
        """Give the commits that `head` has and `base` has not; None when they cannot be compared.

        If there are very many, some between the first and the last are left out.
        """
        ...
