"""Reads what GitHub's answers say of its limits: how long to wait, what is left, and when it is renewed.

Failures and budget call it. It keeps nothing. Times are differences to the `Date` of the same answer, so that a clock
of ours that is minutes off neither waits too long nor comes back too early.
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from service.adapters.github_api.transport import Answer

UNNAMED_WAIT = 60.0
"""The pause in seconds that GitHub asks for if it names no time that lies ahead."""
CORE = "core"
"""The limit that counts our calls; others, such as that of searching, have numbers of their own."""

_FORBIDDEN = 403
_THROTTLED = 429


@dataclass(frozen=True, slots=True)
class Left:
    """What is left of the hour's calls, and in how many seconds it is renewed."""

    limit: int
    remaining: int
    seconds: float


def limit_wait(answer: Answer, words: str, now: datetime) -> float | None:
    """Give the seconds that an answer asks us to wait because of a limit; None if it is no limit."""
    if answer.status not in {_FORBIDDEN, _THROTTLED}:
        return None
    headers = answer.headers
    asked = retry_after(headers, now)
    if asked is not None:
        return max(1.0, asked)
    if headers.get("x-ratelimit-remaining") == "0":
        renewed = _renewed_in(headers, now)
        return UNNAMED_WAIT if renewed is None or renewed <= 0 else max(1.0, renewed + 1)
    return UNNAMED_WAIT if answer.status == _THROTTLED or "rate limit" in words.lower() else None


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Give the seconds of `Retry-After`, which is a number or a date; None where it is neither.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    text = headers.get("retry-after")
    seconds = _number(text)
    if seconds is not None:
        return seconds
    then = _date(text)
    return None if then is None else (then - _sent_at(headers, now)).total_seconds()


def left_of(headers: Mapping[str, str], now: datetime) -> Left | None:
    """Give what is left of our calls; None where the answer does not tell, as of a server without limits."""
    if headers.get("x-ratelimit-resource", CORE) != CORE:
        return None
    limit, remaining = (_number(headers.get(f"x-ratelimit-{name}")) for name in ("limit", "remaining"))
    renewed = _renewed_in(headers, now)
    if limit is None or remaining is None or renewed is None:
        return None
    return Left(int(limit), int(remaining), renewed)


def _renewed_in(headers: Mapping[str, str], now: datetime) -> float | None:
    reset = _number(headers.get("x-ratelimit-reset"))
    return None if reset is None else reset - _sent_at(headers, now).timestamp()


def _sent_at(headers: Mapping[str, str], now: datetime) -> datetime:
    return _date(headers.get("date")) or now


def _date(text: str | None) -> datetime | None:
    try:
        found = parsedate_to_datetime(text) if text else None
    except (ValueError, OverflowError):
        return None
    if found is None:
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)


def _number(text: str | None) -> float | None:
    try:
        number = float(text) if text else None
    except ValueError:
        return None
    return number if number is not None and math.isfinite(number) else None
