"""What outside systems still take from us, as the workers learnt it last: for the metrics, and never decided by.

Every worker keeps to what it was answered itself. The row of a login is of whichever worker wrote last.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.store.database import Transaction
from service.store.rows import columns, insert_or_update, made
from service.store.tables import call_budgets as table


@dataclass(frozen=True, slots=True)
class KeptBudget:
    """The calls of one login: `most` until `reset_at`; 0 where it is not known. Until `held_until` none goes out."""

    login: str
    installation: str
    most: int
    remaining: int
    reset_at: datetime | None
    held_until: datetime | None
    seen_at: datetime

    def left(self, now: datetime) -> int:
        """Give how many calls are left now: all of them once the limit was renewed."""
        return self.most if self.reset_at is not None and self.reset_at <= now else self.remaining

    def held_for(self, now: datetime) -> float:
        """Give for how many seconds no call goes out."""
        return max(0.0, (self.held_until - now).total_seconds()) if self.held_until is not None else 0.0


def keep(tx: Transaction, budget: KeptBudget) -> None:
    """Record what is left of a login's calls."""
    insert_or_update(
        tx, table, ["login", "installation"], login=budget.login, installation=budget.installation, most=budget.most,
        remaining=budget.remaining, reset_at=budget.reset_at, held_until=budget.held_until, seen_at=budget.seen_at,
    )  # fmt: skip


def known(tx: Transaction) -> list[KeptBudget]:
    """List what is known, by login."""
    query = sa.select(*columns(KeptBudget, table)).order_by(table.c.login, table.c.installation)
    return [made(KeptBudget, row) for row in tx.execute(query)]
