"""Manifest repositories: read at a commit, make commits, push by compare-and-swap."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.core.words import Actor, Repository, Sha


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit of a manifest repository as it is written; `at` is the committer's date."""

    id: Sha
    tree: str
    parents: tuple[Sha, ...]
    author: Actor
    committer: Actor
    at: datetime
    message: str


@dataclass(frozen=True, slots=True)
class FileChange:
    """One file that a commit of the branch changed: its content's ids before and after, empty where it was not there.

    `cut_off`: the commit is the oldest that was brought, so what it has may be older.
    """

    commit: Sha
    at: datetime
    parents: tuple[Sha, ...]
    path: str
    before: str
    after: str
    cut_off: bool = False


class Manifests(Protocol):
    """One manifest repository: read at a commit, make commits, push by compare-and-swap.

    Nothing here has a work tree. Only a mirror is kept between calls, and it may be thrown away at any time.
    """

    def fetch(self, branch: str) -> Sha | None:
        """Bring the branch's newest commit here and give it; None when there is no such branch."""
        ...

    def fetch_all(self, branches: Sequence[str]) -> tuple[Sha | None, ...]:
        """Bring the newest commits of several branches and give them as `fetch` does; the remote is asked once."""
        ...

    def last_tip(self, branch: str) -> Sha | None:
        """Give the branch's commit as it was last fetched or pushed, without the network; None if it never was."""
        ...

    def read(self, commit: Sha, path: str) -> bytes:
        """Give a file's bytes; PermanentError `values-file-missing`, `-clash`, `-symlink`, `-forbidden`."""
        ...

    def read_all(self, commit: Sha, paths: Collection[str]) -> dict[str, bytes]:
        """Give many files at once; one for which `read` raises PermanentError is left out."""
        ...

    def folder(self, commit: Sha, path: str) -> dict[str, bytes]:
        """Give all files below a folder (empty: the root) by their path in it; PermanentError `folder-not-read`.

        There is none, it is too large, or something in it is neither a file nor a folder.
        """
        ...

    def commit(
        self,
        parent: Sha | None,
        files: Mapping[str, bytes],
        message: str,
        *,
        author: Actor,
        committer: Actor,
        at: datetime,
    ) -> Sha:
        """Make a commit object of the parent with these files replaced; the same arguments give the same commit.

        Without a parent it has only these files.
        """
        ...

    def push(self, branch: str, commit: Sha, *, expected: Sha | None) -> bool:
        """Move the branch to the commit if it is still at `expected` (None: absent); False if the push is refused."""
        ...

    def ancestors(self, tip: Sha, among: Collection[Sha]) -> frozenset[Sha]:
        """Tell which of these commits are the tip or behind it, deepening the mirror until that is certain."""
        ...

    def changed(self, before: Sha, after: Sha) -> frozenset[str]:
        """Give the paths in which two commits differ, without bringing any file."""
        ...

    def diff(self, commit: Sha) -> str:
        """Give the unified diff of a commit against its first parent."""
        ...

    def describe(self, commit: Sha) -> Commit:
        """Give a commit's people, date, parents and message."""
        ...

    def history(self, tip: Sha, *, most: int, deepen: bool = False) -> Sequence[Commit]:
        """Give the tip and the commits behind it, newest first; without `deepen` only those here, off the network."""
        ...


class ManifestHistory(Protocol):
    """What one manifest repository was at other times, along the first parents of a branch."""

    def fetch(self, branch: str, *, most: int) -> Sha | None:
        """Bring the branch's newest commits with their directories, and give its tip; None if there is no branch."""
        ...

    def changes(self, tip: Sha, paths: Collection[str], *, most: int) -> Sequence[FileChange]:
        """Give each change of each of these files, newest first."""
        ...

    def maker(self, change: FileChange) -> Commit:
        """Give the commit that made a change: for a merge, the merged one."""
        ...

    def describe(self, commit: Sha) -> Commit:
        """Give a commit's people, date, parents and message."""
        ...

    def at(self, tip: Sha, when: datetime) -> Sha | None:
        """Give where the branch was at a time; None before its first commit here."""
        ...

    def named(self, tip: Sha, beginning: str) -> Sha:
        """Give the commit behind the tip whose id begins so; NotFoundError if it is none or several."""
        ...

    def read(self, commit: Sha, path: str) -> bytes:
        """Give a file's bytes at a commit; PermanentError as `Manifests.read`."""
        ...


class ManifestHistories(Protocol):
    """Opens the history of manifest repositories by name."""

    def open(self, repository: Repository) -> ManifestHistory:
        """Give the repository's history."""
        ...


class ManifestRepositories(Protocol):
    """Opens manifest repositories by name; the same name gives the same object, which is thread-safe."""

    def open(self, repository: Repository) -> Manifests:
        """Give the repository's port."""
        ...
