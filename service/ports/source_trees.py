"""The files of a source repository as git knows them: complete, however many there are."""

from __future__ import annotations

from typing import Protocol

from service.core.words import Repository, Sha


class SourceTrees(Protocol):
    """The directories of source repositories at their commits, without the files' contents."""

    def changed_paths(self, repository: Repository, before: Sha, after: Sha) -> frozenset[str] | None:
        """Give the paths in which two commits differ, renames by both names; None if one of them is gone."""
        ...
