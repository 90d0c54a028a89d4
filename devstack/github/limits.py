"""GitHub's limits on calls, counted for each token or installation: off (headers alone), on, or none at all.

Every request of the API passes here. Off is the default, so that tests of other things are never refused.
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from email.utils import formatdate
from enum import StrEnum

from devstack.github.refusal import RefusalError
from devstack.github.state import Token

HOUR, MINUTE = 3600, 60
WRITE_POINTS = 5
SECONDARY = "You have exceeded a secondary rate limit. Please wait a few minutes before you try again."


class Mode(StrEnum):
    """What becomes of the counts; NONE is an enterprise server, which has no limits unless somebody sets them."""

    OFF = "off"
    ON = "on"
    NONE = "none"


@dataclass(slots=True)
class Account:
    """What one token or installation has asked: the times of its calls, and of those that made content."""

    used: int = 0
    hour: int = -1
    calls: list[tuple[float, int]] = field(default_factory=list)
    made: list[float] = field(default_factory=list)


class Limits:
    """The limits of one GitHub; its numbers and clock may be set. `refused` counts the refusals."""

    def __init__(self) -> None:
        self.mode = Mode.OFF
        self.clock: Callable[[], float] = time.time
        self.an_hour, self.points, self.content_a_minute, self.content_an_hour = 5000, 900, 80, 500
        self.refused = 0
        self._accounts: dict[str, Account] = {}
        self._lock = threading.Lock()

    def on(self, clock: Callable[[], float] = time.time) -> None:
        """Begin to refuse, with nothing counted yet."""
        self.mode, self.clock = Mode.ON, clock
        self._accounts.clear()

    def most_in_a_minute(self) -> tuple[int, int]:
        """Give the most points, and the most calls that make content, that any account had within a minute."""
        with self._lock:
            accounts = list(self._accounts.values())
        points = max((_most(one.calls) for one in accounts), default=0)
        return points, max((_most([(at, 1) for at in one.made]) for one in accounts), default=0)

    def take(self, token: Token, method: str) -> None:
        """Count one call, or refuse it as GitHub does."""
        with self._lock:
            now, one = self.clock(), self._account(token)
            if self.mode is Mode.ON:
                self._refuse(one, method, now)
            one.used += 1
            one.calls.append((now, 1 if _reads(method) else WRITE_POINTS))
            if not _reads(method):
                one.made.append(now)

    def give_back(self, token: Token) -> None:
        """Do not count a call of the hour after all, because its answer was that nothing has changed."""
        with self._lock:
            one = self._account(token)
            one.used = max(0, one.used - 1)

    def headers(self, token: Token | None) -> dict[str, str]:
        """Give the headers of an answer; while the limits are off the calls never run out."""
        if self.mode is Mode.NONE:
            return {}
        with self._lock:
            used = self._account(token).used if token is not None else 0
            remaining = max(0 if self.mode is Mode.ON else 1, self.an_hour - used)
            return {
                "X-RateLimit-Limit": str(self.an_hour),
                "X-RateLimit-Remaining": str(remaining),
                "X-RateLimit-Used": str(used),
                "X-RateLimit-Reset": str(self._reset()),
                "X-RateLimit-Resource": "core",
                "Date": formatdate(self.clock(), usegmt=True),
            }

    def _refuse(self, one: Account, method: str, now: float) -> None:
        if one.used >= self.an_hour:
            self.refused += 1
            raise RefusalError(403, "API rate limit exceeded for user ID 1001.")
        points = sum(weight for at, weight in one.calls if at > now - MINUTE)
        minute, hour = (sum(1 for at in one.made if at > now - span) for span in (MINUTE, HOUR))
        full = minute >= self.content_a_minute or hour >= self.content_an_hour
        if points >= self.points or (full and not _reads(method)):
            self.refused += 1
            raise RefusalError(403, SECONDARY, headers={"Retry-After": str(MINUTE)})

    def _account(self, token: Token) -> Account:
        key = token.text if token.installation is None else str(token.installation)
        one = self._accounts.setdefault(key, Account())
        hour = int(self.clock()) // HOUR
        if one.hour != hour:
            one.hour, one.used = hour, 0
        return one

    def _reset(self) -> int:
        return int(self.clock()) // HOUR * HOUR + HOUR


def _reads(method: str) -> bool:
    return method in {"GET", "HEAD"}


def _most(weighed: list[tuple[float, int]]) -> int:
    most = total = start = 0
    for at, weight in weighed:
        total += weight
        while weighed[start][0] <= at - MINUTE:
            total -= weighed[start][1]
            start += 1
        most = max(most, total)
    return most
