"""Commits as they are written: who, when, of what, and in which words. Reads what the mirror has, and nothing else.

Used by the manifest repositories. The text is read as git stores it, so a signature or another header changes nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from service.adapters.git.mirror import Mirror
from service.adapters.git.objects import Objects
from service.adapters.git.running import BrokenRepositoryError
from service.core.words import Actor, Sha
from service.ports import Commit

MOST_KEPT, MOST_LISTS = 5_000, 16
"""How many commits and lists of one mirror are kept in memory: a few megabytes at most."""

_PERSON = re.compile(r"(?P<name>.*?) ?<(?P<email>[^>]*)> (?P<seconds>-?\d+) [+-]\d{4}")


def read_commit(objects: Objects, commit: Sha) -> Commit:
    """Read one commit; ObjectMissingError where it is not here."""
    head, _, message = objects.read(commit).decode("utf-8", "replace").partition("\n\n")
    headers = [line.partition(" ")[::2] for line in head.split("\n") if not line.startswith(" ")]
    said = dict(reversed(headers))
    author, _ = _person(said.get("author", ""))
    committer, at = _person(said.get("committer", ""))
    return Commit(
        id=commit,
        tree=said.get("tree", ""),
        parents=tuple(Sha(value) for name, value in headers if name == "parent"),
        author=author,
        committer=committer,
        at=at,
        message=message,
    )


class History:
    """The commits of a branch that a mirror has. What was read once is kept, because a commit never changes."""

    def __init__(self, mirror: Mirror) -> None:
        """Take the mirror; nothing is read yet."""
        self._mirror = mirror
        self._commits: dict[Sha, Commit] = {}
        self._listed: dict[tuple[Sha, int], tuple[object, list[Sha]]] = {}

    def read(self, tip: Sha, most: int) -> list[Commit]:
        """Give a commit and those behind it, newest first, as far as they are here."""
        listed = self._list(tip, most)
        kept = self._commits
        missing = [commit for commit in listed if commit not in kept]
        if missing:
            with self._mirror.readers.open() as objects:
                read = {commit: read_commit(objects, commit) for commit in missing}
            kept = {
                **(kept if len(kept) + len(read) <= MOST_KEPT else {}),
                **{c: kept[c] for c in listed if c in kept},
                **read,
            }
            self._commits = kept
        return [kept[commit] for commit in listed]

    def _list(self, tip: Sha, most: int) -> list[Sha]:
        """List the ids; the last list is reused, unless the mirror was made anew or its boundary has moved."""
        here = (self._mirror.identity(), self._mirror.boundary())
        before, listed = self._listed.get((tip, most), (None, []))
        if before == here:
            return listed
        told = self._mirror.git.run("rev-list", f"--max-count={most}", tip)
        if not told.ok:
            with self._mirror.readers.open() as objects:
                objects.read(tip)
            raise BrokenRepositoryError(told.said)
        listed = [Sha(commit) for commit in told.text.split()]
        if len(self._listed) >= MOST_LISTS:
            self._listed = {}
        self._listed[tip, most] = (here, listed)
        return listed


def _person(line: str) -> tuple[Actor, datetime]:
    """Read a name, an address and a time; git lets either of the first two be empty."""
    match = _PERSON.fullmatch(line)
    if match is None:
        return Actor("", ""), datetime.fromtimestamp(0, UTC)
    return Actor(match["name"], match["email"]), datetime.fromtimestamp(int(match["seconds"]), UTC)
