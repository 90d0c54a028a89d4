"""Waits: what runs are waiting for outside. A row, never a thread; answered once."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.core.words import Repository, RunId, RunState, Stage, WaitId, WaitKind, WaitOutcome
from service.store.database import Transaction
from service.store.pauses import TOLERANCE, is_over, times
from service.store.rows import columns, made, one
from service.store.runs import Run
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


_WAIT = sa.select(*columns(Wait, waits))
_OPEN = waits.c.answered_at.is_(None)
_THERE = (_OPEN, waits.c.kind == sa.bindparam("at_kind"), waits.c.key == sa.bindparam("at_key"))
_OLDEST_FIRST = (waits.c.created_at, waits.c.id)
_NEW = sa.insert(waits)
_WAITING_RUN = sa.update(runs).where(runs.c.id == sa.bindparam("of_run"))
# Lock the run's row first, as the code that ends a run does. The other order could deadlock on PostgreSQL.
_RUN_HELD = (
    sa.select(runs.c.id)
    .join(waits, waits.c.run_id == runs.c.id)
    .where(waits.c.id == sa.bindparam("wait_id"))
    .with_for_update(of=runs)
)
_ANSWERED = sa.update(waits).where(waits.c.id == sa.bindparam("wait_id"), _OPEN)
_QUEUED_RUN = _WAITING_RUN.where(runs.c.state == sa.bindparam("before"))
_ONE = _WAIT.where(waits.c.id == sa.bindparam("wait_id"))
_OF_RUN = _WAIT.where(waits.c.run_id == sa.bindparam("run_id")).order_by(*_OLDEST_FIRST)
_OPEN_OF_RUN = _WAIT.where(waits.c.run_id == sa.bindparam("run_id"), _OPEN)
_NEWEST_BY_KEY = (
    sa.select(waits.c.kind, waits.c.key, sa.func.max(waits.c.id))
    .where(_OPEN, waits.c.kind != WaitKind.RETRY)
    .group_by(waits.c.kind, waits.c.key)
)
_OPEN_AT = _WAIT.where(*_THERE).order_by(*_OLDEST_FIRST)
_OPEN_OF_KIND = _WAIT.where(_OPEN, waits.c.kind == sa.bindparam("of_kind")).order_by(*_OLDEST_FIRST)
_ANY_AT = sa.select(waits.c.id).where(*_THERE).limit(1)
_RETRIES_DUE = _WAIT.where(_OPEN, waits.c.kind == WaitKind.RETRY, is_over(waits.c.not_before))
_LATE = _WAIT.where(_OPEN, waits.c.deadline <= sa.bindparam("now"))
_ANY_AHEAD = sa.select(waits.c.id).where(_OPEN, waits.c.created_at > sa.bindparam("tolerated")).limit(1)


def open_wait(tx: Transaction, wait: Wait) -> None:
    """Store a wait and let its run wait, in the transaction in which the caller decided that."""
    values = {
        "id": wait.id, "run_id": wait.run_id, "kind": wait.kind, "key": wait.key, "subject": wait.subject,
        "last_seen": wait.last_seen, "created_at": wait.created_at, "not_before": wait.not_before,
        "deadline": wait.deadline,
    }  # fmt: skip
    tx.execute(_NEW, values)
    waiting = {"state": RunState.WAITING, "message": wait.last_seen, "updated_at": wait.created_at}
    tx.execute(_WAITING_RUN, {"of_run": wait.run_id, **waiting})


def answer(
    tx: Transaction, wait_id: WaitId, text: str, *, at: datetime, outcome: WaitOutcome = WaitOutcome.READY
) -> bool:
    """Answer a wait once and queue its run under `wait:ID`; False when it was answered before."""
    run_id = tx.execute(_RUN_HELD, {"wait_id": wait_id}).scalar()
    if run_id is None:
        return False
    answered = {"answered_at": at, "answer": text, "outcome": outcome}
    if tx.execute(_ANSWERED, {"wait_id": wait_id, **answered}).rowcount != 1:
        return False
    queued = {"state": RunState.QUEUED, "workflow_id": f"wait:{wait_id}", "updated_at": at}
    tx.execute(_QUEUED_RUN, {"of_run": run_id, "before": RunState.WAITING, **queued})
    return True


@dataclass(frozen=True, slots=True)
class _Words:
    """The statements that write words on open waits and on their runs."""

    held: sa.Executable
    on_runs: sa.Executable
    on_waits: sa.Executable


def _words(*there: sa.ColumnElement[bool]) -> _Words:
    """Build the statements. Everybody locks the runs first, in this order.

    A wait that was answered, or a run that ended, while we waited for the locks keeps the words that it has by then.
    """
    open_there = (*there, _OPEN, waits.c.last_seen != sa.bindparam("words"))
    waiting = runs.c.id.in_(sa.select(waits.c.run_id).where(*open_there))
    return _Words(
        sa.select(runs.c.id).where(waiting).order_by(runs.c.id).with_for_update(),
        sa.update(runs).where(waiting, runs.c.state == RunState.WAITING).values(message=sa.bindparam("words")),
        sa.update(waits).where(*open_there).values(last_seen=sa.bindparam("words")),
    )


_OF_ONE = _words(waits.c.id == sa.bindparam("wait_id"))
_OF_ALL_THERE = _words(*_THERE)


def saw(tx: Transaction, wait_id: WaitId, text: str) -> None:
    """Keep what was last seen of the thing waited for, on the wait and on its run, where it changed."""
    _keep_words(tx, _OF_ONE, {"wait_id": wait_id, "words": text})


def all_saw(tx: Transaction, kind: WaitKind, key: str, text: str) -> None:
    """Keep what was last seen of an outside system as a whole, on all waits there and on their runs."""
    _keep_words(tx, _OF_ALL_THERE, {"at_kind": kind, "at_key": key, "words": text})


def _keep_words(tx: Transaction, words: _Words, values: Mapping[str, str]) -> None:
    for statement in (words.held, words.on_runs, words.on_waits):
        tx.execute(statement, values)


def of_builds_before(tx: Transaction, run: Run) -> list[Wait]:
    """List what earlier runs of the same application and environment wait for while their images are made."""
    query = _WAIT.join(runs, runs.c.id == waits.c.run_id).where(
        _OPEN,
        runs.c.application == run.application,
        runs.c.environment == run.environment,
        runs.c.sequence < run.sequence,
        runs.c.stage == Stage.BUILD,
    )
    return [made(Wait, row) for row in tx.execute(query)]


def keys_of(tx: Transaction, kind: WaitKind, repository: Repository) -> list[str]:
    """Give where runs of a repository, however its name is written, wait for a kind of thing."""
    query = (
        sa.select(waits.c.key, runs.c.repository)
        .join(runs, waits.c.run_id == runs.c.id)
        .where(_OPEN, waits.c.kind == kind)
        .distinct()
    )
    return [key for key, name in tx.execute(query) if Repository(name).key == repository.key]


def runs_at(tx: Transaction, kind: WaitKind, subject: str) -> list[RunId]:
    """Give the runs that wait for one thing."""
    query = sa.select(waits.c.run_id).where(_OPEN, waits.c.kind == kind, waits.c.subject == subject)
    return [RunId(run_id) for run_id in tx.execute(query).scalars()]


def get(tx: Transaction, wait_id: WaitId) -> Wait | None:
    """Give a wait by its id."""
    return one(Wait, tx.execute(_ONE, {"wait_id": wait_id}).first())


def open_of_run(tx: Transaction, run_id: RunId) -> Wait | None:
    """Give the open wait of a run."""
    return one(Wait, tx.execute(_OPEN_OF_RUN, {"run_id": run_id}).first())


def of_run(tx: Transaction, run_id: RunId) -> list[Wait]:
    """List a run's waits, oldest first, by when they were made: a clock that goes back changes no order."""
    return [made(Wait, row) for row in tx.execute(_OF_RUN, {"run_id": run_id})]


