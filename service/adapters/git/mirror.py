"""A bare, shallow, partial copy of one remote repository, kept between calls and thrown away when it is not sound.

Used by the manifest repositories. Changing it is under one lock a mirror, between threads and processes alike; reading
and pushing need none. It heals by being made anew: nothing in it is worth repairing, a new one costs one shallow fetch.
"""

from __future__ import annotations

import fcntl
import hashlib
import itertools
import os
import random
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from service.adapters.git import disk, loose
from service.adapters.git.answers import READ
from service.adapters.git.driver import Git
from service.adapters.git.empty_mirror import configuration, put_in_place
from service.adapters.git.objects import ObjectMissingError
from service.adapters.git.readers import Readers
from service.adapters.git.remote import Remote
from service.adapters.git.running import BrokenRepositoryError, Outcome
from service.core.words import Sha
from service.errors import MergeportError, RetryableError

DEPTH = 50
"""How many commits of a branch a fetch brings. Every fetch has a depth: without one, a branch that was moved to before
the shallow boundary would bring the whole history."""

_ALL = 2_147_483_647
"""git's own number for an unlimited depth."""
_DEEPER = (1_000, 20_000, _ALL)
_GONE = re.compile(r"not our ref [0-9a-f]{40}")
_FIRST_FETCH = 5
"""How many times longer the first fetch may take, because it brings every file."""


