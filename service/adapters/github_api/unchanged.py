"""What GitHub answered to reads, with the ETags by which it says that nothing has changed since.

The transport asks before each read. A kept answer is given only where GitHub says, to this very question by this very
token, that it is still the answer; that costs nothing of the hour's calls:
https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#use-conditional-requests-if-appropriate
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

LARGEST, MOST = 4_000_000, 32_000_000
"""Characters of one answer that is kept, and of all: a page of a hundred pull requests has some two million."""

Question: TypeAlias = tuple[str, str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer's text, and GitHub's name for it."""

    etag: str
    text: str


def question(token: str, place: str, parameters: Mapping[str, object] | None) -> Question:
    """Name what is asked; what one token sees is nobody else's."""
    return token, place, tuple(sorted((name, str(value)) for name, value in (parameters or {}).items()))


class Unchanged:
    """The newest answers, the longest unused of which go first. May be used from several threads."""

    def __init__(self, *, largest: int = LARGEST, most: int = MOST) -> None:
        """Begin with nothing kept."""
        self._largest, self._most = largest, most
        self._kept: OrderedDict[Question, Kept] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def of(self, asked: Question) -> Kept | None:
        """Give what was answered last."""
        with self._lock:
            kept = self._kept.get(asked)
            if kept is not None:
                self._kept.move_to_end(asked)
            return kept

    def keep(self, asked: Question, etag: str, text: str) -> None:
        """Keep an answer, unless it is too large or has no name."""
        with self._lock:
            before = self._kept.pop(asked, None)
            self._size -= len(before.text) if before is not None else 0
            if not etag or len(text) > self._largest:
                return
            self._kept[asked] = Kept(etag, text)
            self._size += len(text)
            while self._size > self._most:
                _, oldest = self._kept.popitem(last=False)
                self._size -= len(oldest.text)
