"""Judgements: what the gates of a run's release said last, and when they are to be asked again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.core.words import Repository, RunId, Sha, WaitKind
from service.store.database import Transaction
from service.store.pauses import is_over, times
from service.store.rows import columns, insert_new, insert_or_update, made, one
from service.store.runs import Run
from service.store.tables import judgements as table
from service.store.tables import runs, waits


@dataclass(frozen=True, slots=True)
class KeptJudgement:
    """The gates of a run as they were judged last: `gates` are (gate, state, words), in the order of telling.

    `outcome` is allow, wait or refuse. `ready` says that all gates are open which judge the release and not the moment.
    """

    run_id: RunId
    application: str
    environment: str
    outcome: str
    ready: bool
    gates: Any
    judged_at: datetime
    next_at: datetime


_ALL = sa.select(*columns(KeptJudgement, table))
_OF_RUN = _ALL.where(table.c.run_id == sa.bindparam("run_id"))
_DUE = _ALL.where(is_over(table.c.next_at)).order_by(table.c.next_at).limit(sa.bindparam("most"))
_SOONEST = sa.select(table.c.next_at).order_by(table.c.next_at).limit(1)
_SOONER = sa.update(table).where(table.c.next_at > sa.bindparam("at")).values(next_at=sa.bindparam("at"))


def keep(tx: Transaction, judgement: KeptJudgement) -> None:
    """Keep what the gates of a run say now."""
    values = {name: getattr(judgement, name) for name in KeptJudgement.__slots__}
    insert_or_update(tx, table, ["run_id"], **values)


def of_run(tx: Transaction, run_id: RunId) -> KeptJudgement | None:
    """Give what the gates of a run said last."""
    return one(KeptJudgement, tx.execute(_OF_RUN, {"run_id": run_id}).first())


def of_runs(tx: Transaction, run_ids: Sequence[RunId]) -> list[KeptJudgement]:
    """Give what the gates of several runs said last."""
    query = _ALL.where(table.c.run_id.in_(run_ids))
    return [made(KeptJudgement, row) for row in tx.execute(query)]


def due(tx: Transaction, now: datetime, *, limit: int) -> list[KeptJudgement]:
    """List the judgements whose time has come, the oldest first."""
    return [made(KeptJudgement, row) for row in tx.execute(_DUE, {"most": limit, **times(now)})]


def soonest(tx: Transaction) -> datetime | None:
    """Give the next time at which gates are to be asked; None if none are."""
    found: datetime | None = tx.execute(_SOONEST).scalar()
    return found


def put_off(tx: Transaction, run_id: RunId, next_at: datetime) -> None:
    """Have the gates of a run asked again later."""
    tx.execute(sa.update(table).where(table.c.run_id == run_id).values(next_at=next_at))


def forget(tx: Transaction, run_ids: Sequence[RunId]) -> None:
    """Forget the judgements of runs that no gate keeps any more."""
    tx.execute(sa.delete(table).where(table.c.run_id.in_(run_ids)))


def expect(tx: Transaction, run: Run, at: datetime) -> None:
    """Have the gates of a run asked now, whether they were before or not."""
    if tx.execute(sa.update(table).where(table.c.run_id == run.id).values(next_at=at)).rowcount:
        return
    insert_new(
        tx, table, run_id=run.id, application=run.application, environment=run.environment, outcome="wait",
        ready=False, gates=[], judged_at=at, next_at=at,
    )  # fmt: skip


def expect_all_proposed(tx: Transaction, at: datetime) -> list[RunId]:
    """Have the gates of all runs asked now that wait for a pull request; give the runs."""
    query = (
        sa.select(*columns(Run, runs))
        .join(waits, waits.c.run_id == runs.c.id)
        .where(waits.c.answered_at.is_(None), waits.c.kind == WaitKind.PULL_REQUEST)
        .order_by(runs.c.sequence)
    )
    proposed = [made(Run, row) for row in tx.execute(query)]
    for run in proposed:
        expect(tx, run, at)
    return [run.id for run in proposed]


def queued_head(tx: Transaction, run_id: RunId) -> Sha | None:
    """Give the head under which a merge queue tries the pull request of a run, if one told of it."""
    found = tx.execute(sa.select(table.c.queued_head).where(table.c.run_id == run_id)).scalar()
    return Sha(found) if found else None


def set_queued_head(tx: Transaction, run_ids: Sequence[RunId], head: Sha) -> None:
    """Keep the head under which a merge queue tries the pull request of these runs."""
    tx.execute(sa.update(table).where(table.c.run_id.in_(run_ids)).values(queued_head=head))


def ask_again(
    tx: Transaction,
    *,
    at: datetime,
    application: str = "",
    environment: str = "",
    repository: Repository | None = None,
    commit: Sha | None = None,
    run_ids: Sequence[RunId] = (),
) -> int:
    """Have gates asked again now, because a fact changed: of all runs, or of those that all of these words mean.

    Give how many runs these are, without those that are due anyway.
    """
    statement = _SOONER
    if application:
        statement = statement.where(table.c.application == application)
    if environment:
        statement = statement.where(table.c.environment == environment)
    if run_ids:
        statement = statement.where(table.c.run_id.in_(run_ids))
    if repository is not None:
        theirs = sa.select(runs.c.id).where(runs.c.repository == repository)
        if commit is not None:
            theirs = theirs.where(runs.c.commit == commit)
        statement = statement.where(table.c.run_id.in_(theirs))
    return int(tx.execute(statement, {"at": at}).rowcount)
