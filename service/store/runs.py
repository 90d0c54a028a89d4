"""Runs: one change of one application going to one environment."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.core.words import ChangeId, Repository, RunId, RunState, Sha, Stage, WaitOutcome
from service.store.database import Transaction
from service.store.pauses import LONGEST_PAUSE
from service.store.rows import columns, insert_new, made, one
from service.store.tables import runs as table
from service.store.tables import steps, waits


@dataclass(frozen=True, slots=True)
class Run:
    """A run. `images` are image references by name, with digests once they were read back from the registry."""

    sequence: int
    id: RunId
    change_id: ChangeId
    repository: Repository
    branch: str
    commit: Sha
    application: str
    environment: str
    generation: int
    configuration_commit: Sha
    state: RunState
    stage: Stage
    message: str
    code: str
    images: dict[str, dict[str, Any]]
    manifest_commit: Sha | None
    pull_request: int | None
    pull_request_url: str | None
    cancel_requested_by: str | None
    superseded_by: RunId | None
    workflow_id: str
    resumes: int
    shared_deaths: int
    progress: str
    created_at: datetime
    updated_at: datetime
    ended_at: datetime | None


_ENDED = [state for state in RunState if state.ended]
_OPEN_STEP = ["running", "waiting", "retrying"]
# What every step asks is put together once: that costs more than the asking.
_RUN = sa.select(*columns(Run, table)).where(table.c.id == sa.bindparam("run_id"))
_RUN_HELD = _RUN.with_for_update()
_UPDATED = sa.update(table).where(table.c.id == sa.bindparam("of_run"))


def accept(
    tx: Transaction,
    *,
    id: RunId,  # noqa: A002 - the word of the table
    change_id: ChangeId,
    repository: Repository,
    branch: str,
    commit: Sha,
    application: str,
    environment: str,
    generation: int,
    configuration_commit: Sha,
    at: datetime,
) -> bool:
    """Keep a new run, queued; False when the same one is there already."""
    return insert_new(
        tx, table, id=id, change_id=change_id, repository=repository, branch=branch, commit=commit,
        application=application, environment=environment, generation=generation,
        configuration_commit=configuration_commit, state=RunState.QUEUED, stage=Stage.BUILD, images={},
        workflow_id=f"run:{id}", created_at=at, updated_at=at,
    )  # fmt: skip


def get(tx: Transaction, run_id: RunId) -> Run | None:
    """Give a run by its id."""
    return one(Run, tx.execute(_RUN, {"run_id": run_id}).first())


def hold(tx: Transaction, run_id: RunId) -> Run | None:
    """Give a run, and keep every other process from changing it until the transaction ends.

    What is decided by how the run stands is decided on this. The run is taken before its waits, by everybody.
    """
    return one(Run, tx.execute(_RUN_HELD, {"run_id": run_id}).first())


def update(tx: Transaction, run_id: RunId, *, at: datetime, **values: Any) -> None:  # noqa: ANN401 - columns' values
    """Bring columns of a run to these values."""
    tx.execute(_UPDATED, {"of_run": run_id, "updated_at": at, **values})


def end(tx: Transaction, run_id: RunId, state: RunState, message: str, *, at: datetime, code: str = "") -> bool:
    """End a run in a final state, with its wait and its open step; one that has ended stays, and False is given."""
    result = tx.execute(
        sa.update(table)
        .where(table.c.id == run_id, table.c.state.not_in(_ENDED))
        .values(state=state, message=message, code=code, updated_at=at, ended_at=at)
    )
    if result.rowcount != 1:
        return False
    tx.execute(
        sa.update(waits)
        .where(waits.c.run_id == run_id, waits.c.answered_at.is_(None))
        .values(answered_at=at, answer=f"the run is {state}", outcome=WaitOutcome.ENDED)
    )
    tx.execute(
        sa.update(steps)
        .where(steps.c.run_id == run_id, steps.c.state.in_(_OPEN_STEP))
        .values(state="failed" if state is RunState.FAILED else "stopped", ended_at=at)
    )
    return True


def of_change(tx: Transaction, change_id: ChangeId) -> list[Run]:
    """List the runs of a change, oldest first."""
    query = sa.select(*columns(Run, table)).where(table.c.change_id == change_id).order_by(table.c.sequence)
    return [made(Run, row) for row in tx.execute(query)]


def later(tx: Transaction, run: Run) -> Run | None:
    """Give the newest run accepted after this one for the same application and environment, if it still counts."""
    return next(iter(all_later(tx, run, limit=1)), None)


def all_later(tx: Transaction, run: Run, *, limit: int = 20) -> list[Run]:
    """List the runs that were accepted after this one for the same application and environment and still count.

    The newest come first. One that ended because this one is newer, whenever it was accepted, does not count.
    """
    query = (
        sa.select(*columns(Run, table))
        .where(
            table.c.application == run.application,
            table.c.environment == run.environment,
            table.c.sequence > run.sequence,
            table.c.state.not_in([RunState.FAILED, RunState.CANCELLED]),
            sa.or_(table.c.superseded_by.is_(None), table.c.superseded_by != run.id),
        )
        .order_by(table.c.sequence.desc())
        .limit(limit)
    )
    return [made(Run, row) for row in tx.execute(query)]


def of_commit(tx: Transaction, repository: Repository, commit: Sha, environment: str) -> list[Run]:
    """List the newest generation of each application's run of a commit in an environment."""
    query = (
        sa.select(*columns(Run, table))
        .where(table.c.repository == repository, table.c.commit == commit, table.c.environment == environment)
        .order_by(table.c.sequence)
    )
    newest = {row.application: made(Run, row) for row in tx.execute(query)}
    return list(newest.values())


