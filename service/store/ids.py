"""Makes ids: ULIDs, so that they sort by the time they were made in."""

from __future__ import annotations

from datetime import datetime

from ulid import ULID


def new_id() -> str:
    """Give a new id, 26 characters."""
    return str(ULID())


def made_at(identifier: str) -> datetime:
    """Give the time at which an id was made, by the clock of the process that made it."""
    return ULID.from_str(identifier).datetime
