"""What an http gate's address answered to one question. A value; the http gate asks and reads it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """One answer: to which question, by its id, with which status and body, and when it came."""

    question: str
    status: int
    body: bytes
    at: datetime
