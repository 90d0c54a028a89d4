"""The answer of a git server to `ls-refs` of protocol version 2, without a process.

Used by the git server, because the writer asks for a branch far more often than it fetches or pushes. A test holds its
answers to those of `git upload-pack`. https://git-scm.com/docs/protocol-v2#_ls_refs
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pygit2

from devstack.bare import BareRepository

_FLUSH, _DELIMITER = b"0000", b"0001"
_COMMAND = b"command=ls-refs"


def is_question(body: bytes) -> bool:
    """Tell whether a request's body is a whole question for refs."""
    return body[4:].startswith(_COMMAND) and body.endswith(_FLUSH)


def answer(directory: Path, body: bytes) -> bytes:
    """Answer it for a bare repository."""
    wanted = {line for line in _lines(body) if line != _COMMAND}
    prefixes = tuple(line[11:].decode("utf-8", "replace") for line in wanted if line.startswith(b"ref-prefix "))
    told = [line for name, line in _refs(directory, wanted) if not prefixes or name.startswith(prefixes)]
    return b"".join(_packet(line) for line in told) + _FLUSH


def _refs(directory: Path, wanted: set[bytes]) -> Iterator[tuple[str, str]]:
    """Give each ref's name and line, HEAD first."""
    peel, symbolic = b"peel" in wanted, b"symrefs" in wanted
    bare = BareRepository(directory)
    refs = bare.refs()
    target = (directory / "HEAD").read_text(encoding="utf-8").strip().removeprefix("ref: ")
    if target in refs:
        yield "HEAD", f"{refs[target]} HEAD" + (f" symref-target:{target}" if symbolic else "")
    elif symbolic and b"unborn" in wanted:
        yield "HEAD", f"unborn HEAD symref-target:{target}"
    for name, sha in refs.items():
        peeled = _peeled(bare, sha) if peel and name.startswith("refs/tags/") else sha
        yield name, f"{sha} {name}" + (f" peeled:{peeled}" if peeled != sha else "")


def _peeled(bare: BareRepository, sha: str) -> str:
    with suppress(KeyError, ValueError, pygit2.GitError):
        found = bare.library()[sha]
        return str(found.peel(None).id) if isinstance(found, pygit2.Tag) else sha
    return sha


def _lines(body: bytes) -> Iterator[bytes]:
    position = 0
    while position < len(body):
        length = int(body[position : position + 4], 16)
        if length > len(_DELIMITER):
            yield body[position + 4 : position + length].rstrip(b"\n")
        position += max(length, 4)


def _packet(line: str) -> bytes:
    data = f"{line}\n".encode()
    return b"%04x%s" % (len(data) + 4, data)
