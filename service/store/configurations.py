"""Configurations: mergeport.yaml as it was at each commit that was read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.core.words import Sha
from service.store.database import Transaction
from service.store.rows import columns, insert_or_update, one
from service.store.tables import configurations as table


@dataclass(frozen=True, slots=True)
class StoredConfiguration:
    """The text at a commit; a run can be routed by it only if it is `good`."""

    commit: Sha
    text: str
    good: bool
    faults: list[str]
    loaded_at: datetime


def keep(tx: Transaction, configuration: StoredConfiguration) -> None:
    """Keep what was read at a commit."""
    insert_or_update(
        tx, table, ["commit"], commit=configuration.commit, text=configuration.text, good=configuration.good,
        faults=configuration.faults, loaded_at=configuration.loaded_at,
    )  # fmt: skip


def get(tx: Transaction, commit: Sha) -> StoredConfiguration | None:
    """Give the configuration of a commit."""
    query = sa.select(*columns(StoredConfiguration, table)).where(table.c.commit == commit)
    return one(StoredConfiguration, tx.execute(query).first())


def last(tx: Transaction, *, good: bool | None = None) -> StoredConfiguration | None:
    """Give the newest, or the newest that is good or bad."""
    query = sa.select(*columns(StoredConfiguration, table)).order_by(table.c.loaded_at.desc(), table.c.sequence.desc())
    if good is not None:
        query = query.where(table.c.good == good)
    return one(StoredConfiguration, tx.execute(query.limit(1)).first())