class Mirror:
    """One remote's mirror in `directory`, which holds nothing else; it is made when it is first needed."""

    def __init__(
        self, directory: Path, remote: Callable[[bool], Remote], *, timeout: float, limits: disk.Limits | None = None
    ) -> None:
        """Keep the directory; `remote(write)` gives the address with fresh credentials."""
        self.directory = directory
        self.remote = remote
        self.git = Git(directory, timeout=timeout)
        self.readers = Readers(self.git, self.identity)
        self._timeout = timeout
        self._limits = limits or disk.Limits()
        self._fetches = itertools.count()

    # what the remote says

    def remote_tip(self, ref: str) -> Sha | None:
        """Ask the remote where a ref is; None if it has no such ref. The mirror does not change."""
        return self._tips([ref])[ref]

    def fetch(self, ref: str) -> Sha | None:
        """Bring a branch's newest commits, also of a force-push, and give its tip; None if there is no such branch."""
        return self.fetch_all([ref])[0]

    def fetch_all(self, refs: Sequence[str]) -> tuple[Sha | None, ...]:
        """Do so for several branches; if none has moved, this is one request to the remote."""
        tips = self._tips(refs)
        return tuple(self._fetch(ref, tips[ref]) for ref in refs)

    def _tips(self, refs: Sequence[str]) -> dict[str, Sha | None]:
        self._ready(remote := self.remote(False))
        return self._ask(refs, remote)

    def _fetch(self, ref: str, tip: Sha | None) -> Sha | None:
        due = tip is not None and next(self._fetches) % self._limits.every == 0
        if tip is None or (tip == self.kept_tip(ref) and not due):
            return tip
        with self._alone():
            if due:
                self._tidy()
            if tip == self.kept_tip(ref):
                return tip
            outcome = self._bring(f"+{ref}:{_kept(ref)}", DEPTH)
            if not outcome.ok:
                if self._ask([ref], self.remote(False))[ref] is None:
                    return None
                self._again(outcome, f"+{ref}:{_kept(ref)}", DEPTH)
        return self.kept_tip(ref)

    def fetch_commit(self, commit: Sha, *, depth: int = DEPTH, only: str = "") -> None:
        """Bring one commit, `depth` commits in all; RetryableError `manifest-commit-gone` if the remote lost it.

        `only` is a filter of git: with `--filter=tree:0` commits come without their files and directories.
        """
        with self._alone():
            self._bring_surely(commit, depth, *([only] if only else []))

    def behind(self, tip: Sha, wanted: frozenset[Sha]) -> frozenset[Sha]:
        """Tell which of the wanted commits are the tip or behind it, deepening until that is certain.

        Deepening brings only commits, no files and no directories. ObjectMissingError if the tip is not here.
        """
        found, certain = self._look(tip, wanted)
        if certain:
            return found
        with self._alone():
            for depth in _DEEPER:
                self._bring_surely(tip, depth, "--filter=tree:0")
                found, certain = self._look(tip, wanted)
                if certain:
                    break
        return found

    def changed(self, before: Sha, after: Sha) -> frozenset[str]:
        """Give the paths in which the trees of two commits differ, a renamed file's by both names.

        Brings the commits' directories if they are not here, but no file. RetryableError `manifest-commit-gone` if the
        remote lost one of the commits.
        """
        self._ready(self.remote(False))
        with self._alone():
            if next(self._fetches) % self._limits.every == 0:
                self._tidy()
            for commit in (before, after):
                if not self.has(commit):
                    self._bring_surely(commit, 1, "--filter=blob:none")
        outcome = self.git.run("diff-tree", "-r", "-z", "--name-only", "--no-renames", before, after)
        if not outcome.ok:
            raise BrokenRepositoryError(outcome.said)
        return frozenset(name for name in outcome.text.split("\0") if name)

    # what is here

    def has(self, commit: Sha) -> bool:
        """Tell whether a commit is here."""
        with suppress(BrokenRepositoryError):
            return self.git.run("cat-file", "-e", commit).ok
        return False

    def keep_tip(self, ref: str, commit: Sha) -> None:
        """Remember what a push has just put on the remote, so that the next fetch has nothing to bring."""
        with suppress(OSError):
            loose.write_ref(self.directory / _kept(ref), commit)

    def boundary(self) -> frozenset[str]:
        """Give the commits whose parents were not fetched."""
        with suppress(OSError):
            return frozenset((self.directory / "shallow").read_text(encoding="ascii").split())
        return frozenset()

    def kept_tip(self, ref: str) -> Sha | None:
        """Give a ref's commit as it was last fetched or pushed; None when it never was."""
        with suppress(OSError):
            return Sha((self.directory / _kept(ref)).read_text(encoding="ascii").strip())
        return None

    def _look(self, tip: Sha, wanted: frozenset[Sha]) -> tuple[frozenset[Sha], bool]:
        outcome = self.git.run("rev-list", tip)
        if not outcome.ok:
            raise BrokenRepositoryError(outcome.said) if self.has(tip) else ObjectMissingError(tip)
        history = frozenset(outcome.text.split())
        found = wanted & history
        return found, found == wanted or not history & self.boundary()

    # its life

    def _ready(self, remote: Remote) -> None:
        """Make the mirror where it is missing or points elsewhere (the repository was renamed)."""
        if self._config() != configuration(remote.url):
            with self._alone():
                if self._config() != configuration(remote.url):
                    self._renew()

    def identity(self) -> tuple[int, int] | None:
        """Identify the present mirror; a mirror that is made anew has another identity."""
        with suppress(OSError):
            stat = (self.directory / "config").stat()
            return stat.st_ino, stat.st_mtime_ns
        return None

    def lost(self, seen: tuple[int, int] | None) -> RetryableError | None:
        """Give the error of work that failed because the mirror was made anew meanwhile; None if it was not."""
        return _renewed(self.directory) if self.identity() != seen else None

    def renew(self, seen: tuple[int, int] | None) -> None:
        """Replace a mirror that was found unsound by an empty one, unless somebody has done so since."""
        with self._alone():
            if self.identity() == seen:
                self._renew()

    def _renew(self) -> None:
        self.readers.close()  # open readers keep the disk space of what is removed
        try:
            put_in_place(self.directory, self.remote(False).url)
        finally:
            self.readers.close()  # and those that were returned meanwhile

    def _ask(self, refs: Sequence[str], remote: Remote) -> dict[str, Sha | None]:
        seen = self.identity()
        outcome = self.git.run("ls-remote", "--quiet", "origin", *refs, remote=remote)
        if not outcome.ok:
            raise self.lost(seen) or self._judged(outcome, remote)
        told = {name: Sha(sha) for sha, _, name in (line.partition("\t") for line in outcome.text.splitlines())}
        if told.keys().isdisjoint(refs) and (trouble := remote.trouble(READ)):  # one of them proves that git answered
            raise trouble
        return {ref: told.get(ref) for ref in refs}

    def _bring(self, wanted: str, depth: int, *extra: str) -> Outcome:
        first = not any((self.directory / "refs").glob("tips/*"))
        outcome = None
        try:
            outcome = self.git.run(
                *("fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--no-auto-maintenance"),
                *(f"--depth={depth}", *extra, "origin", wanted),
                remote=self.remote(False),
                timeout=self._timeout * (_FIRST_FETCH if first else 1),
            )
        except RetryableError:
            # It may be the remote that is slow, or git that loops over a spoiled pack.
            if not self._sound():
                self._renew()
            raise
        finally:
            if outcome is None or not outcome.ok:
                disk.sweep_fetched(self.directory)
        return outcome

    def _bring_surely(self, wanted: str, depth: int, *extra: str) -> None:
        outcome = self._bring(wanted, depth, *extra)
        if not outcome.ok:
            self._again(outcome, wanted, depth, *extra)

    def _again(self, failed: Outcome, wanted: str, depth: int, *extra: str) -> None:
        """After a failed fetch, repeat it on a new mirror; raise if the remote is to blame for the failure."""
        remote = self.remote(False)
        if not disk.full(self.directory, failed.said):
            error = self._judged(failed, remote)
            if error.code != "git-failed":
                raise error
        self._renew()
        outcome = self._bring(wanted, depth, *extra)
        if not outcome.ok:
            raise self._judged(outcome, remote)

    def _judged(self, outcome: Outcome, remote: Remote) -> MergeportError:
        if _GONE.search(outcome.said):
            return RetryableError(
                f"{remote.place} does not have a commit that is needed.",
                code="manifest-commit-gone",
                hint="the branch was force-pushed, or the mirror was made anew: it starts again from the branch's tip",
            )
        return disk.full(self.directory, outcome.said) or remote.judge(outcome.said, READ)

    def _sound(self) -> bool:
        with suppress(BrokenRepositoryError):
            return self.git.run("rev-list", "--objects", "--quiet", "--missing=allow-any", "--no-walk", "--all").ok
        return False

    def _tidy(self) -> None:
        """Remove what killed gits left here, and make the mirror anew if it has gathered too much."""
        disk.sweep(self.directory)
        if disk.crowded(self.directory, self._limits):
            self._renew()

    def _config(self) -> str:
        with suppress(OSError):
            return (self.directory / "config").read_text(encoding="utf-8")
        return ""

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the mirror's lock: a file beside it that is opened each time, so that it also keeps threads apart."""
        with disk.judging(self.directory):
            self.directory.parent.mkdir(parents=True, exist_ok=True)
            file = (self.directory.parent / f"{self.directory.name}.lock").open("a")
        with file:
            deadline = time.monotonic() + self._timeout * _FIRST_FETCH
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        raise RetryableError(f"The mirror {self.directory.name} is busy.", code="mirror-busy") from None
                    time.sleep(random.uniform(0.002, 0.02))  # noqa: S311 # only to keep waiters apart
            with suppress(OSError):
                os.utime(file.fileno())
            yield


def _renewed(directory: Path) -> RetryableError:
    return RetryableError(f"The mirror {directory.name} was made anew meanwhile.", code="mirror-renewed")


def _kept(ref: str) -> str:
    """Give our own name for a remote's ref. It is flat, so that a branch `a` and a later `a/b` do not clash."""
    return f"refs/tips/{hashlib.sha256(ref.encode()).hexdigest()[:40]}"
