"""A manifest repository's whole past, read by git alone: every move of the branch and every commit it ever had.

Moves are written down by git itself, in a hook that runs while the branch is locked, so their order is exact and what
was force-pushed away is still known. Used by the checker; `record_moves` by whoever makes the repository.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Self, cast

from devstack.bare import ZERO, BareRepository, git_environment
from tests.race.records import BRANCH

_MOVES = "moves"
_HOOK = """\
#!/bin/sh
[ "$1" = prepared ] || exit 0
while read -r old new ref; do
    [ "$ref" != refs/heads/{branch} ] || echo "$old $new" >>{file}
done
"""
_FORMAT = "%x1e%H%x1f%P%x1f%cn <%ce>%x1f%s%x1f%(trailers:only=yes,unfold=yes)%x1f"


@dataclass(frozen=True, slots=True)
class Move:
    """The branch moved, as the move of this number; zeros where it was not, or is not any more."""

    old: str
    new: str
    at: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One file that a commit changed against its first parent; zeros where there was or is none."""

    path: str
    old_mode: str
    new_mode: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Commit:
    """A commit, its trailers as git reads them, and what it changed."""

    sha: str
    parents: tuple[str, ...]
    committer: str
    subject: str
    trailers: tuple[tuple[str, str], ...]
    changes: tuple[Change, ...]


def record_moves(repository: BareRepository) -> None:
    """Let git write down every move of the branch from now on."""
    (repository.path / _MOVES).touch()
    # Git runs a hook of a bare repository in the repository's own directory.
    repository.install_hook("reference-transaction", _HOOK.format(branch=BRANCH, file=_MOVES))


def moves_of(repository: BareRepository) -> int:
    """Count the moves that git has written down until now."""
    return (repository.path / _MOVES).read_bytes().count(b"\n")


class History:
    """One repository. `commits` holds every commit that the branch ever had."""

    def __init__(self, path: Path) -> None:
        self._repository = BareRepository(path)
        self._blobs: dict[str, bytes] = {}
        self.moves = _moves(path / _MOVES)
        self.tip = self._repository.branches().get(BRANCH, ZERO)
        tips = {sha for move in self.moves for sha in (move.old, move.new)} | {self.tip}
        self.commits = {one.sha: one for one in _commits(self._repository, tips - {ZERO})}
        self._reader = subprocess.Popen(
            ["git", "cat-file", "--batch"],
            cwd=path,
            env=git_environment(GIT_DIR=str(path)),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        cast(IO[bytes], self._reader.stdin).close()
        cast(IO[bytes], self._reader.stdout).close()
        self._reader.wait()

    def blob(self, sha: str) -> bytes:
        """Give a file's bytes."""
        if sha not in self._blobs:
            asked, told = cast(IO[bytes], self._reader.stdin), cast(IO[bytes], self._reader.stdout)
            asked.write(f"{sha}\n".encode())
            asked.flush()
            head = told.readline().split()
            if len(head) != 3 or head[1] != b"blob":
                raise ValueError(f"{self._repository.path.name} has no blob {sha}: {head!r}")
            self._blobs[sha] = told.read(int(head[2]))
            told.read(1)
        return self._blobs[sha]

    def file(self, commit: str, path: str) -> bytes | None:
        """Give a file's bytes at a commit."""
        return self._repository.read(commit, path)

    def line(self, tip: str) -> Iterator[Commit]:
        """Give a commit and its first parents, newest first."""
        while tip and tip != ZERO:
            commit = self.commits[tip]
            yield commit
            tip = commit.parents[0] if commit.parents else ""


def _moves(file: Path) -> list[Move]:
    """Read the moves; git may report the deletion of a packed branch twice."""
    found: list[Move] = []
    for number, line in enumerate(file.read_text().splitlines()):
        old, new = line.split()
        move = Move(old, new, number)
        if move.old != move.new and (not found or (found[-1].old, found[-1].new) != (move.old, move.new)):
            found.append(move)
    return found


def _commits(repository: BareRepository, tips: Iterable[str]) -> Iterator[Commit]:
    options = ("--no-renames", "--no-abbrev", "--raw", "--root", "--diff-merges=first-parent")
    if not (wanted := "\n".join(sorted(tips))):
        return
    told = repository.git("log", "--stdin", *options, f"--format={_FORMAT}", data=wanted.encode())
    for record in told.split("\x1e")[1:]:
        sha, parents, committer, subject, trailers, raw = record.split("\x1f")
        pairs = tuple(
            (key, value) for key, _, value in (line.partition(": ") for line in trailers.splitlines() if line)
        )
        changes = tuple(_change(line) for line in raw.splitlines() if line.startswith(":"))
        yield Commit(sha, tuple(parents.split()), committer, subject, pairs, changes)


def _change(line: str) -> Change:
    head, path = line.split("\t", 1)
    old_mode, new_mode, old, new, _status = head[1:].split()
    return Change(path, old_mode, new_mode, old, new)