def newest_by_key(tx: Transaction) -> dict[tuple[WaitKind, str], str]:
    """Give the newest open wait of each outside system that is looked at; ids sort by the time they were made."""
    return {(WaitKind(kind), key): newest for kind, key, newest in tx.execute(_NEWEST_BY_KEY)}


def open_at(tx: Transaction, kind: WaitKind, key: str) -> list[Wait]:
    """List the open waits at one outside system, oldest first."""
    return [made(Wait, row) for row in tx.execute(_OPEN_AT, {"at_kind": kind, "at_key": key})]


def open_of_kind(tx: Transaction, kind: WaitKind) -> list[Wait]:
    """List the open waits of one kind at all outside systems, oldest first."""
    return [made(Wait, row) for row in tx.execute(_OPEN_OF_KIND, {"of_kind": kind})]


def some_at(tx: Transaction, kind: WaitKind, key: str, subjects: Collection[str], *, others: int) -> list[Wait]:
    """List the open waits at one outside system for these subjects, and so many others, chosen at random."""
    there = sa.select(*columns(Wait, waits)).where(
        waits.c.answered_at.is_(None), waits.c.kind == kind, waits.c.key == key
    )
    named = there.where(waits.c.subject.in_(subjects)).order_by(waits.c.created_at, waits.c.id)
    lot = there.where(waits.c.subject.not_in(subjects)).order_by(sa.func.random()).limit(others)
    return [made(Wait, row) for query in (named, lot) for row in tx.execute(query)]


def worded_otherwise(tx: Transaction, kind: WaitKind, key: str, usual: str, *, limit: int) -> list[Wait]:
    """List some open waits at one outside system whose words do not begin as usual, for example after it was away."""
    query = (
        sa.select(*columns(Wait, waits))
        .where(waits.c.answered_at.is_(None), waits.c.kind == kind, waits.c.key == key)
        .where(~waits.c.last_seen.startswith(usual, autoescape=True))
        .limit(limit)
    )
    return [made(Wait, row) for row in tx.execute(query)]


def any_at(tx: Transaction, kind: WaitKind, key: str) -> bool:
    """Tell whether any run waits for anything at one outside system."""
    return tx.execute(_ANY_AT, {"at_kind": kind, "at_key": key}).first() is not None


def due(tx: Transaction, now: datetime) -> list[Wait]:
    """List open waits whose time has come: retries that may go on, and anything past its deadline."""
    found = [*tx.execute(_RETRIES_DUE, times(now)), *tx.execute(_LATE, {"now": now})]
    return [made(Wait, row) for row in found]


def set_back(tx: Transaction, now: datetime) -> int:
    """Let the open waits that a clock ahead of ours wrote begin now, with their old length; give their number."""
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
    return tx.execute(_ANY_AHEAD, {"tolerated": now + TOLERANCE}).first() is not None


def ages(tx: Transaction, now: datetime) -> list[tuple[WaitKind, int, float]]:
    """Give kind, count and the oldest's age in seconds of the open waits."""
    query = (
        sa.select(waits.c.kind, sa.func.count(), sa.func.min(waits.c.created_at))
        .where(waits.c.answered_at.is_(None))
        .group_by(waits.c.kind)
    )
    return [(WaitKind(kind), count, (now - oldest).total_seconds()) for kind, count, oldest in tx.execute(query)]
