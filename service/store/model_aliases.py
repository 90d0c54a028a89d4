"""Which version each alias of a model registry names, as it was read last. What is true is in the registry."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from service.core.words import Repository
from service.store.database import Transaction
from service.store.rows import insert_or_update
from service.store.tables import model_aliases as table


def known(tx: Transaction) -> dict[tuple[Repository, str], str]:
    """Give the version of each alias by the model's source and the alias; empty where it names none any more."""
    rows = tx.execute(sa.select(table.c.repository, table.c.alias, table.c.version))
    return {(Repository(row.repository), row.alias): row.version for row in rows}


def keep(tx: Transaction, source: Repository, versions: Mapping[str, str], *, at: datetime) -> None:
    """Keep what was read of a model's aliases."""
    for alias, version in versions.items():
        insert_or_update(
            tx, table, ["repository", "alias"], repository=source, alias=alias, version=version, seen_at=at
        )
