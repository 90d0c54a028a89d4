"""Pushes that may be under way: of each branch the newest, marked before the state is read and the push begins.

Its mark counts while its writer has the branch's lease, so nothing has to be taken away when the writer dies.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from service.core.words import Repository
from service.store import leases
from service.store.database import Transaction
from service.store.ids import new_id
from service.store.rows import insert_or_update
from service.store.tables import pushes as table


def begin(tx: Transaction, repository: Repository, lease: str, holder: str) -> None:
    """Mark that a push of the branch begins; the mark of the one before is over with it."""
    insert_or_update(tx, table, ["lease"], lease=lease, repository=repository, holder=holder, id=new_id())


def under_way(tx: Transaction, repository: Repository, *, now: datetime) -> frozenset[str]:
    """Give the marks of the pushes to a repository that may be under way."""
    rows = tx.execute(sa.select(table.c.lease, table.c.holder, table.c.id).where(table.c.repository == repository))
    return frozenset(mark for lease, holder, mark in rows.all() if leases.holder(tx, lease, now=now) == holder)


def any_of(tx: Transaction, repository: Repository, marks: Collection[str], *, now: datetime) -> bool:
    """Tell whether any of these pushes may still be under way."""
    return bool(under_way(tx, repository, now=now) & frozenset(marks))
