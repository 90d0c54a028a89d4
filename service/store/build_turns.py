"""Whose turn it is at a builder elsewhere: the builds that were asked for there, and those that wait."""

from __future__ import annotations

from collections import Counter

import sqlalchemy as sa

from service.core.words import BuildState, Repository
from service.store.builds import Build
from service.store.database import Transaction
from service.store.tables import builds as table

_UNDER_WAY = [BuildState.QUEUED, BuildState.RUNNING, BuildState.STARTED]
_LOCK = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("key"), 0)))


def hold_turns(tx: Transaction, builder: str) -> None:
    """Let nobody else decide who is next at a builder until the transaction ends.

    On SQLite a writing transaction is alone anyway.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(_LOCK, {"key": f"turns:{builder}"})


def asked_for(tx: Transaction, builder: str) -> Counter[str]:
    """Count the builds whose start was asked for at a builder elsewhere, and which have not ended, by repository."""
    query = sa.select(table.c.repository).where(
        table.c.builder == builder,
        table.c.asked_at.is_not(None),
        table.c.state.in_(_UNDER_WAY),
    )
    return Counter(Repository(name).key for name in tx.execute(query).scalars())


def in_line(tx: Transaction, build: Build) -> Counter[str]:
    """Count the older builds that wait for their turn at the builder of this one, by repository."""
    query = sa.select(table.c.repository).where(
        table.c.builder == build.builder,
        table.c.asked_at.is_(None),
        table.c.state == BuildState.STARTED,
        table.c.created_at < build.created_at,
    )
    return Counter(Repository(name).key for name in tx.execute(query).scalars())