def last_promoted(tx: Transaction, run: Run) -> Run | None:
    """Give the newest earlier run of the same application and environment that reached the manifest repository."""
    query = (
        sa.select(*columns(Run, table))
        .where(
            table.c.application == run.application,
            table.c.environment == run.environment,
            table.c.sequence < run.sequence,
            table.c.manifest_commit.is_not(None),
        )
        .order_by(table.c.sequence.desc())
        .limit(1)
    )
    return one(Run, tx.execute(query).first())


def up_to(tx: Transaction, run: Run, *, limit: int) -> list[Run]:
    """List the runs of the same application and environment up to this one, newest first."""
    query = (
        sa.select(*columns(Run, table))
        .where(
            table.c.application == run.application,
            table.c.environment == run.environment,
            table.c.sequence <= run.sequence,
        )
        .order_by(table.c.sequence.desc())
        .limit(limit)
    )
    return [made(Run, row) for row in tx.execute(query)]


def next_generation(tx: Transaction, run: Run) -> int:
    """Give the generation that a retry of the run has."""
    return generation_after(tx, run.repository, run.branch, run.commit, run.application, run.environment)


def generation_after(
    tx: Transaction, repository: Repository, branch: str, commit: Sha, application: str, environment: str
) -> int:
    """Give the generation that comes after all runs of a commit to an environment; 0 where there is none."""
    query = sa.select(sa.func.coalesce(sa.func.max(table.c.generation), -1)).where(
        table.c.repository == repository,
        table.c.branch == branch,
        table.c.commit == commit,
        table.c.application == application,
        table.c.environment == environment,
    )
    return int(tx.execute(query).scalar_one()) + 1


def newest_of_branch(
    tx: Transaction, repository: Repository, branch: str, application: str, environment: str
) -> Run | None:
    """Give the run that a branch's commits came to last, of an application in an environment."""
    query = (
        sa.select(*columns(Run, table))
        .where(
            table.c.repository == repository,
            table.c.branch == branch,
            table.c.application == application,
            table.c.environment == environment,
        )
        .order_by(table.c.sequence.desc())
        .limit(1)
    )
    return one(Run, tx.execute(query).first())


def is_followed(tx: Transaction, repository: Repository, branch: str, commit: Sha) -> bool:
    """Tell whether another commit of the branch has a run that was accepted after one of this commit."""
    of_branch = sa.and_(table.c.repository == repository, table.c.branch == branch)
    first = sa.select(sa.func.min(table.c.sequence)).where(of_branch, table.c.commit == commit).scalar_subquery()
    query = sa.select(table.c.id).where(of_branch, table.c.commit != commit, table.c.sequence > first).limit(1)
    return tx.execute(query).first() is not None


def newest(
    tx: Transaction,
    *,
    limit: int = 50,
    application: str = "",
    environment: str = "",
    commit: str = "",
    states: Iterable[RunState] = (),
) -> list[Run]:
    """List the newest runs first, all or some."""
    query = sa.select(*columns(Run, table)).order_by(table.c.sequence.desc()).limit(limit)
    if application:
        query = query.where(table.c.application == application)
    if environment:
        query = query.where(table.c.environment == environment)
    if commit:
        query = query.where(table.c.commit == commit)
    if wanted := list(states):
        query = query.where(table.c.state.in_(wanted))
    return [made(Run, row) for row in tx.execute(query)]


def unattended(tx: Transaction, *, before: datetime, limit: int = 5000) -> list[Run]:
    """List runs that are queued or running and were last touched before a time: a workflow should have them.

    What was touched in the future, by a clock that was ahead, counts too.
    """
    touched = sa.or_(table.c.updated_at < before, table.c.updated_at > before + LONGEST_PAUSE)
    query = (
        sa.select(*columns(Run, table))
        .where(table.c.state.in_([RunState.QUEUED, RunState.RUNNING]), touched)
        .order_by(table.c.sequence)
        .limit(limit)
    )
    return [made(Run, row) for row in tx.execute(query)]


def counts(tx: Transaction, **only: str) -> dict[str, int]:
    """Count runs by state, all or those whose `application`, `environment` and `commit` are these; empty is any."""
    query = sa.select(table.c.state, sa.func.count()).group_by(table.c.state)
    for name, value in only.items():
        if value:
            query = query.where(table.c[name] == value)
    return {state: count for state, count in tx.execute(query)}  # noqa: C416 - rows, not pairs
