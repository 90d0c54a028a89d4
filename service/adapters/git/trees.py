"""Git's directories in their own bytes: find entries by name, put entries in, and leave all others as they are.

Used by `objects`. A directory of 15,000 applications is half a megabyte: taking it apart and having git put it together
again costs more than all the rest of a write. It starts no git; that the bytes are git's own is held by tests.
"""

from __future__ import annotations

import hashlib
import re
from bisect import bisect
from collections.abc import Collection, Iterator, Mapping
from typing import NamedTuple

from service.adapters.git.running import BrokenRepositoryError

FILE, EXECUTABLE, LINK, SUBMODULE, DIRECTORY = "100644", "100755", "120000", "160000", "40000"

_ENTRY = re.compile(rb"([0-7]+) ([^\0]+)\0(.{20})", re.DOTALL)
"""Mode, space, name, NUL and the SHA's bytes, again and again: https://git-scm.com/docs/git-mktree

No possessive quantifiers here and below: the Python 3.11.2 of Debian 12 matches wrongly with them.
"""


class Entry(NamedTuple):
    """One line of a tree."""

    mode: str
    sha: str


class Made(NamedTuple):
    """A new object, not written yet: its kind (`blob`, `tree` or `commit`) and its bytes."""

    kind: str
    content: bytes

    @property
    def whole(self) -> bytes:
        """Its bytes as git keeps them, before they are compressed."""
        return f"{self.kind} {len(self.content)}\0".encode() + self.content

    @property
    def sha(self) -> str:
        """Its name, which its kind and bytes alone decide."""
        return hashlib.sha1(self.whole, usedforsecurity=False).hexdigest()


def find(raw: bytes, names: Collection[bytes]) -> dict[bytes, Entry]:
    """Give those of the named entries that a directory contains."""
    return {found[2]: Entry(f"{int(found[1], 8):o}", found[3].hex()) for found in _hits(raw, names)}


def put(raw: bytes, entries: Mapping[bytes, Entry]) -> bytes:
    """Put entries into a directory: an existing one keeps place and mode, a new one goes where git sorts it."""
    made, there = bytearray(raw), set()
    for found in _hits(raw, entries):
        made[found.start(3) : found.end(3)] = bytes.fromhex(entries[found[2]].sha)
        there.add(found[2])
    new = {_order(name, entry.mode): name for name, entry in entries.items() if name not in there}
    if not new:
        return bytes(made)
    places = [(_order(found[2], found[1].decode()), found.start()) for found in _ENTRY.finditer(raw)]
    keys, ends = [key for key, _ in places], [*(start for _, start in places), len(raw)]
    parts: list[bytes | bytearray] = []
    begin = 0
    for key, name in sorted(new.items()):
        end = ends[bisect(keys, key)]
        entry = entries[name]
        parts += [made[begin:end], b"%s %s\0%s" % (entry.mode.encode(), name, bytes.fromhex(entry.sha))]
        begin = end
    return b"".join([*parts, made[begin:]])


def _hits(raw: bytes, names: Collection[bytes]) -> Iterator[re.Match[bytes]]:
    """Find entries by name in one pass over all entries, because a name's bytes may also occur in a SHA."""
    if not names:
        return
    wanted = b"|".join(re.escape(name) for name in names)
    others = re.compile(rb"(?:(?![0-7]+ (?:" + wanted + rb")\0)[0-7]+ [^\0]+\0.{20})*", re.DOTALL)
    place = 0
    while (skipped := others.match(raw, place)) and (place := skipped.end()) < len(raw):
        found = _ENTRY.match(raw, place)
        if found is None:
            raise BrokenRepositoryError(f"a directory is not well-formed at byte {place}")
        yield found
        place = found.end()


def _order(name: bytes, mode: str) -> bytes:
    """Give the sort key that git uses: a directory sorts as if its name ended in a slash."""
    return name + b"/" if int(mode, 8) == int(DIRECTORY, 8) else name
