"""Addresses of the team's own that decide about promotions: what an http gate asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol


@dataclass(frozen=True, slots=True)
class GateQuestion:
    """One question: the body that is sent to an address, and the name of the secret that signs it."""

    url: str
    secret: str
    body: bytes
    timeout: timedelta


@dataclass(frozen=True, slots=True)
class GateReply:
    """What came: the status, and the body as far as it is read."""

    status: int
    body: bytes


class GateAddresses(Protocol):
    """Asks addresses, each question once."""

    def ask(self, question: GateQuestion) -> GateReply:
        """POST the question, signed, and give what came within its timeout, whatever it says.

        PermanentError where it may not be asked or its secret is not there; RetryableError where nothing came in time.
        """
        ...
