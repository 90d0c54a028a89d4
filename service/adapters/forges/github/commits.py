"""How commits of a repository on GitHub stand to each other, and what lies between them. Called by the forge."""

from __future__ import annotations

from datetime import datetime

from service.adapters.forges.github import failures
from service.adapters.forges.github.connection import Connection
from service.adapters.forges.github.shapes import Comparison, GitCommit, RepositoryAnswer
from service.core.order import Relation
from service.core.words import Repository, Sha
from service.errors import PermanentError

COMPARISON_FILES = 300
"""GitHub lists no more changed files in a comparison, and does not say that there are more.
https://docs.github.com/en/rest/commits/commits#compare-two-commits"""

_UNPROCESSABLE = 422
_PERMISSION = "contents: read"


class Commits:
    """The commits of repositories, by one connection."""

    def __init__(self, connection: Connection) -> None:
        """Keep the connection."""
        self._connection = connection

    def changed_paths(self, repository: Repository, before: Sha, after: Sha) -> frozenset[str] | None:
        """Give the paths changed between two commits, renames by both names; None when unknown or truncated.

        GitHub compares `after` with the merge base. After a force push that leaves out what `before` had and
        `after` lost, so then the other half is asked for as well.
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

        GONE for a commit that is not there, for histories with nothing in common, and where GitHub finds the two
        too far apart to compare; a repository that is not there, or not to be seen, is `github-not-found`.
        """
        if base == head:
            return Relation.IDENTICAL
        try:
            # The files, which are not wanted here, are on the first page alone.
            return self._compared(repository, base, head, page=2).status
        except failures.NotFoundAnswerError:
            self._look_for(repository)
            return Relation.GONE
        except PermanentError as error:
            if error.fields.get("status") == _UNPROCESSABLE:
                return Relation.GONE
            raise

    def commit_time(self, repository: Repository, commit: Sha) -> datetime | None:
        """Give the committer's date of a commit, or None when it is not there."""
        try:
            found = self._connection.get(
                GitCommit,
                f"/repos/{repository}/git/commits/{commit}",
                doing=f"read the commit {commit[:12]}",
                repository=repository,
                permission=_PERMISSION,
            )
        except failures.NotFoundAnswerError:
            self._look_for(repository)
            return None
        return found.committer.date

    def _changed(self, repository: Repository, base: Sha, head: Sha) -> tuple[Relation, frozenset[str]] | None:
        try:
            comparison = self._compared(repository, base, head, page=1)
        except failures.NotFoundAnswerError:
            return None  # one of them is gone, or they have nothing in common
        except PermanentError as error:
            if error.fields.get("status") == _UNPROCESSABLE:
                return None  # too large for GitHub to compare
            raise
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

    def _look_for(self, repository: Repository) -> None:
        """Raise where it is the repository that is not there."""
        self._connection.get(
            RepositoryAnswer,
            f"/repos/{repository}",
            doing="read the repository",
            repository=repository,
            permission="metadata: read",
        )
