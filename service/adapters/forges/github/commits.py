"""How commits of a repository on GitHub stand to each other, and what lies between them. Called by the forge."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from contextlib import suppress
from datetime import datetime
from itertools import pairwise
from typing import TypeVar

from service.adapters.forges.github.shapes import (
    ComparedCommits,
    Comparison,
    GitCommit,
    GitEntry,
    GitTree,
    RepositoryAnswer,
)
from service.adapters.github_api import failures
from service.adapters.github_api.connection import Connection
from service.core.order import Relation
from service.core.words import Repository, Sha
from service.ports import Between

COMMITS_PAGE, MOST_PAGES = 100, 5
"""How many commits a page of a comparison has, and how many pages are read: the first and the last ones."""
COMPARISON_FILES = 300
"""GitHub lists no more changed files in a comparison, and does not say that there are more.
https://docs.github.com/en/rest/commits/commits#compare-two-commits"""

_PERMISSION = "contents: read"
_FULL_ID = re.compile(r"[0-9a-f]{40}")

_Answer = TypeVar("_Answer")


class Commits:
    """The commits of repositories, by one connection."""

    def __init__(self, connection: Connection) -> None:
        """Keep the connection."""
        self._connection = connection

    def changed_paths(self, repository: Repository, before: Sha, after: Sha) -> frozenset[str] | None:
        """Give the paths changed between two commits, renames by both names; None when unknown or truncated.

        GitHub compares `after` with the merge base. After a force push that omits what `before` had and `after` lost,
        so the opposite comparison is asked for as well.
        """
        if before == after:
            return frozenset()
        there = self._changed(repository, before, after)
        if there is None or there[0] in {Relation.AHEAD, Relation.IDENTICAL}:
            return there[1] if there else None
        back = self._changed(repository, after, before)
        return there[1] | back[1] if back else None

    def relation(self, repository: Repository, base: Sha, head: Sha) -> Relation:
        """Tell how `head` stands to `base`.

        GONE if a commit is missing, if the histories have nothing in common, and if GitHub finds the two too far apart
        to compare. A repository that is missing or invisible to us is `github-not-found`.
        """
        if base == head:
            return Relation.IDENTICAL
        # The files, which are not needed here, are only on the first page.
        compared = self.shown(lambda: self.found(lambda: self._compared(repository, base, head, page=2), repository))
        return compared.status if compared else Relation.GONE

    def between(self, repository: Repository, base: Sha, head: Sha) -> Between | None:
        """Give the commits that `head` has and `base` has not, oldest first; None when they cannot be compared."""
        first = self.shown(lambda: self.found(lambda: self._commits_compared(repository, base, head, 1), repository))
        if first is None:
            return None
        last = -(-first.total_commits // COMMITS_PAGE)
        rest = range(max(2, last - MOST_PAGES + 2), last + 1)
        pages = [first, *(self._commits_compared(repository, base, head, page) for page in rest)]
        return Between(tuple(one.ours() for page in pages for one in page.commits), first.total_commits)

    def object_ids(self, repository: Repository, commit: Sha, paths: Collection[str]) -> dict[str, str] | None:
        """Give git's ids of files and folders at a commit; each folder on the way is listed once.

        https://docs.github.com/en/rest/git/trees#get-a-tree
        """
        found = self.found(lambda: self._commit(repository, commit), repository)
        if found is None:
            return None
        known = {".": GitEntry(sha=found.tree.sha, path=".", type="tree")}
        listed: set[str] = set()
        for path in paths:
            for outer, inner in _way(path):
                if outer not in listed:
                    folder = self._tree(repository, known[outer].sha)
                    if folder.truncated:
                        return None
                    listed.add(outer)
                    known |= {f"{outer}/{one.path}".removeprefix("./"): one for one in folder.tree}
                entry = known.get(inner)
                if entry is None or entry.is_file:
                    break
                if entry.is_link or (entry.is_submodule and inner != path):
                    return None
        return {path: known[path].sha for path in paths if path in known}

    def commit_time(self, repository: Repository, commit: Sha) -> datetime | None:
        """Give the committer's date of a commit, or None when it is not there."""
        found = self.found(lambda: self._commit(repository, commit), repository)
        return found.committer.date if found else None

    def found(self, ask: Callable[[], _Answer], repository: Repository, *, at: str = "") -> _Answer | None:
        """Ask, and believe a 404 only if it comes twice and the repository and the commit `at` exist.

        A replica of GitHub's may lag behind a push. If the repository or that commit is missing, that is the error.
        """
        try:
            return ask()
        except failures.NotFoundAnswerError:
            self._look_for(repository)
            if _FULL_ID.fullmatch(at):
                self._commit(repository, Sha(at))
        with suppress(failures.NotFoundAnswerError):
            return ask()
        return None

    @staticmethod
    def shown(ask: Callable[[], _Answer | None]) -> _Answer | None:
        """Ask, and believe a 422, which says that GitHub cannot show it, only if it comes twice."""
        with suppress(failures.UnprocessableReadError):
            return ask()
        with suppress(failures.UnprocessableReadError):
            return ask()
        return None

    def _commit(self, repository: Repository, commit: Sha) -> GitCommit:
        return self._connection.get(
            GitCommit,
            f"/repos/{repository}/git/commits/{commit}",
            doing=f"read the commit {commit[:12]}",
            repository=repository,
            permission=_PERMISSION,
        )

    def _tree(self, repository: Repository, tree: str) -> GitTree:
        return self._connection.get(
            GitTree,
            f"/repos/{repository}/git/trees/{tree}",
            doing=f"read the folder {tree[:12]}",
            repository=repository,
            permission=_PERMISSION,
        )

    def _changed(self, repository: Repository, base: Sha, head: Sha) -> tuple[Relation, frozenset[str]] | None:
        comparison = self.shown(lambda: self.found(lambda: self._compared(repository, base, head, page=1), repository))
        if comparison is None:
            return None  # one of them is gone, they have nothing in common, or are too large for GitHub to compare
        files = comparison.files
        if files is None or len(files) >= COMPARISON_FILES:
            return None
        names = {file.filename for file in files} | {file.previous_filename for file in files}
        return comparison.status, frozenset(name for name in names if name)

    def _compared(self, repository: Repository, base: Sha, head: Sha, *, page: int) -> Comparison:
        return self._connection.get(
            Comparison,
            f"/repos/{repository}/compare/{base}...{head}",
            # All files are on the first page, whatever its size; the commits are not read.
            parameters={"per_page": 1, "page": page},
            doing=f"compare {base[:12]} with {head[:12]}",
            repository=repository,
            permission=_PERMISSION,
        )

    def _commits_compared(self, repository: Repository, base: Sha, head: Sha, page: int) -> ComparedCommits:
        return self._connection.get(
            ComparedCommits,
            f"/repos/{repository}/compare/{base}...{head}",
            parameters={"per_page": COMMITS_PAGE, "page": page},
            doing=f"compare {base[:12]} with {head[:12]}",
            repository=repository,
            permission=_PERMISSION,
        )

    def _look_for(self, repository: Repository) -> None:
        """Raise if the repository itself is missing."""
        self._connection.get(
            RepositoryAnswer,
            f"/repos/{repository}",
            doing="read the repository",
            repository=repository,
            permission="metadata: read",
        )


def _way(path: str) -> list[tuple[str, str]]:
    """Give each folder on the way to a path, with what lies in it on that way; nothing for the whole tree."""
    parts = path.split("/") if path != "." else []
    steps = [".", *("/".join(parts[: number + 1]) for number in range(len(parts)))]
    return list(pairwise(steps))
