"""Runs by the pull request that they count on."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import sqlalchemy as sa

from service.core.words import EditState, Repository, RunId, RunState, Stage
from service.store.database import Transaction
from service.store.edits import Edit
from service.store.rows import columns, made
from service.store.runs import Run, next_generation, some
from service.store.tables import edits
from service.store.tables import runs as table

_ENDED = [state for state in RunState if state.ended]


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


def members(tx: Transaction, repository: Repository, branch: str) -> list[tuple[Edit, Run]]:
    """List the runs that share a promotion branch and have not ended or been merged, in the order of acceptance."""
    query = (
        sa.select(*columns(Edit, edits))
        .join(table, table.c.id == edits.c.run_id)
        .where(
            edits.c.repository == repository, edits.c.branch == branch,
            table.c.state.not_in(_ENDED), table.c.manifest_commit.is_(None),
        )
        .order_by(table.c.sequence)
    )  # fmt: skip
    found = [made(Edit, row) for row in tx.execute(query)]
    known = some(tx, [edit.run_id for edit in found])
    return [(edit, known[edit.run_id]) for edit in found if edit.run_id in known]


def first_on(
    tx: Transaction, repository: Repository, branch: str, number: int, *, but: RunId | None = None
) -> RunId | None:
    """Name the run that acts for all that share a pull request: the one that was accepted first, `but` another one."""
    query = (
        sa.select(table.c.id)
        .join(edits, table.c.id == edits.c.run_id)
        .where(
            edits.c.repository == repository, edits.c.branch == branch, table.c.pull_request == number,
            table.c.state.not_in(_ENDED), table.c.manifest_commit.is_(None), table.c.id != (but or ""),
        )
        .order_by(table.c.sequence)
        .limit(1)
    )  # fmt: skip
    found = tx.execute(query).scalar()
    return None if found is None else RunId(found)


def left_behind(tx: Transaction, repository: Repository, branch: str) -> list[RunId]:
    """List runs that ended without being merged, and whose edits are on a shared branch still."""
    query = (
        sa.select(edits.c.run_id)
        .join(table, table.c.id == edits.c.run_id)
        .where(
            edits.c.repository == repository, edits.c.branch == branch, edits.c.state == EditState.PUBLISHED,
            table.c.state.in_(_ENDED), table.c.manifest_commit.is_(None),
        )
    )  # fmt: skip
    return [RunId(run_id) for run_id in tx.execute(query).scalars()]


def coming(tx: Transaction, environment: str, applications: Collection[str], *, since: datetime) -> bool:
    """Tell whether a run of one of these applications is about to have its edit, and waits for nothing."""
    query = (
        sa.select(table.c.application)
        .outerjoin(edits, edits.c.run_id == table.c.id)
        .where(
            table.c.environment == environment, table.c.stage != Stage.DEPLOY, edits.c.run_id.is_(None),
            table.c.state.in_([RunState.QUEUED, RunState.RUNNING]), table.c.created_at >= since,
        )
    )  # fmt: skip
    return any(name in applications for name in tx.execute(query).scalars())


def on_number(tx: Transaction, environment: str, number: int) -> list[str]:
    """List the applications of which a run counted on a pull request."""
    query = sa.select(table.c.application).where(table.c.environment == environment, table.c.pull_request == number)
    return sorted(set(tx.execute(query).scalars()))


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
