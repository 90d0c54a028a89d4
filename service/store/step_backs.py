"""Step backs: places where a release was gone back from deliberately, each with the hold that keeps it so."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.core.words import Repository
from service.store.database import Transaction
from service.store.rows import columns, insert_or_update, made
from service.store.tables import step_backs as table


@dataclass(frozen=True, slots=True)
class KnownStepBack:
    """One step back: `id` is what placed the hold, `hold_id` the hold in force there, which may be another one."""

    id: str
    repository: Repository
    application: str
    environment: str
    hold_id: str
    at: datetime


_ALL = sa.select(*columns(KnownStepBack, table)).order_by(table.c.id)


def keep(tx: Transaction, one: KnownStepBack) -> None:
    """Remember a step back whose hold is in force."""
    insert_or_update(
        tx, table, ["id"], id=one.id, repository=one.repository, application=one.application,
        environment=one.environment, hold_id=one.hold_id, at=one.at,
    )  # fmt: skip


def listed(tx: Transaction) -> list[KnownStepBack]:
    """List all step backs whose hold was not seen to end."""
    return [made(KnownStepBack, row) for row in tx.execute(_ALL)]


def forget(tx: Transaction, one: KnownStepBack) -> bool:
    """Forget a step back; False if somebody else has."""
    return bool(tx.execute(sa.delete(table).where(table.c.id == one.id)).rowcount == 1)
