"""Manifest repositories over git itself: any remote that speaks HTTPS or SSH, read and written through a bare mirror.

Built by bootstrap, called by the pipeline. A push is compare-and-swap on the tip the edit was computed on; it never
merges, never rebases and never decides whether to try again. Local trouble with a mirror is healed here, unseen.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeVar

import structlog

from service.adapters.git import disk
from service.adapters.git.answers import WRITE, is_refused, with_accepted
from service.adapters.git.driver import NETWORK_TIMEOUT
from service.adapters.git.folders import folder_not_read, list_folder
from service.adapters.git.history import History, read_commit
from service.adapters.git.mirror import Mirror
from service.adapters.git.names import branch_ref, commit_id, path_parts
from service.adapters.git.objects import CommitText, ObjectMissingError, write_commit
from service.adapters.git.remote import Remote, last_words
from service.adapters.git.running import BrokenRepositoryError
from service.adapters.git.signing import SigningKey
from service.adapters.git.ssh import SshLogin
from service.core.words import Actor, Repository, Sha
from service.errors import PermanentError, RetryableError
from service.ports import Commit, Credentials

DIFF_LIMIT = 1_000_000
"""The most bytes of a diff that are given; a promotion's diff has a thousandth of that."""

_NAME = re.compile(r"[A-Za-z0-9_.-]+/[A-Za-z0-9_.-]+")
_log = structlog.get_logger()
_T = TypeVar("_T")


class CredentialsFor(Protocol):
    """Gives a remote's credentials, fresh each time; a forge's `git_credentials` is one of these."""

    def __call__(self, repository: Repository, *, write: bool = False) -> Credentials | None:
        """Give a user and secret, or None for a repository that needs none."""
        ...


class GitManifestRepositories:
    """Opens manifest repositories whose mirrors lie below one directory, as OWNER/NAME.git."""

    def __init__(
        self,
        directory: Path,
        url_for: Callable[[Repository], str],
        credentials_for: CredentialsFor,
        *,
        forget: Callable[[Repository], None] = lambda _: None,
        ca_file: Path | None = None,
        ssh_login: SshLogin | None = None,
        signing_key: Path | None = None,
        timeout: float = NETWORK_TIMEOUT,
        limits: disk.Limits | None = None,
    ) -> None:
        """Keep how repositories are reached; nothing happens before the first call on one of them.

        `forget` throws away credentials that a server did not accept, so that `credentials_for` makes new ones.
        """
        self._directory = directory
        self._url_for = url_for
        self._credentials_for = credentials_for
        self._forget = forget
        self._ca_file = ca_file
        self._ssh_login = ssh_login
        self._signing_key = SigningKey(signing_key) if signing_key else None
        self._timeout = timeout
        self._limits = limits
        self._opened: dict[Repository, GitManifests] = {}
        self._lock = threading.Lock()

    def open(self, repository: Repository) -> GitManifests:
        """Give the repository's port; the same object for the same name."""
        if not _NAME.fullmatch(repository) or any(part.startswith(".") for part in repository.split("/")):
            raise PermanentError(
                f"{repository!r} is not a repository's name.", code="git-url-refused", hint="write it as owner/name"
            )

        def remote(write: bool) -> Remote:
            credentials = self._credentials_for(repository, write=write)
            return Remote(self._url_for(repository), credentials, self._ca_file, self._ssh_login)

        with self._lock:
            if not self._opened:
                disk.forget_unused(self._directory)
            if repository not in self._opened:
                place = self._directory / f"{repository.key}.git"
                mirror = Mirror(place, remote, timeout=self._timeout, limits=self._limits)
                self._opened[repository] = GitManifests(mirror, self._signing_key, lambda: self._forget(repository))
            return self._opened[repository]


