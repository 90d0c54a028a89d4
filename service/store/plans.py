"""Plans: what a train would have moved when somebody looked, so that doing it later can tell what changed."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from service.store.database import Transaction
from service.store.rows import insert_or_update
from service.store.tables import plans as table

KEPT_FOR = timedelta(days=7)
"""How long a plan can be done."""


def keep(tx: Transaction, plan_id: str, environment: str, moves: dict[str, Any], *, at: datetime) -> None:
    """Keep a plan, and forget old ones."""
    tx.execute(sa.delete(table).where(table.c.at < at - KEPT_FOR))
    insert_or_update(tx, table, ["id"], id=plan_id, environment=environment, moves=moves, at=at)


def get(tx: Transaction, plan_id: str) -> tuple[str, dict[str, Any]] | None:
    """Give a plan's environment and what it would have moved; None if it is unknown, or forgotten."""
    row = tx.execute(sa.select(table.c.environment, table.c.moves).where(table.c.id == plan_id)).first()
    return None if row is None else (row.environment, row.moves)
