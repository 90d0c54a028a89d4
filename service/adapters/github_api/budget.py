"""What GitHub takes from one login: until when no call goes out, how fast content is made, what is left of the hour.

The connection asks before each call and tells of each answer. There is one budget for each token or installation, for
all threads and connections of the process. It never sleeps and makes no call.
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from service.adapters.github_api.limits import left_of
from service.adapters.github_api.tokens import AppLogin, TokenLogin
from service.ports import CallBudget

LONGEST_HOLD = timedelta(hours=1)
"""GitHub's longest limit; a longer one was written by a clock that was ahead, and is over."""
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)


class Use(StrEnum):
    """What a call is for: `LATE` is what may wait for pull requests and builds, such as a status on a commit."""

    READ = "read"
    CONTENT = "content"
    LATE = "late"


MOST: Mapping[Use, Sequence[tuple[timedelta, int]]] = {
    Use.READ: (),
    Use.CONTENT: ((MINUTE, 75), (HOUR, 480)),
    Use.LATE: ((MINUTE, 60), (HOUR, 400)),
}
"""Content that is made in a time, of both kinds together: GitHub takes 80 a minute and 500 an hour.

A few are left for what its clock counts otherwise. What is late leaves room for what is not.
"""
POINTS: Mapping[Use, int] = {Use.READ: 850, Use.CONTENT: 850, Use.LATE: 700}
"""Points that are spent in a minute, of which GitHub takes 900: a call that reads is one, any other five."""
WRITE_POINTS = 5


@dataclass(frozen=True, slots=True)
class Blocked:
    """A call that may not go out yet: for how many seconds, and why."""

    seconds: float
    why: str


class Budget:
    """The budget of one token or installation. May be used from several threads."""

    def __init__(self, login: str, installation: str, now: Callable[[], datetime]) -> None:
        """Begin with nothing known."""
        self.now = now
        self._login = login
        self._installation = installation
        self._lock = threading.Lock()
        self._made: deque[datetime] = deque()
        self._promised: dict[Use, list[datetime]] = {Use.CONTENT: [], Use.LATE: []}
        self._spent: deque[tuple[datetime, int]] = deque()
        self._points = 0
        self._until: datetime | None = None
        self._why = ""
        self._is_limited = True
        self._standing: CallBudget | None = None

    def enter(self, use: Use) -> Blocked | None:
        """Count a call that is about to go out; or tell that it may not yet, and count nothing."""
        with self._lock:
            now = self.now()
            left = self._held_for(now)
            if left is not None:
                return Blocked(left.total_seconds(), self._why)
            if not self._is_limited:
                return None
            weight = 1 if use is Use.READ else WRITE_POINTS
            blocked = self._spaced(use, now) or self._out_of_points(use, weight, now)
            if blocked is None:
                self._spent.append((now, weight))
                self._points += weight
                if use is not Use.READ:
                    self._made.append(now)
            return blocked

    def heard(self, headers: Mapping[str, str], *, good: bool) -> None:
        """Take what an answer tells of the hour's calls; once nothing is left, nothing goes out until the reset."""
        with self._lock:
            now = self.now()
            left = left_of(headers, now)
            if left is None:
                if good and "x-ratelimit-limit" not in headers:
                    self._is_limited = False  # an enterprise server, which has no limits unless somebody sets them
                return
            self._is_limited = True
            self._standing = CallBudget(
                self._login, self._installation, left.limit, left.remaining, now + timedelta(seconds=left.seconds)
            )
            if left.remaining <= 0 and left.seconds > 0:
                self._hold(now, left.seconds + 1, f"all {left.limit} calls of the hour are made")

    def hold(self, seconds: float, why: str) -> None:
        """Let nothing go out for so many seconds, because GitHub asked for it."""
        with self._lock:
            self._hold(self.now(), seconds, why)

    def standing(self) -> CallBudget | None:
        """Tell what is left, for people; None before the first answer that tells it."""
        with self._lock:
            known, held = self._standing, self._held_for(self.now())
            if known is None and held is None:
                return None
            known = known or CallBudget(self._login, self._installation, 0, 0, None)
            return CallBudget(
                known.login, known.installation, known.limit, known.remaining, known.reset_at,
                self._until if held is not None else None,
            )  # fmt: skip

    def _hold(self, now: datetime, seconds: float, why: str) -> None:
        until = now + min(timedelta(seconds=min(seconds, 1e6)), LONGEST_HOLD)
        if self._held_for(now) is None or self._until is None or until > self._until:
            self._until, self._why = until, why

    def _held_for(self, now: datetime) -> timedelta | None:
        """Give how long nothing goes out; a time further away than any hold is of a clock that was ahead."""
        left = self._until - now if self._until is not None else None
        return left if left is not None and timedelta(0) < left <= LONGEST_HOLD else None

    def _spaced(self, use: Use, now: datetime) -> Blocked | None:
        while self._made and self._made[0] <= now - HOUR:
            self._made.popleft()
        while self._made and self._made[-1] > now:  # the clock was set back
            self._made.pop()
        for span, most in MOST[use]:
            if len(self._made) >= most and self._made[-most] + span > now:
                frees = self._next_free(use, span, most, now)
                return Blocked((frees - now).total_seconds(), f"{most} changes in {_words(span)} are made")
        return None

    def _out_of_points(self, use: Use, weight: int, now: datetime) -> Blocked | None:
        while self._spent and not now - MINUTE < self._spent[0][0] <= now:
            self._points -= self._spent.popleft()[1]
        free = POINTS[use] - self._points - weight
        if free >= 0:
            return None
        for at, spent in self._spent:
            free += spent
            if free >= 0:
                return Blocked((at + MINUTE - now).total_seconds(), f"{POINTS[use]} points in a minute are spent")
        return None

    def _next_free(self, use: Use, span: timedelta, most: int, now: datetime) -> datetime:
        """Give each one that waits a time of its own, so that they do not all come back for the one place."""
        promised = [at for at in self._promised[use] if now < at <= now + span]
        place = len(self._made) - most + len(promised)
        frees = self._made[place] + span if place < len(self._made) else now + span
        self._promised[use] = [*promised, frees]
        return frees


class Budgets:
    """The budgets of this process, one for each token and installation; `ports.CallBudgets`."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        """Take the clock; budgets come with their first calls."""
        self._now = now
        self._lock = threading.Lock()
        self._kept: dict[tuple[str, TokenLogin | AppLogin, int | None], Budget] = {}

    def of(self, api_url: str, login: TokenLogin | AppLogin, installation: int | None, name: str) -> Budget:
        """Give the budget of a login; `name` is what people know it by, and the first one counts.

        An App's own calls, which are not made for an installation, have a budget of their own.
        """
        key = (api_url.rstrip("/"), login, installation)
        with self._lock:
            if key not in self._kept:
                self._kept[key] = Budget(name, "" if installation is None else str(installation), self._now)
            return self._kept[key]

    def standings(self) -> Sequence[CallBudget]:
        """Tell what is known to be left of each."""
        with self._lock:
            kept = list(self._kept.values())
        return [told for one in kept if (told := one.standing()) is not None]


def _words(span: timedelta) -> str:
    return "a minute" if span <= MINUTE else "an hour"
