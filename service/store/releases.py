"""Releases of many applications at once, as a train needs them: what was live where, and what is under way."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import fields
from typing import Any

import sqlalchemy as sa

from service.core.words import ChangeId, RunState
from service.store.changes import Change
from service.store.database import Transaction
from service.store.deployments import Deployment
from service.store.rows import columns, made
from service.store.runs import Run
from service.store.tables import changes, deployments, runs

MOST_NAMED = 500
"""How many applications are named in one query; if there are more, all are read."""
_DEPLOYMENT = len(fields(Deployment))
_ENDED = [state for state in RunState if state.ended]


def recent(
    tx: Transaction, environments: Collection[str], applications: Collection[str], *, most: int
) -> list[tuple[Deployment, Run]]:
    """List what is and was live last in each place, the newest first, with the run of each."""
    rank = sa.func.row_number().over(
        partition_by=(deployments.c.application, deployments.c.environment), order_by=deployments.c.id.desc()
    )
    ranked = _of(sa.select(deployments, rank.label("rank")), deployments, environments, applications).subquery()
    query = (
        sa.select(*(ranked.c[field.name] for field in fields(Deployment)), *columns(Run, runs))
        .join(runs, runs.c.id == ranked.c.run_id)
        .where(ranked.c.rank <= most)
        .order_by(ranked.c.id.desc())
    )
    rows: Iterable[Any] = tx.execute(query)
    return [(Deployment(*row[:_DEPLOYMENT]), made(Run, row[_DEPLOYMENT:])) for row in rows]


def under_way(tx: Transaction, environment: str, applications: Collection[str]) -> list[Run]:
    """List the runs to an environment that have not ended, the newest first."""
    query = _of(sa.select(*columns(Run, runs)), runs, [environment], applications)
    return [
        made(Run, row) for row in tx.execute(query.where(runs.c.state.not_in(_ENDED)).order_by(runs.c.sequence.desc()))
    ]


def brought(tx: Transaction, applications: Collection[str], *, after: ChangeId, most: int) -> dict[str, list[Change]]:
    """List the last changes of each application that came after one, the newest first."""
    pairs = sa.select(runs.c.application, runs.c.change_id).where(runs.c.change_id > after).distinct()
    if len(applications) <= MOST_NAMED:
        pairs = pairs.where(runs.c.application.in_(applications))
    each = pairs.subquery()
    rank = sa.func.row_number().over(partition_by=each.c.application, order_by=each.c.change_id.desc())
    ranked = sa.select(each, rank.label("rank")).subquery()
    query = (
        sa.select(ranked.c.application, *columns(Change, changes))
        .join(changes, changes.c.id == ranked.c.change_id)
        .where(ranked.c.rank <= most)
        .order_by(changes.c.id.desc())
    )
    found: dict[str, list[Change]] = {}
    for application, *row in tx.execute(query):
        found.setdefault(application, []).append(Change(*row))
    return found


def _of(
    query: sa.Select[Any], table: sa.Table, environments: Collection[str], applications: Collection[str]
) -> sa.Select[Any]:
    query = query.where(table.c.environment.in_(sorted(environments)))
    return query.where(table.c.application.in_(applications)) if len(applications) <= MOST_NAMED else query
