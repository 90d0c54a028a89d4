"""Source code of one commit, on disk: what a local builder builds.

Called by builders that work on this machine. It fetches that commit alone, runs no hook, no filter (Git LFS files
stay pointers) and enters no submodule; symbolic links are written as links and never followed.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

from service.adapters.git.answers import with_accepted
from service.adapters.git.driver import Git
from service.adapters.git.remote import Remote, last_words
from service.adapters.git.running import BrokenRepositoryError, Outcome
from service.core.words import Repository, Sha
from service.errors import DoubtfulError, MergeportError, PermanentError
from service.ports import Credentials

CHECKOUT_TIMEOUT = 300.0
"""Seconds for the fetch, and again for writing the files."""

_SHA = re.compile(r"[0-9a-f]{40}")
_GONE = re.compile(r"not our ref [0-9a-f]{40}")


class GitCheckout:
    """Fetches one commit into an empty directory; see `ports.Checkout`."""

    def __init__(
        self,
        url_for: Callable[[Repository], str],
        credentials_for: Callable[[Repository], Credentials | None],
        *,
        forget: Callable[[Repository], None] = lambda _: None,
        ca_file: Path | None = None,
        timeout: float = CHECKOUT_TIMEOUT,
    ) -> None:
        """Remember how repositories are reached; credentials are asked for afresh at each call.

        `forget` throws away credentials that a server did not accept.
        """
        self._url_for = url_for
        self._credentials_for = credentials_for
        self._forget = forget
        self._ca_file = ca_file
        self._timeout = timeout

    def __call__(self, repository: Repository, commit: Sha, directory: Path) -> None:
        """Write the commit's files into an empty directory, without a `.git`.

        DoubtfulError `source-commit-gone` if the repository does not have the commit, or not yet. PermanentError
        `checkout-failed` if it cannot be written here.
        """
        if not _SHA.fullmatch(commit):
            raise PermanentError(f"{commit!r} is not a commit's id.", code="commit-id-invalid")
        if any(directory.iterdir()):
            raise _failed(directory, "the directory is not empty", "give an empty one")
        with_accepted(lambda: self._check_out(repository, commit, directory), lambda: self._forget(repository))

    def _check_out(self, repository: Repository, commit: Sha, directory: Path) -> None:
        remote = Remote(self._url_for(repository), self._credentials_for(repository), self._ca_file)
        with tempfile.TemporaryDirectory(prefix=".checkout-", dir=directory.parent) as place:
            bare = Git(Path(place), timeout=self._timeout)
            try:
                self._fetch(bare, remote, repository, commit)
                self._write(Git(Path(place), work_tree=directory), commit, directory)
            except BrokenRepositoryError as error:
                raise _failed(directory, error.said, "check the disk's free space and speed") from None

    def _fetch(self, git: Git, remote: Remote, repository: Repository, commit: Sha) -> None:
        outcome = git.run("init", "--quiet", "--bare", "--template=")
        if not outcome.ok:
            raise BrokenRepositoryError(outcome.said)
        arguments = ("fetch", "--quiet", "--depth=1", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance")
        outcome = git.run(*arguments, remote.url, commit, remote=remote)
        if not outcome.ok:
            raise _judged(outcome, remote, repository, commit)

    def _write(self, git: Git, commit: Sha, directory: Path) -> None:
        outcome = git.run("read-tree", commit, timeout=self._timeout)
        if outcome.ok:
            outcome = git.run("checkout-index", "--all", "--quiet", timeout=self._timeout)
        if not outcome.ok:
            raise _failed(directory, last_words(outcome.said), "these are git's own words")


def _judged(outcome: Outcome, remote: Remote, repository: Repository, commit: Sha) -> MergeportError:
    if _GONE.search(outcome.said):
        return DoubtfulError(
            f"{repository} does not have commit {commit} any more.",
            code="source-commit-gone",
            hint="its branch was force-pushed; what is there now has a run of its own",
            repository=repository,
            commit=commit,
        )
    return remote.judge(outcome.said)


def _failed(directory: Path, why: str, hint: str) -> PermanentError:
    return PermanentError(f"The source cannot be written to {directory}: {why}.", code="checkout-failed", hint=hint)
