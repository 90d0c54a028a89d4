"""Source repositories' directories over git: a bare mirror a repository that has trees and no contents of files.

Made by bootstrap, asked by intake for what the forge's API does not tell: GitHub lists 300 changed files and no more.
Nothing is remembered but the mirrors, which may be thrown away at any time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from service.adapters.git import disk
from service.adapters.git.answers import with_accepted
from service.adapters.git.driver import NETWORK_TIMEOUT
from service.adapters.git.mirror import Mirror
from service.adapters.git.names import commit_id
from service.adapters.git.remote import Remote, last_words
from service.adapters.git.running import BrokenRepositoryError
from service.core.words import Repository, Sha
from service.errors import RetryableError
from service.ports import Credentials

_GONE = "manifest-commit-gone"


class GitSourceTrees:
    """See `ports.SourceTrees`. Mirrors lie below one directory, as OWNER/NAME.git, apart from those of manifests."""

    def __init__(
        self,
        directory: Path,
        url_for: Callable[[Repository], str],
        credentials_for: Callable[[Repository], Credentials | None],
        *,
        forget: Callable[[Repository], None] = lambda _: None,
        ca_file: Path | None = None,
        timeout: float = NETWORK_TIMEOUT,
    ) -> None:
        """Remember how repositories are reached; `forget` throws away credentials that a server did not accept."""
        self._directory = directory
        self._url_for = url_for
        self._credentials_for = credentials_for
        self._forget = forget
        self._ca_file = ca_file
        self._timeout = timeout
        self._opened: dict[Repository, Mirror] = {}
        self._lock = threading.Lock()

    def changed_paths(self, repository: Repository, before: Sha, after: Sha) -> frozenset[str] | None:
        """Compare the trees of two commits, in whichever direction history leads."""
        commit_id(before), commit_id(after)
        return with_accepted(lambda: self._compared(repository, before, after), lambda: self._forget(repository))

    def _compared(self, repository: Repository, before: Sha, after: Sha) -> frozenset[str] | None:
        mirror = self._mirror(repository)
        seen = mirror.identity()
        try:
            try:
                return mirror.changed(before, after)
            except BrokenRepositoryError:
                mirror.renew(seen)
                return mirror.changed(before, after)
        except BrokenRepositoryError as error:
            raise RetryableError(
                f"The mirror of {repository} was made anew and cannot be read yet: {last_words(error.said)}.",
                code="mirror-renewed",
            ) from None
        except RetryableError as error:
            if error.code == _GONE:
                return None
            raise

    def _mirror(self, repository: Repository) -> Mirror:
        def remote(_write: bool) -> Remote:
            return Remote(self._url_for(repository), self._credentials_for(repository), self._ca_file)

        with self._lock:
            if not self._opened:
                disk.forget_unused(self._directory)
            if repository not in self._opened:
                place = self._directory / f"{repository.key}.git"
                self._opened[repository] = Mirror(place, remote, timeout=self._timeout)
            return self._opened[repository]
