"""What an outside system still takes from us, as people are told of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CallBudget:
    """What is left for one login: `login` is our name of it, `installation` the App's, empty for a token.

    `limit` is 0 where it is not known. Until `held_until` no call goes out.
    """

    login: str
    installation: str
    limit: int
    remaining: int
    reset_at: datetime | None
    held_until: datetime | None = None


class CallBudgets(Protocol):
    """Knows the budgets of this process; asks nobody."""

    def standings(self) -> Sequence[CallBudget]:
        """Tell what is known to be left of each login."""
        ...
