"""Steps: the record of each part of a run, in the order in which they first began."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa

from service.core.words import RunId, Stage
from service.store.database import Transaction
from service.store.rows import columns, made, one
from service.store.tables import steps as table


@dataclass(frozen=True, slots=True)
class Step:
    """The record of a step: its name, times and what people should see."""

    run_id: RunId
    name: str
    stage: Stage
    position: int
    state: str
    message: str
    attempts: int
    started_at: datetime
    ended_at: datetime | None


# Every step of every run uses these. They are built once, because building costs more than running them.
_STEP = sa.select(*columns(Step, table)).where(
    table.c.run_id == sa.bindparam("run_id"), table.c.name == sa.bindparam("name")
)
_OF_RUN = sa.select(*columns(Step, table)).where(table.c.run_id == sa.bindparam("run_id")).order_by(table.c.position)
_FIRST_TIME = sa.insert(table).values(
    run_id=sa.bindparam("run_id"), name=sa.bindparam("name"), stage=sa.bindparam("stage"),
    position=sa.bindparam("position"), state="running", attempts=1, started_at=sa.bindparam("at"),
)  # fmt: skip
_UPDATED_STEP = sa.update(table).where(table.c.run_id == sa.bindparam("of_run"), table.c.name == sa.bindparam("called"))
_ENDED_STEP = (
    sa.update(table)
    .where(
        table.c.run_id == sa.bindparam("of_run"),
        table.c.name == sa.bindparam("called"),
        sa.or_(table.c.state != "succeeded", sa.bindparam("new_state") != "succeeded"),
    )
    .values(state=sa.bindparam("new_state"), message=sa.bindparam("words"), ended_at=sa.bindparam("until"))
)


def begin(tx: Transaction, run_id: RunId, name: str, stage: Stage, *, at: datetime) -> Step | None:
    """Record that a step begins, or begins again, and give it as it was before."""
    known = of_run(tx, run_id)
    before = next((one for one in known if one.name == name), None)
    begin_known(tx, run_id, name, stage, before, position=len(known), at=at)
    return before


def begin_known(
    tx: Transaction, run_id: RunId, name: str, stage: Stage, before: Step | None, *, position: int, at: datetime
) -> Step:
    """Record that a step begins, or begins again from the record `before`, and give it as it is now.

    A step that succeeded keeps its record unless the repetition ends otherwise. A new step gets `position`, from 0.
    """
    if before is None:
        values = {"run_id": run_id, "name": name, "stage": stage, "position": position, "at": at}
        tx.execute(_FIRST_TIME, values)
        return Step(run_id, name, stage, position, "running", "", 1, at, None)
    if before.state == "succeeded":
        return before
    again = replace(before, state="running", attempts=before.attempts + 1, ended_at=None)
    tx.execute(
        _UPDATED_STEP,
        {"of_run": run_id, "called": name, "state": again.state, "attempts": again.attempts, "ended_at": None},
    )
    return again


def end(tx: Transaction, run_id: RunId, name: str, state: str, message: str, *, at: datetime) -> None:
    """Record how a step ended, or that it waits; a step that succeeds again keeps its first times and words."""
    until = None if state == "waiting" else at
    tx.execute(_ENDED_STEP, {"of_run": run_id, "called": name, "new_state": state, "words": message, "until": until})


def get(tx: Transaction, run_id: RunId, name: str) -> Step | None:
    """Give one step of a run."""
    return one(Step, tx.execute(_STEP, {"run_id": run_id, "name": name}).first())


def of_run(tx: Transaction, run_id: RunId) -> list[Step]:
    """List a run's steps in the order they first began."""
    return [made(Step, row) for row in tx.execute(_OF_RUN, {"run_id": run_id})]


def succeeded(tx: Transaction, run_id: RunId) -> int:
    """Count the steps of a run that have succeeded."""
    query = sa.select(sa.func.count()).where(table.c.run_id == run_id, table.c.state == "succeeded")
    return int(tx.execute(query).scalar_one())
