"""Commits as they are written: who, when, of what, and in which words. Reads what the mirror has, and nothing else.

Used by the manifest repositories. The text is read as git stores it, so a signature or another header changes nothing.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime

from service.adapters.git.driver import BrokenRepositoryError, Git
from service.adapters.git.objects import Objects, reading
from service.core.words import Actor, Sha
from service.ports import Commit

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


def read_history(git: Git, tip: Sha, most: int) -> list[Commit]:
    """Read a commit and those behind it, newest first, as far as they are here."""
    listed = git.run("rev-list", f"--max-count={most}", tip)
    with reading(git, None) as objects:
        if not listed.ok:
            objects.read(tip)
            raise BrokenRepositoryError(listed.said)
        return [read_commit(objects, Sha(sha)) for sha in listed.text.split()]


def _person(line: str) -> tuple[Actor, datetime]:
    """Read a name, an address and a time; git lets either of the first two be empty."""
    match = _PERSON.fullmatch(line)
    if match is None:
        return Actor("", ""), datetime.fromtimestamp(0, UTC)
    return Actor(match["name"], match["email"]), datetime.fromtimestamp(int(match["seconds"]), UTC)
