"""Git's objects: records of people, commits and files, and how git writes a commit.

Used by `bare`. It opens no repository and starts no process.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import pygit2

_DATE = "%Y-%m-%dT%H:%M:%SZ"
_CRUD = re.compile(r"[<>\n\0]")
"""What git takes out of names, because it would end them."""


@dataclass(frozen=True, slots=True)
class Person:
    """The author or committer of a commit."""

    name: str
    email: str


@dataclass(frozen=True, slots=True)
class Entry:
    """A file with its mode: `100755` an executable, `120000` a symbolic link whose target is the data."""

    data: bytes
    mode: str = "100644"


@dataclass(frozen=True, slots=True)
class Commit:
    """The content of a commit object."""

    sha: str
    tree: str
    parents: tuple[str, ...]
    author: Person
    author_date: str
    committer: Person
    committer_date: str
    message: str


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """What a directory has under a path: a `blob`, a `tree`, or the `commit` of a submodule."""

    path: str
    mode: str
    kind: str
    sha: str
    size: int | None = None


Files = Mapping[str, str | bytes | Entry | None]
"""Path to content; None deletes the file."""

NOBODY = Person("Devstack", "devstack@example.invalid")


def read(commit: pygit2.Commit) -> Commit:
    """Read a commit; bytes that are no text are replaced."""
    return Commit(
        sha=str(commit.id),
        tree=str(commit.tree_id),
        parents=tuple(str(parent) for parent in commit.parent_ids),
        author=_person(commit.author),
        author_date=_iso(commit.author.time),
        committer=_person(commit.committer),
        committer_date=_iso(commit.committer.time),
        message=commit.raw_message.decode("utf-8", "replace").rstrip("\n"),
    )


def listed(tree: pygit2.Tree, prefix: str = "", *, recursive: bool = False) -> Iterator[TreeEntry]:
    """List what a tree has, and with `recursive` also what its directories have."""
    for one in tree:
        path = f"{prefix}{one.name}"
        yield entry(one, path)
        if recursive and isinstance(one, pygit2.Tree):
            yield from listed(one, f"{path}/", recursive=True)


def entry(found: pygit2.Object, path: str) -> TreeEntry:
    """Describe an object of a tree."""
    size = found.size if isinstance(found, pygit2.Blob) else None
    return TreeEntry(path, f"{found.filemode or 0:06o}", found.type_str, str(found.id), size)


def write(
    tree: str, parents: Sequence[str], message: str, *, author: tuple[Person, int], committer: tuple[Person, int]
) -> bytes:
    """Write the content of a commit object; dates are seconds since 1970, in UTC."""
    lines = [
        f"tree {tree}",
        *(f"parent {parent}" for parent in parents),
        f"author {_signature(*author)}",
        f"committer {_signature(*committer)}",
    ]
    return "\n".join([*lines, "", message]).encode()


def seconds_of(date: str | None) -> int:
    """Return the seconds since 1970 of a date as GitHub writes it, or of now."""
    return int((datetime.fromisoformat(date) if date else datetime.now(UTC)).timestamp())


def _signature(person: Person, when: int) -> str:
    return f"{_CRUD.sub('', person.name)} <{_CRUD.sub('', person.email)}> {when} +0000"


def _person(signature: pygit2.Signature) -> Person:
    name, email = (raw.decode("utf-8", "replace") for raw in (signature.raw_name, signature.raw_email))
    return Person(name, email)


def _iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime(_DATE)
