"""Configurations: mergeport.yaml as it was at each commit that was read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.core.words import Repository, Sha
from service.errors import Fault
from service.store.database import Transaction
from service.store.rows import columns, insert_or_update, one
from service.store.tables import configurations as table
from service.store.tables import reports

STATUS_CONTEXT = "mergeport/config"
"""The status of a commit of the configuration."""


@dataclass(frozen=True, slots=True)
class StoredConfiguration:
    """The text at a commit and all its faults; a run can be routed by it only if it is `good`."""

    commit: Sha
    text: str
    good: bool
    faults: Sequence[Fault]
    loaded_at: datetime


_NEWEST_FIRST = (table.c.loaded_at.desc(), table.c.sequence.desc())
_LAST_GOOD = sa.select(table.c.commit).where(table.c.good).order_by(*_NEWEST_FIRST).limit(1)


_NEWEST = sa.select(*columns(StoredConfiguration, table)).order_by(*_NEWEST_FIRST).limit(sa.bindparam("most"))
_NEWEST_GOOD = _NEWEST.where(table.c.good == sa.bindparam("good"))
_ONE = sa.select(*columns(StoredConfiguration, table)).where(table.c.commit == sa.bindparam("commit"))


def keep(tx: Transaction, configuration: StoredConfiguration) -> None:
    """Keep what was read at a commit."""
    insert_or_update(
        tx, table, ["commit"], commit=configuration.commit, text=configuration.text, good=configuration.good,
        faults=[asdict(fault) for fault in configuration.faults], loaded_at=configuration.loaded_at,
    )  # fmt: skip


def get(tx: Transaction, commit: Sha) -> StoredConfiguration | None:
    """Give the configuration of a commit."""
    return _made(tx.execute(_ONE, {"commit": commit}).first())


def last(tx: Transaction, *, good: bool | None = None) -> StoredConfiguration | None:
    """Give the newest, or the newest that is good or bad."""
    if good is None:
        return _made(tx.execute(_NEWEST, {"most": 1}).first())
    return _made(tx.execute(_NEWEST_GOOD, {"most": 1, "good": good}).first())


def last_good(tx: Transaction) -> Sha | None:
    """Give the commit of the newest that is good: the one in force."""
    return tx.execute(_LAST_GOOD).scalar()


def newest(tx: Transaction, *, limit: int = 50) -> list[StoredConfiguration]:
    """List the newest first."""
    return [found for row in tx.execute(_NEWEST, {"most": limit}) if (found := _made(row))]


def repository_of(tx: Transaction, commit: Sha) -> Repository | None:
    """Give the repository that a commit of the configuration was reported in."""
    query = sa.select(reports.c.repository).where(reports.c.commit == commit, reports.c.context == STATUS_CONTEXT)
    name = tx.execute(query).scalar()
    return Repository(name) if name else None


def _made(row: sa.Row[Any] | None) -> StoredConfiguration | None:
    found = one(StoredConfiguration, row)
    if found is None:
        return None
    faults = [_fault(kept) for kept in found.faults]
    return StoredConfiguration(found.commit, found.text, found.good, faults, found.loaded_at)


def _fault(kept: Any) -> Fault:  # noqa: ANN401 - JSON; a text where an earlier version kept it
    return Fault(**kept) if isinstance(kept, dict) else Fault("", str(kept))
