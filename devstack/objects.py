"""Git's objects as text: records of commits and files, the reading of logs, the writing of import streams.

Used by `bare`. It starts no process.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

_DATE = "%Y-%m-%dT%H:%M:%SZ"
LOG_FORMAT = "--format=%H%x1f%T%x1f%P%x1f%an%x1f%ae%x1f%at%x1f%cn%x1f%ce%x1f%ct%x1f%B"


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


Files = Mapping[str, str | bytes | Entry | None]
"""Path to content; None deletes the file."""

NOBODY = Person("Devstack", "devstack@example.invalid")


def parse(record: str) -> Commit:
    """Read one record of `git log` in the format `LOG_FORMAT`."""
    sha, tree, parents, name, email, written, by, by_email, committed, message = record.split("\x1f", 9)
    return Commit(
        sha=sha.strip(),
        tree=tree,
        parents=tuple(parents.split()),
        author=Person(name, email),
        author_date=_iso(written),
        committer=Person(by, by_email),
        committer_date=_iso(committed),
        message=message.rstrip("\n"),
    )


def _iso(seconds: str) -> str:
    return datetime.fromtimestamp(int(seconds), UTC).strftime(_DATE)


def commit_stream(branch: str, parent: str | None, head: bytes, files: Files) -> bytes:
    """Write a stream for `git fast-import` that makes one commit and prints its SHA."""
    chunks = [
        f"commit refs/heads/{branch}\nmark :1\n".encode(),
        head,
        f"from {parent}\n".encode() if parent else b"",
        *(_change(path, content) for path, content in files.items()),
        b"\nget-mark :1\n",
    ]
    return b"".join(chunks)


def data(content: bytes) -> bytes:
    """Write a data block of such a stream."""
    return b"data %d\n%s\n" % (len(content), content)


def _change(path: str, content: str | bytes | Entry | None) -> bytes:
    quoted = '"' + path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if content is None:
        return f"D {quoted}\n".encode()
    if isinstance(content, str):
        content = content.encode()
    entry = content if isinstance(content, Entry) else Entry(content)
    return f"M {entry.mode} inline {quoted}\n".encode() + data(entry.data)
