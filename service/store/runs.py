"""Runs: one change of one application going to one environment."""

from __future__ import annotations

from collections.abc import Collection, Iterable
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
    """A run. `images` are image references by name, with digests once they were read back from the registry.

    `rebuild` says that a person wants its images built anew, although they are there. `rollback` is set on a run that
    goes back to a former release: what `StepBack.stored` gives. `carried` is what goes along beside the images: what
    `Carried.stored` gives. `asked_by` is the person who asked for it, if one did, and `asked_id` the action that
    started it.
    """

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
    rebuild: bool = False
    rollback: dict[str, Any] | None = None
    carried: dict[str, Any] | None = None
    asked_by: str = ""
    asked_id: str = ""


_ENDED = [state for state in RunState if state.ended]
_OPEN_STEP = ["running", "waiting", "retrying"]
# The statements of every step are built once, because building costs more than running them.
_RUN = sa.select(*columns(Run, table)).where(table.c.id == sa.bindparam("run_id"))
_SOME = sa.select(*columns(Run, table)).where(table.c.id.in_(sa.bindparam("run_ids", expanding=True)))
_RUN_HELD = _RUN.with_for_update()
_UPDATED = sa.update(table).where(table.c.id == sa.bindparam("of_run"))
_ENDED_RUN = _UPDATED.where(table.c.state.not_in(_ENDED))
_ENDED_WAIT = sa.update(waits).where(waits.c.run_id == sa.bindparam("of_run"), waits.c.answered_at.is_(None))
_ENDED_STEP = sa.update(steps).where(steps.c.run_id == sa.bindparam("of_run"), steps.c.state.in_(_OPEN_STEP))
_OF_COMMIT = (
    sa.select(*columns(Run, table))
    .where(
        table.c.repository == sa.bindparam("repository"), table.c.commit == sa.bindparam("commit"),
        table.c.environment == sa.bindparam("environment"),
    )
    .order_by(table.c.sequence)
)  # fmt: skip
_UNATTENDED = (
    sa.select(*columns(Run, table))
    .where(
        table.c.state.in_([RunState.QUEUED, RunState.RUNNING]),
        sa.or_(table.c.updated_at < sa.bindparam("before"), table.c.updated_at > sa.bindparam("too_far")),
    )
    .order_by(table.c.sequence)
    .limit(sa.bindparam("most"))
)


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
    rebuild: bool = False,
    asked_by: str = "",
    asked_id: str = "",
) -> bool:
    """Keep a new run, queued; False when the same one is there already."""
    return insert_new(
        tx, table, id=id, change_id=change_id, repository=repository, branch=branch, commit=commit,
        application=application, environment=environment, generation=generation,
        configuration_commit=configuration_commit, state=RunState.QUEUED, stage=Stage.BUILD, images={},
        workflow_id=f"run:{id}", created_at=at, updated_at=at, rebuild=rebuild,
        asked_by=asked_by, asked_id=asked_id,
    )  # fmt: skip


def get(tx: Transaction, run_id: RunId) -> Run | None:
    """Give a run by its id."""
    return one(Run, tx.execute(_RUN, {"run_id": run_id}).first())


def some(tx: Transaction, run_ids: Collection[RunId]) -> dict[RunId, Run]:
    """Give several runs by their ids."""
    found = [made(Run, row) for row in tx.execute(_SOME, {"run_ids": list(run_ids)})]
    return {run.id: run for run in found}


def hold(tx: Transaction, run_id: RunId) -> Run | None:
    """Give a run, and keep every other process from changing it until the transaction ends.

    Decisions that depend on the run's state are made on this row. Everybody locks a run before its waits.
    """
    return one(Run, tx.execute(_RUN_HELD, {"run_id": run_id}).first())


def update(tx: Transaction, run_id: RunId, *, at: datetime, **values: Any) -> None:  # noqa: ANN401 - columns' values
    """Bring columns of a run to these values."""
    tx.execute(_UPDATED, {"of_run": run_id, "updated_at": at, **values})


def end(tx: Transaction, run_id: RunId, state: RunState, message: str, *, at: datetime, code: str = "") -> bool:
    """End a run in a final state, with its wait and its open step; False when it had ended before."""
    ended = {"state": state, "message": message, "code": code, "updated_at": at, "ended_at": at}
    if tx.execute(_ENDED_RUN, {"of_run": run_id, **ended}).rowcount != 1:
        return False
    answered = {"answered_at": at, "answer": f"the run is {state}", "outcome": WaitOutcome.ENDED}
    tx.execute(_ENDED_WAIT, {"of_run": run_id, **answered})
    tx.execute(
        _ENDED_STEP, {"of_run": run_id, "state": "failed" if state is RunState.FAILED else "stopped", "ended_at": at}
    )
    return True


def of_change(tx: Transaction, change_id: ChangeId) -> list[Run]:
    """List the runs of a change, oldest first."""
    query = sa.select(*columns(Run, table)).where(table.c.change_id == change_id).order_by(table.c.sequence)
    return [made(Run, row) for row in tx.execute(query)]


def of_commit(tx: Transaction, repository: Repository, commit: Sha, environment: str) -> list[Run]:
    """List the newest generation of each application's run of a commit in an environment."""
    asked = {"repository": repository, "commit": commit, "environment": environment}
    newest = {row.application: made(Run, row) for row in tx.execute(_OF_COMMIT, asked)}
    return list(newest.values())


def of_action(tx: Transaction, asked_id: str) -> list[Run]:
    """List the runs that an action of a person has started, oldest first."""
    query = sa.select(*columns(Run, table)).where(table.c.asked_id == asked_id).order_by(table.c.sequence)
    return [made(Run, row) for row in tx.execute(query)] if asked_id else []


def failed_of_commit(tx: Transaction, repository: Repository, commit: str) -> list[Run]:
    """List the runs of a commit that have failed, oldest first, to whatever environment."""
    query = (
        sa.select(*columns(Run, table))
        .where(table.c.repository == repository, table.c.commit == commit, table.c.state == RunState.FAILED)
        .order_by(table.c.sequence)
    )
    return [made(Run, row) for row in tx.execute(query)]


def failed_since(tx: Transaction, since: datetime, codes: Collection[str], *, limit: int) -> list[Run]:
    """List the runs that have failed with one of the codes since then, newest first."""
    query = (
        sa.select(*columns(Run, table))
        .where(table.c.state == RunState.FAILED, table.c.updated_at >= since, table.c.code.in_(codes))
        .order_by(table.c.updated_at.desc())
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


def unattended(tx: Transaction, *, before: datetime, limit: int = 500) -> list[Run]:
    """List runs that are queued or running and were last touched before a time: a workflow should have them.

    What was touched in the future, by a clock that was ahead, counts too. Those accepted first come first; the others'
    turn comes as these go on.
    """
    asked = {"before": before, "too_far": before + LONGEST_PAUSE, "most": limit}
    return [made(Run, row) for row in tx.execute(_UNATTENDED, asked)]


def counts(tx: Transaction, **only: str) -> dict[str, int]:
    """Count runs by state, all or those whose `application`, `environment` and `commit` are these; empty is any."""
    query = sa.select(table.c.state, sa.func.count()).group_by(table.c.state)
    for name, value in only.items():
        if value:
            query = query.where(table.c[name] == value)
    return {state: count for state, count in tx.execute(query)}  # noqa: C416 - rows, not pairs
