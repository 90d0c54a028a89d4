"""Makes ids: ULIDs, so that they sort by the time they were made in."""

from __future__ import annotations

from ulid import ULID


def new_id() -> str:
    """Give a new id, 26 characters."""
    return str(ULID())