class GitManifests:
    """One manifest repository. Safe to call from many threads; other processes may share the mirror."""

    def __init__(
        self, mirror: Mirror, signing_key: SigningKey | None = None, forget: Callable[[], None] = lambda: None
    ) -> None:
        """Take the mirror, which this object replaces when it is unsound, and the key that signs commits.

        `forget` throws away credentials that were refused; the call is then repeated once.
        """
        self._mirror = mirror
        self._history = History(mirror)
        self._signing_key = signing_key
        self._forget = forget

    def using(self, action: Callable[[Mirror], _T]) -> _T:
        """Do something else with the mirror, with credentials that the server accepts."""
        return self._accepted(lambda: action(self._mirror))

    def fetch(self, branch: str) -> Sha | None:
        """Bring the branch's newest commit here and give it; None when there is no such branch."""
        return self._accepted(lambda: self._mirror.fetch(branch_ref(branch)))

    def fetch_all(self, branches: Sequence[str]) -> tuple[Sha | None, ...]:
        """Bring the newest commits of several branches and give them as `fetch` does; the remote is asked once."""
        return self._accepted(lambda: self._mirror.fetch_all([branch_ref(branch) for branch in branches]))

    def last_tip(self, branch: str) -> Sha | None:
        """Give the branch's commit as it was last fetched or pushed, without the network; None if it never was."""
        return self._mirror.kept_tip(branch_ref(branch))

    def read(self, commit: Sha, path: str) -> bytes:
        """Give a file's bytes at a commit; PermanentError `values-file-missing`, `-clash`, `-symlink` and others."""
        parts, _ = path_parts(path), commit_id(commit)

        def read(remote: Remote | None) -> bytes:
            with self._mirror.readers.open(remote) as objects:
                return objects.file(commit, parts)

        return self._here(commit, read)

    def read_all(self, commit: Sha, paths: Collection[str]) -> dict[str, bytes]:
        """Give many files at once; one for which `read` raises PermanentError is left out."""
        return self._here(commit_id(commit), lambda remote: self._mirror.readers.files(commit, paths, remote))

    def folder(self, commit: Sha, path: str) -> dict[str, bytes]:
        """Give all files below a folder (empty: the root) by their path in it; PermanentError `folder-not-read`."""
        _, top = path_parts(path or "x"), f"{path}/" if path else ""
        listed = self._here(commit_id(commit), lambda remote: list_folder(self._mirror.git, commit, path, remote))
        found = self.read_all(commit, [top + name for name in listed])
        if len(found) != len(listed):
            raise folder_not_read(path, "a file in it cannot be read")
        return {name: found[top + name] for name in listed}

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
        """Make a commit object of the parent with these files replaced or added; no ref moves.

        Without a parent it begins a branch. The same arguments give the same commit. Reserved files are refused.
        """
        contents = {path_parts(path, writing=True): content for path, content in files.items()}
        text = CommitText(message, author, committer, at, self._signing_key)

        def write(remote: Remote | None) -> Sha:
            with self._mirror.readers.open(remote) as objects:
                return write_commit(self._mirror.git, objects, parent and commit_id(parent), contents, text)

        return self._here(parent, write)

    def push(self, branch: str, commit: Sha, *, expected: Sha | None) -> bool:
        """Move the branch to the commit if it is still at `expected` (None: absent); False if the push is refused.

        If the line breaks, the branch is read: True if it is there already. Otherwise this raises RetryableError, and
        the push may still take effect, so read the branch before pushing anything else.
        """
        return self._accepted(
            lambda: self._move(branch_ref(branch), commit_id(commit), expected and commit_id(expected))
        )

    def ancestors(self, tip: Sha, among: Collection[Sha]) -> frozenset[Sha]:
        """Tell which of these commits are the tip or behind it, deepening the mirror until that is certain."""
        wanted = frozenset(among)
        return self._here(commit_id(tip), lambda _: self._mirror.behind(tip, wanted))

    def changed(self, before: Sha, after: Sha) -> frozenset[str]:
        """Give the paths in which two commits differ, a renamed file's by both names, without bringing any file."""
        return self._here(after, lambda _: self._mirror.changed(commit_id(before), commit_id(after)))

    def diff(self, commit: Sha) -> str:
        """Give the unified diff of a commit against its first parent, cut after DIFF_LIMIT bytes."""
        return self._here(commit_id(commit), lambda remote: self._diff(commit, remote))

    def describe(self, commit: Sha) -> Commit:
        """Give a commit's people, date, parents and message."""

        def read(remote: Remote | None) -> Commit:
            with self._mirror.readers.open(remote) as objects:
                return read_commit(objects, commit)

        return self._here(commit_id(commit), read)

    def history(self, tip: Sha, *, most: int, deepen: bool = False) -> list[Commit]:
        """Give the tip and the commits behind it, newest first; without `deepen` only those here, off the network."""
        found = self._here(commit_id(tip), lambda _: self._history.read(tip, most))
        if deepen and len(found) < most and self._mirror.boundary() & {commit.id for commit in found}:
            self._accepted(lambda: self._mirror.fetch_commit(tip, depth=most, only="--filter=tree:0"))
            found = self._here(tip, lambda _: self._history.read(tip, most))
        return found

    def _diff(self, commit: Sha, remote: Remote | None) -> str:
        with self._mirror.readers.open(remote) as objects:
            parents = objects.parents_of(commit)
        if parents and commit in self._mirror.boundary():
            self._mirror.fetch_commit(commit, depth=2)
        sides = [parents[0], commit] if parents else ["--root", "--no-commit-id", commit]
        options = ("-r", "-p", "--no-ext-diff", "--no-textconv", "--no-renames", "--no-color", "--full-index")
        with self._mirror.git.talk("diff-tree", *options, *sides, remote=remote) as talk:
            text = talk.take(DIFF_LIMIT + 1)
            if len(text) > DIFF_LIMIT:
                return text[: text.rindex(b"\n") + 1].decode("utf-8", "replace") + "(the rest is left out)\n"
            outcome = talk.finish()
        if not outcome.ok:
            raise ObjectMissingError(outcome.said)
        return text.decode("utf-8", "replace")

    def _accepted(self, action: Callable[[], _T]) -> _T:
        """Do what needs credentials, with new ones if the server refuses the first."""
        return with_accepted(action, self._forget)

    def _here(self, commit: Sha | None, action: Callable[[Remote | None], _T]) -> _T:
        """Do what needs the mirror; if it needs the network, with credentials that the server accepts."""
        return self._accepted(lambda: self._brought(commit, action))

    def _brought(self, commit: Sha | None, action: Callable[[Remote | None], _T]) -> _T:
        """Do what needs the mirror without the network; if that fails, bring what is missing and repeat.

        An unsound mirror is replaced first. The repetition may fetch what a partial clone left out.
        """
        seen = self._mirror.identity()
        try:
            return action(None)
        except ObjectMissingError as missing:
            if commit is not None and missing.sha == commit:
                self._mirror.fetch_commit(commit)
        except BrokenRepositoryError as broken:
            _log.warning("mirror made anew", mirror=self._mirror.directory.name, said=last_words(broken.said))
            self._mirror.renew(seen)
            if commit is not None:
                self._mirror.fetch_commit(commit)
        seen, remote = self._mirror.identity(), self._mirror.remote(False)
        try:
            return action(remote)
        except (ObjectMissingError, BrokenRepositoryError) as error:
            if lost := self._mirror.lost(seen):
                raise lost from None
            raise disk.full(self._mirror.directory, str(error)) or remote.judge(str(error)) from None

    def _move(self, ref: str, new: Sha, expected: Sha | None) -> bool:
        seen, remote = self._mirror.identity(), self._mirror.remote(True)
        outcome = self._mirror.git.run(
            *("push", "--porcelain", "--no-verify", "--recurse-submodules=no", "--no-follow-tags", "--no-signed"),
            *(f"--force-with-lease={ref}:{expected or ''}", "origin", f"{new}:{ref}"),
            remote=remote,
        )
        if outcome.ok:
            self._mirror.keep_tip(ref, new)
            return True
        if is_refused(outcome.text):
            _log.warning("push refused", ref=ref, url=remote.place, said=last_words(outcome.said))
            return False
        if self._mirror.remote_tip(ref) == new:
            return True
        error = remote.judge(outcome.said, WRITE)
        if error.code in {"git-failed", "git-unavailable"} and not self._packs(new, expected):
            self._mirror.renew(seen)
            raise RetryableError(
                "The mirror lost the commit and was made anew.", code="mirror-renewed", url=remote.place
            ) from None
        raise error

    def _packs(self, new: Sha, expected: Sha | None) -> bool:
        """Tell whether our side of a push works, by packing the commits without sending them."""
        wanted = f"{new}\n" + (f"^{expected}\n" if expected and self._mirror.has(expected) else "")
        arguments = ("pack-objects", "--quiet", "--revs", "--thin", "--stdout", "--shallow")
        with suppress(BrokenRepositoryError):
            return self._mirror.git.run(*arguments, data=wanted.encode()).ok
        return False
