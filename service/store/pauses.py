"""How long a pause can be, so that a clock that was ahead for a while holds nothing up after it was set right.

Used by the queries that ask whose time has come, and by who makes pauses. A time that is further away than any pause
can be was written by a clock that was ahead: it has come.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

LONGEST_PAUSE = timedelta(hours=1)
"""The longest pause, even if the other side asks for more: limits on calls are renewed every hour."""
TOLERANCE = timedelta(minutes=1)
"""How far the clocks of several machines may differ; a row from no further in the future is taken as it is."""


def pause_of(seconds: float) -> timedelta:
    """Give a pause of so many seconds, or the longest there is."""
    return min(timedelta(seconds=min(max(0.0, seconds), 1e6)), LONGEST_PAUSE)


def is_over(not_before: sa.ColumnElement[datetime | None]) -> sa.ColumnElement[bool]:
    """Give the SQL that tells whether a pause is over: none is set, its time has come, or it is too long to be ours."""
    return sa.or_(not_before.is_(None), not_before <= sa.bindparam("now"), not_before > sa.bindparam("too_far"))


def times(now: datetime) -> dict[str, datetime]:
    """Give the parameters of a statement that contains `is_over`."""
    return {"now": now, "too_far": now + LONGEST_PAUSE + TOLERANCE}


def from_ahead(written_at: datetime, now: datetime) -> bool:
    """Tell whether a time that should lie in the past was written by a clock ahead of ours."""
    return written_at > now + TOLERANCE
