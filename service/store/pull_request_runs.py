"""Runs by the pull request that they count on."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import sqlalchemy as sa

from service.core.words import RunState
from service.store.database import Transaction
from service.store.rows import columns, made
from service.store.runs import Run, next_generation
from service.store.tables import runs as table


def others_on(tx: Transaction, run: Run, number: int) -> list[Run]:
    """List the other runs of the same application and environment that still count on a pull request."""
    query = sa.select(*columns(Run, table)).where(
        table.c.application == run.application,
        table.c.environment == run.environment,
        table.c.pull_request == number,
        table.c.state.not_in([state for state in RunState if state.ended]),
        table.c.id != run.id,
    )
    return [made(Run, row) for row in tx.execute(query)]


def newest_on(tx: Transaction, application: str, environment: str, number: int) -> list[Run]:
    """List the newest generations of an application's runs in an environment that counted on a pull request.

    The newest run comes first.
    """
    query = (
        sa.select(*columns(Run, table))
        .where(table.c.application == application, table.c.environment == environment, table.c.pull_request == number)
        .order_by(table.c.sequence.desc())
    )
    found: dict[str, Run] = {}
    for row in tx.execute(query):
        run = made(Run, row)
        found.setdefault(run.change_id, run)
    return [run for run in found.values() if next_generation(tx, run) == run.generation + 1]


def left(tx: Transaction, *, since: datetime, numbers: Iterable[int] | None = None, limit: int = 500) -> list[Run]:
    """List runs that ended since then without success, and counted on a pull request that was not merged for them.

    With `numbers`, only those of these pull requests, in whatever repository.
    """
    query = (
        sa.select(*columns(Run, table))
        .where(
            table.c.pull_request.is_not(None),
            table.c.manifest_commit.is_(None),
            table.c.state.in_([RunState.FAILED, RunState.CANCELLED, RunState.SUPERSEDED]),
            table.c.ended_at >= since,
        )
        .order_by(table.c.sequence.desc())
        .limit(limit)
    )
    if numbers is not None:
        query = query.where(table.c.pull_request.in_(list(numbers)))
    return [made(Run, row) for row in tx.execute(query)]
