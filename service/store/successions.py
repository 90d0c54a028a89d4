"""Which run follows a superseded one, and whose statuses follow a run: chains, through retries."""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa

from service.core.words import Repository, RunId, RunState, Sha
from service.store.database import Transaction
from service.store.rows import columns, made
from service.store.runs import Run, get, hold
from service.store.tables import runs as table

MOST_FOLLOWED = 2_000
"""How many runs of a chain are followed."""
_KEY = ("repository", "branch", "commit", "application", "environment")
"""What all generations of a run have in common."""

Known = dict[RunId, Run | None]
"""The ends of the chains that were followed in a transaction."""


def _followers() -> sa.Select[tuple[Repository, str, str]]:
    """Build the query that leads from runs to all that they superseded, directly or through others."""
    start = sa.select(*(table.c[name] for name in _KEY)).where(table.c.id.in_(sa.bindparam("ids", expanding=True)))
    chain = start.cte("chain", recursive=True)
    above = table.alias("above")
    step = (
        sa.select(*(table.c[name] for name in _KEY))
        .join(above, table.c.superseded_by == above.c.id)
        .join(chain, sa.and_(*(above.c[name] == chain.c[name] for name in _KEY)))
        .where(table.c.state == RunState.SUPERSEDED)
    )
    chain = chain.union(step)
    return sa.select(chain.c.repository, chain.c.commit, chain.c.environment).distinct()


_FOLLOWERS = _followers()
_GENERATIONS = sa.select(*columns(Run, table)).where(*(table.c[name] == sa.bindparam(name) for name in _KEY))


def last_of_chain(tx: Transaction, run: Run, known: Known, *, held: bool = False) -> Run | None:
    """Follow a superseded run to the end of its chain: a run that is under way or ended otherwise; None if unknown.

    A successor that was retried is followed at its newest generation. With `held`, the rows of the chain stay locked
    until the transaction ends. The result is added to `known`.
    """
    seen = [run.id]
    last: Run | None = None
    while run.superseded_by is not None and len(seen) < MOST_FOLLOWED:
        successor = (hold if held else get)(tx, run.superseded_by)
        if successor is None:
            break
        run = _newest_generation(tx, successor)
        if run.state is not RunState.SUPERSEDED:
            last = run
            break
        if run.id in known:
            last = known[run.id]
            break
        if run.id in seen:
            break
        seen.append(run.id)
    known.update(dict.fromkeys(seen, last))
    return last


def followers(tx: Transaction, some: Collection[Run]) -> set[tuple[Repository, Sha, str]]:
    """Name commits and environments of the runs that one of these superseded, directly or through others."""
    rows = tx.execute(_FOLLOWERS, {"ids": [run.id for run in some]})
    return {(row.repository, row.commit, row.environment) for row in rows}


def committed_after(tx: Transaction, run: Run, *, limit: int = 20) -> list[Run]:
    """List the newest runs after this one of the same application and environment that reached the manifests."""
    query = (
        sa.select(*columns(Run, table))
        .where(
            table.c.application == run.application,
            table.c.environment == run.environment,
            table.c.sequence > run.sequence,
            table.c.manifest_commit.is_not(None),
        )
        .order_by(table.c.sequence.desc())
        .limit(limit)
    )
    return [made(Run, row) for row in tx.execute(query)]


def _newest_generation(tx: Transaction, run: Run) -> Run:
    rows = tx.execute(_GENERATIONS, {name: getattr(run, name) for name in _KEY})
    return max((made(Run, row) for row in rows), key=lambda one: one.sequence, default=run)
