"""Sightings: what was seen so far of a run's commit in its deployer. Kept beside the wait, since it outlives one."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from service.core.words import RunId
from service.store.database import Transaction
from service.store.rows import insert_or_update
from service.store.tables import sightings as table

_OF_RUNS = sa.select(table.c.run_id, table.c.past).where(table.c.run_id.in_(sa.bindparam("run_ids", expanding=True)))


def keep(tx: Transaction, run_id: RunId, past: str) -> None:
    """Keep what was seen, in place of what was kept before."""
    insert_or_update(tx, table, ["run_id"], run_id=run_id, past=past)


def of_runs(tx: Transaction, run_ids: Collection[RunId]) -> dict[RunId, str]:
    """Give what was seen of each of these runs; those of which nothing was are left out."""
    return {RunId(run_id): past for run_id, past in tx.execute(_OF_RUNS, {"run_ids": list(run_ids)})}
