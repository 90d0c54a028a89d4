"""Repositories by the forge's own ids, which stay when a repository is renamed or goes to another owner."""

from __future__ import annotations

from dataclasses import dataclass

import sqlalchemy as sa

from service.core.words import Repository
from service.store.database import Transaction
from service.store.rows import insert_or_update
from service.store.tables import repositories as table


@dataclass(frozen=True, slots=True)
class Known:
    """A repository as we have it: under which name, and what the forge calls it now."""

    name: Repository
    called: Repository


_OF_ID = sa.select(table.c.name, table.c.called).where(table.c.forge_id == sa.bindparam("forge_id"))


def of_id(tx: Transaction, forge_id: str) -> Known | None:
    """Give the repository of an id, where it was ever seen under a name of ours."""
    row = tx.execute(_OF_ID, {"forge_id": forge_id}).one_or_none()
    return None if row is None else Known(row.name, row.called)


def keep(tx: Transaction, forge_id: str, known: Known) -> None:
    """Record what a repository is called, and forget another one that had its name before."""
    tx.execute(sa.delete(table).where(table.c.name == known.name, table.c.forge_id != forge_id))
    insert_or_update(tx, table, ["forge_id"], forge_id=forge_id, name=known.name, called=known.called)


def new_name(tx: Transaction, name: Repository) -> Repository | None:
    """Give what a repository is called now, where that is another name than the one that we have it under."""
    query = sa.select(table.c.called).where(table.c.name == name, table.c.called != name)
    called: Repository | None = tx.execute(query).scalar_one_or_none()
    return called
