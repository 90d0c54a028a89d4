"""Which commits of a branch changed which files, along its first parents: how the branch itself was at each time.

Used by the manifest repositories, on mirrors of their own, since it brings the directories of old commits. The contents
of all changes that are read are brought in one request.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime

from service.adapters.git.mirror import Mirror
from service.adapters.git.running import BrokenRepositoryError
from service.core.words import Sha
from service.errors import MergeportError, NotFoundError
from service.ports import FileChange

_START = "\x01"
_NOTHING = "0" * 40
_FORMAT = f"--format=tformat:{_START}%H %ct %P"
_LOG = ("--literal-pathspecs", "log", "--first-parent", "-m", "--no-renames", "--raw", "--no-abbrev", "-z", _FORMAT)


class FileHistory:
    """The history of files in one mirror."""

    def __init__(self, mirror: Mirror) -> None:
        """Take the mirror; nothing is read yet."""
        self._mirror = mirror

    def bring(self, tip: Sha, most: int) -> None:
        """Bring the newest commits behind a tip with their directories, without files."""
        self._mirror.fetch_commit(tip, depth=most, only="--filter=blob:none")

    def changes(self, tip: Sha, paths: Collection[str], most: int) -> list[FileChange]:
        """Give each change of each of the files, newest first; of the oldest commit here, what it has is a change."""
        arguments = (*_LOG, f"--max-count={most}", tip, "--", *sorted(paths))
        remote = self._mirror.remote(False)
        outcome = self._mirror.git.run(*arguments, remote=remote)
        if not outcome.ok:
            raise remote.judge(outcome.said)
        boundary = self._mirror.boundary()
        found = [one for one in _parsed(outcome.text, boundary) if one.path in paths]
        self._bring_files(blob for one in found for blob in (one.before, one.after) if blob)
        return found

    def maker(self, change: FileChange) -> Sha:
        """Give the commit that made a change: for a merge, the newest merged one that touched the file."""
        if len(change.parents) < 2:  # noqa: PLR2004 - a merge has two
            return change.commit
        first, second = change.parents[:2]
        arguments = ("--literal-pathspecs", "log", "-1", "--format=%H", f"{first}..{second}", "--", change.path)
        outcome = self._mirror.git.run(*arguments, remote=self._mirror.remote(False))
        return Sha(outcome.text.strip()) if outcome.ok and outcome.text.strip() else change.commit

    def at(self, tip: Sha, when: datetime) -> Sha | None:
        """Give the commit at which the branch was at a time, by committers' dates; None before its first here."""
        arguments = ("--first-parent", "--max-count=1", f"--min-age={int(when.timestamp())}", tip)
        outcome = self._mirror.git.run("rev-list", *arguments)
        if not outcome.ok:
            raise self._mirror.remote(False).judge(outcome.said)
        return Sha(outcome.text.strip()) if outcome.text.strip() else None

    def named(self, tip: Sha, beginning: str) -> Sha:
        """Give the commit behind the tip whose id begins so; NotFoundError if it is none or several."""
        outcome = self._mirror.git.run("rev-list", tip)
        found = [commit for commit in outcome.text.split() if commit.startswith(beginning)]
        if len(found) != 1:
            count = "more than one commit" if found else "no commit"
            raise NotFoundError(
                f"{count} of the manifest branch begins with {beginning}",
                code="manifest-commit-unknown",
                hint="give more of its id, or a time",
            )
        return Sha(found[0])

    def _bring_files(self, blobs: Iterable[str]) -> None:
        """Bring what is missing in one request; what that leaves out is brought one by one when it is read."""
        wanted = sorted(set(blobs))
        if not wanted:
            return
        asked = self._mirror.git.run("cat-file", "--batch-check=%(objectname)", data="\n".join(wanted).encode() + b"\n")
        missing = [line.split()[0] for line in asked.text.splitlines() if line.endswith("missing")]
        if missing:
            options = ("--no-tags", "--no-write-fetch-head", "--recurse-submodules=no", "--no-auto-maintenance")
            with suppress(BrokenRepositoryError, MergeportError):
                self._mirror.git.run(
                    *("fetch", "--quiet", *options, "--filter=blob:none", "--stdin", "origin"),
                    data="\n".join(missing).encode() + b"\n",
                    remote=self._mirror.remote(False),
                )


def _parsed(text: str, boundary: Collection[str]) -> Iterator[FileChange]:
    commit, at, parents = Sha(""), datetime.fromtimestamp(0, UTC), tuple[Sha, ...]()
    pieces: Sequence[str] = text.split("\0")
    number = 0
    while number < len(pieces):
        piece = pieces[number].lstrip("\n")
        number += 1
        if piece.startswith(_START):
            sha, seconds, *others = piece[1:].split()
            commit, at = Sha(sha), datetime.fromtimestamp(int(seconds), UTC)
            parents = tuple(Sha(one) for one in others)
        elif piece.startswith(":"):
            _, _, before, after, *_ = piece.split()
            yield FileChange(
                commit, at, parents, pieces[number], "" if before == _NOTHING else before,
                "" if after == _NOTHING else after, cut_off=commit in boundary,
            )  # fmt: skip
            number += 1
