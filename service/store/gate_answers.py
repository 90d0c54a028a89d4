"""What the addresses of http gates answered last: one row a run, so that one question of it is under way at most."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

import sqlalchemy as sa

from service.core.words import RunId
from service.store.database import Transaction
from service.store.pauses import is_over, times
from service.store.rows import columns, insert_or_update, made, one
from service.store.tables import gate_answers as table


class AnswerState(StrEnum):
    """How far a question is."""

    WANTED = "wanted"
    ASKED = "asked"
    """Somebody asks it now; after `next_at` somebody else may."""
    ANSWERED = "answered"
    """Something came; from `next_at` on it is to be asked again."""
    FAILED = "failed"
    """Nothing came, and `words` say why; from `next_at` on it is to be asked again."""


@dataclass(frozen=True, slots=True)
class GateAnswer:
    """The newest question of a run, by its id, and what came of it."""

    run_id: RunId
    question: str
    state: AnswerState
    status: int
    body: bytes
    words: str
    at: datetime
    next_at: datetime


_ALL = sa.select(*columns(GateAnswer, table))
_DUE = (
    _ALL.where(table.c.state.in_([AnswerState.WANTED, AnswerState.ASKED]), is_over(table.c.next_at))
    .order_by(table.c.next_at)
    .limit(sa.bindparam("most"))
)


def of_run(tx: Transaction, run_id: RunId) -> GateAnswer | None:
    """Give the newest question of a run."""
    return one(GateAnswer, tx.execute(_ALL.where(table.c.run_id == run_id)).first())


def keep(tx: Transaction, answer: GateAnswer) -> None:
    """Keep a question, or what came of it."""
    values = {name: getattr(answer, name) for name in GateAnswer.__slots__}
    insert_or_update(tx, table, ["run_id"], **values)


def due(tx: Transaction, now: datetime, *, limit: int) -> list[GateAnswer]:
    """List the questions that are to be asked now, or whose asker has not come back."""
    return [made(GateAnswer, row) for row in tx.execute(_DUE, {"most": limit, **times(now)})]


def take(tx: Transaction, due_one: GateAnswer, until: datetime) -> bool:
    """Take a question to ask it; False if somebody else has."""
    statement = (
        sa.update(table)
        .where(table.c.run_id == due_one.run_id, table.c.question == due_one.question)
        .where(table.c.state == due_one.state, table.c.next_at == due_one.next_at)
        .values(state=AnswerState.ASKED, next_at=until)
    )
    return tx.execute(statement).rowcount == 1


def forget(tx: Transaction, run_id: RunId) -> None:
    """Forget what was asked for a run."""
    tx.execute(sa.delete(table).where(table.c.run_id == run_id))
