"""Requests that are refused before they are whole: the words of the answer, and one line in the log for many of them.

Used by the worker's loop. What a whole request is refused for is the application's to say.
"""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass

import structlog

logger = structlog.stdlib.get_logger(__name__)

_TELL_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is refused before it was read, as the answer puts it."""

    status: str
    message: str
    code: str
    hint: str

    def answer(self) -> bytes:
        """Give the whole answer, in the words and the shape of every refusal."""
        body = json.dumps({"error": self.code, "message": self.message, "hint": self.hint}).encode()
        head = (
            f"HTTP/1.1 {self.status}\r\nConnection: close\r\nContent-Type: application/json\r\n"
            f"Retry-After: 5\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        return head.encode() + body


TOO_SLOW = Refusal(
    "408 Request Timeout",
    "The request arrived too slowly",
    code="request-too-slow",
    hint="send it again over a faster connection",
)
TOO_MANY = Refusal(
    "503 Service Unavailable",
    "Too many connections are open, and this one was ended to make room",
    code="too-many-connections",
    hint="send it again in a few seconds",
)
TOO_LARGE_TOGETHER = Refusal(
    "503 Service Unavailable",
    "Too many large requests are under way, and this one was ended to make room",
    code="too-many-large-bodies",
    hint="send it again in a few seconds",
)
NO_ROOM = Refusal(
    "503 Service Unavailable",
    "There is no room on the disk for a large request",
    code="no-room-for-bodies",
    hint="make room in the directory for temporary files",
)


class RefusalLog:
    """Logs once in a while how many were refused, so that slow clients cannot fill the log."""

    def __init__(self) -> None:
        """Begin with no refusals."""
        self._since: Counter[Refusal] = Counter()
        self._told_at = float("-inf")

    def add(self, refusal: Refusal) -> None:
        """Count one refused request."""
        self._since[refusal] += 1

    def tell(self, now: float) -> None:
        """Log the counts, unless that was done a moment ago."""
        if self._since and now - self._told_at >= _TELL_SECONDS:
            for refusal, count in self._since.items():
                logger.warning("requests were refused before they were whole", code=refusal.code, count=count)
            self._since.clear()
            self._told_at = now
