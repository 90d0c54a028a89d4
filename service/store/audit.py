"""Audit: what people did by hand, and who."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from service.store.database import Transaction
from service.store.tables import audit as table


def record(tx: Transaction, *, at: datetime, actor: str, action: str, subject: str, detail: str = "") -> None:
    """Record one action of a person."""
    tx.execute(sa.insert(table).values(at=at, actor=actor, action=action, subject=subject, detail=detail))
