"""The history of manifest repositories over git: what a branch was at other times.

Built by bootstrap, called for what people ask. It works on mirrors that nobody else uses, because it brings the
directories of old commits, and writes nothing.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from service.adapters.git.file_history import FileHistory
from service.adapters.manifests.git import GitManifestRepositories, GitManifests
from service.core.words import Repository, Sha
from service.ports import Commit, FileChange


class GitHistory:
    """The history of one manifest repository."""

    def __init__(self, manifests: GitManifests) -> None:
        """Take the repository's port, on a mirror of its own."""
        self._manifests = manifests

    def fetch(self, branch: str, *, most: int) -> Sha | None:
        """Bring the branch's newest commits with their directories, and give its tip; None if there is no branch."""
        tip = self._manifests.fetch(branch)
        if tip is not None:
            self._manifests.using(lambda mirror: FileHistory(mirror).bring(tip, most))
        return tip

    def changes(self, tip: Sha, paths: Collection[str], *, most: int) -> Sequence[FileChange]:
        """Give each change of each of these files, newest first."""
        return self._manifests.using(lambda mirror: FileHistory(mirror).changes(tip, paths, most))

    def maker(self, change: FileChange) -> Commit:
        """Give the commit that made a change: for a merge, the merged one."""
        return self.describe(self._manifests.using(lambda mirror: FileHistory(mirror).maker(change)))

    def describe(self, commit: Sha) -> Commit:
        """Give a commit's people, date, parents and message."""
        return self._manifests.describe(commit)

    def at(self, tip: Sha, when: datetime) -> Sha | None:
        """Give where the branch was at a time; None before its first commit here."""
        return self._manifests.using(lambda mirror: FileHistory(mirror).at(tip, when))

    def named(self, tip: Sha, beginning: str) -> Sha:
        """Give the commit behind the tip whose id begins so; NotFoundError if it is none or several."""
        return self._manifests.using(lambda mirror: FileHistory(mirror).named(tip, beginning))

    def read(self, commit: Sha, path: str) -> bytes:
        """Give a file's bytes at a commit; PermanentError as `Manifests.read`."""
        return self._manifests.read(commit, path)


class GitHistories:
    """Opens histories by the repository's name."""

    def __init__(self, repositories: GitManifestRepositories) -> None:
        """Take what opens the repositories' ports."""
        self._repositories = repositories

    def open(self, repository: Repository) -> GitHistory:
        """Give the repository's history."""
        return GitHistory(self._repositories.open(repository))
