"""Waits: what runs are waiting for outside. A row, never a thread; answered once."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.core.words import RunId, RunState, WaitId, WaitKind, WaitOutcome
from service.store.database import Transaction
from service.store.pauses import TOLERANCE, is_over
from service.store.rows import columns, made, one
from service.store.tables import runs, waits


@dataclass(frozen=True, slots=True)
class Wait:
    """A wait. `key` names the outside system, `subject` the thing there; `answer` is what its watch found.

    Only `outcome` says how it ended, never the words or the clock.
    """

    id: WaitId
    run_id: RunId
    kind: WaitKind
    key: str
    subject: str
    last_seen: str
    created_at: datetime
    not_before: datetime | None
    deadline: datetime | None
    answered_at: datetime | None
    answer: str
    outcome: WaitOutcome = WaitOutcome.OPEN


def open_wait(tx: Transaction, wait: Wait) -> None:
    """Keep a wait and let its run wait, in one transaction with whatever the caller decided it by."""
    tx.execute(
        sa.insert(waits).values(
            id=wait.id, run_id=wait.run_id, kind=wait.kind, key=wait.key, subject=wait.subject,
            last_seen=wait.last_seen, created_at=wait.created_at, not_before=wait.not_before, deadline=wait.deadline,
        )
    )  # fmt: skip
    tx.execute(
        sa.update(runs)
        .where(runs.c.id == wait.run_id)
        .values(state=RunState.WAITING, message=wait.last_seen, updated_at=wait.created_at)
    )


def answer(
    tx: Transaction, wait_id: WaitId, text: str, *, at: datetime, outcome: WaitOutcome = WaitOutcome.READY
) -> bool:
    """Answer a wait once and queue its run under `wait:ID`; False when it was answered before."""
    run_id = tx.execute(sa.select(waits.c.run_id).where(waits.c.id == wait_id)).scalar()
    if run_id is None:
        return False
    # The run's row first, as who ends a run does: the other way round, PostgreSQL would find them in a deadlock.
    tx.execute(sa.select(runs.c.id).where(runs.c.id == run_id).with_for_update())
    result = tx.execute(
        sa.update(waits)
        .where(waits.c.id == wait_id, waits.c.answered_at.is_(None))
        .values(answered_at=at, answer=text, outcome=outcome)
    )
    if result.rowcount != 1:
        return False
    tx.execute(
        sa.update(runs)
        .where(runs.c.id == run_id, runs.c.state == RunState.WAITING)
        .values(state=RunState.QUEUED, workflow_id=f"wait:{wait_id}", updated_at=at)
    )
    return True


def saw(tx: Transaction, wait_id: WaitId, text: str) -> None:
    """Keep what was last seen of the thing waited for, on the wait and on its run, where it changed."""
    _keep_words(tx, waits.c.id == wait_id, text)


def all_saw(tx: Transaction, kind: WaitKind, key: str, text: str) -> None:
    """Keep what was last seen of an outside system as a whole, on all that wait there and on their runs."""
    _keep_words(tx, sa.and_(waits.c.kind == kind, waits.c.key == key), text)


def _keep_words(tx: Transaction, there: sa.ColumnElement[bool], text: str) -> None:
    """Write words on open waits and on their runs, which are taken first, and by everybody in this order.

    Whatever was answered, or ended, while the runs' rows were waited for keeps the words that it has by then.
    """
    open_there = (there, waits.c.answered_at.is_(None), waits.c.last_seen != text)
    waiting = sa.select(waits.c.run_id).where(*open_there)
    tx.execute(sa.select(runs.c.id).where(runs.c.id.in_(waiting)).order_by(runs.c.id).with_for_update())
    still = runs.c.id.in_(waiting), runs.c.state == RunState.WAITING
    tx.execute(sa.update(runs).where(*still).values(message=text))
    tx.execute(sa.update(waits).where(*open_there).values(last_seen=text))


def get(tx: Transaction, wait_id: WaitId) -> Wait | None:
    """Give a wait by its id."""
    return one(Wait, tx.execute(sa.select(*columns(Wait, waits)).where(waits.c.id == wait_id)).first())


def open_of_run(tx: Transaction, run_id: RunId) -> Wait | None:
    """Give what a run waits for now."""
    query = sa.select(*columns(Wait, waits)).where(waits.c.run_id == run_id, waits.c.answered_at.is_(None))
    return one(Wait, tx.execute(query).first())


def of_run(tx: Transaction, run_id: RunId) -> list[Wait]:
    """List a run's waits, oldest first, by when they were made: a clock that goes back changes no order."""
    query = sa.select(*columns(Wait, waits)).where(waits.c.run_id == run_id).order_by(waits.c.created_at, waits.c.id)
    return [made(Wait, row) for row in tx.execute(query)]


