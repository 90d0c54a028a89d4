"""The time, so that tests have their own."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """The time, so that tests have their own."""

    def now(self) -> datetime:
        """Give the time now, aware, in UTC."""
        ...