def newest_by_key(tx: Transaction) -> dict[tuple[WaitKind, str], str]:
    """Give the newest open wait of each outside system that is looked at; ids sort by the time they were made."""
    query = (
        sa.select(waits.c.kind, waits.c.key, sa.func.max(waits.c.id))
        .where(waits.c.answered_at.is_(None), waits.c.kind != WaitKind.RETRY)
        .group_by(waits.c.kind, waits.c.key)
    )
    return {(WaitKind(kind), key): newest for kind, key, newest in tx.execute(query)}


def open_at(tx: Transaction, kind: WaitKind, key: str) -> list[Wait]:
    """List the open waits at one outside system, oldest first."""
    query = (
        sa.select(*columns(Wait, waits))
        .where(waits.c.answered_at.is_(None), waits.c.kind == kind, waits.c.key == key)
        .order_by(waits.c.created_at, waits.c.id)
    )
    return [made(Wait, row) for row in tx.execute(query)]


def some_at(tx: Transaction, kind: WaitKind, key: str, subjects: Collection[str], *, others: int) -> list[Wait]:
    """List the open waits at one outside system for these subjects, and so many others, chosen by lot."""
    there = sa.select(*columns(Wait, waits)).where(
        waits.c.answered_at.is_(None), waits.c.kind == kind, waits.c.key == key
    )
    named = there.where(waits.c.subject.in_(subjects)).order_by(waits.c.created_at, waits.c.id)
    lot = there.where(waits.c.subject.not_in(subjects)).order_by(sa.func.random()).limit(others)
    return [made(Wait, row) for query in (named, lot) for row in tx.execute(query)]


def worded_otherwise(tx: Transaction, kind: WaitKind, key: str, usual: str, *, limit: int) -> list[Wait]:
    """List some open waits at one outside system whose words do not begin as usual: it was away, say."""
    query = (
        sa.select(*columns(Wait, waits))
        .where(waits.c.answered_at.is_(None), waits.c.kind == kind, waits.c.key == key)
        .where(~waits.c.last_seen.startswith(usual, autoescape=True))
        .limit(limit)
    )
    return [made(Wait, row) for row in tx.execute(query)]


def any_at(tx: Transaction, kind: WaitKind, key: str) -> bool:
    """Tell whether any run waits for anything at one outside system."""
    query = sa.select(waits.c.id).where(waits.c.answered_at.is_(None), waits.c.kind == kind, waits.c.key == key)
    return tx.execute(query.limit(1)).first() is not None


def due(tx: Transaction, now: datetime) -> list[Wait]:
    """List open waits whose time has come: retries that may go on, and anything past its deadline."""
    still_open = sa.select(*columns(Wait, waits)).where(waits.c.answered_at.is_(None))
    retries = still_open.where(waits.c.kind == WaitKind.RETRY, is_over(waits.c.not_before, now))
    late = still_open.where(waits.c.deadline <= now)
    return [made(Wait, row) for query in (retries, late) for row in tx.execute(query)]


def set_back(tx: Transaction, now: datetime) -> int:
    """Have the open waits that a clock ahead of ours has written begin now, as long as they were; give how many."""
    query = sa.select(*columns(Wait, waits)).where(waits.c.answered_at.is_(None), waits.c.created_at > now + TOLERANCE)
    ahead = [made(Wait, row) for row in tx.execute(query)]
    for wait in ahead:
        by = wait.created_at - now
        values = {
            "created_at": now,
            "not_before": None if wait.not_before is None else wait.not_before - by,
            "deadline": None if wait.deadline is None else wait.deadline - by,
        }
        tx.execute(sa.update(waits).where(waits.c.id == wait.id, waits.c.answered_at.is_(None)).values(**values))
    return len(ahead)


def any_ahead(tx: Transaction, now: datetime) -> bool:
    """Tell whether a clock ahead of ours has written any open wait."""
    query = sa.select(waits.c.id).where(waits.c.answered_at.is_(None), waits.c.created_at > now + TOLERANCE)
    return tx.execute(query.limit(1)).first() is not None


def ages(tx: Transaction, now: datetime) -> list[tuple[WaitKind, int, float]]:
    """Give kind, count and the oldest's age in seconds of the open waits."""
    query = (
        sa.select(waits.c.kind, sa.func.count(), sa.func.min(waits.c.created_at))
        .where(waits.c.answered_at.is_(None))
        .group_by(waits.c.kind)
    )
    return [(WaitKind(kind), count, (now - oldest).total_seconds()) for kind, count, oldest in tx.execute(query)]
