"""Reports: the statuses that commits should show, repeated until the forge has the newest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from service.core.words import Repository, Sha
from service.store.database import Transaction
from service.store.pauses import is_over
from service.store.rows import columns, made
from service.store.tables import reports as table


@dataclass(frozen=True, slots=True)
class Report:
    """A wanted status; the forge has it when `sent_version` has reached `version`."""

    repository: Repository
    commit: Sha
    context: str
    run_id: str
    state: str
    description: str
    url: str
    version: int
    sent_version: int
    attempts: int
    not_before: datetime | None
    error: str


def want(
    tx: Transaction,
    *,
    repository: Repository,
    commit: Sha,
    context: str,
    run_id: str,
    state: str,
    description: str,
    url: str,
) -> None:
    """Set what a commit's status should be; unchanged words change nothing."""
    values = {
        "repository": repository, "commit": commit, "context": context, "run_id": run_id, "state": state,
        "description": description, "url": url,
    }  # fmt: skip
    tx.execute(_wanting(tx.dialect.name), values)


@cache
def _wanting(dialect: str) -> sa.Executable:
    """Put the statement together once: that costs more than running it."""
    insert = (postgresql if dialect == "postgresql" else sqlite).insert(table)
    new = insert.excluded
    words = ("state", "description", "url")
    statement: sa.Executable = insert.on_conflict_do_update(
        index_elements=[table.c.repository, table.c.commit, table.c.context],
        set_={
            **{name: new[name] for name in ("run_id", *words)},
            "version": table.c.version + 1, "not_before": None, "attempts": 0,
        },
        where=sa.or_(*(table.c[name] != new[name] for name in words)),
    )  # fmt: skip
    return statement


def hold(tx: Transaction, repository: Repository, commit: Sha, context: str) -> None:
    """Let nobody else decide on this status until the transaction ends: it sums up several runs.

    On SQLite a writing transaction is alone anyway.
    """
    if tx.dialect.name == "postgresql":
        key = sa.func.hashtextextended(f"report:{repository.key}:{commit}:{context}", 0)
        tx.execute(sa.select(sa.func.pg_advisory_xact_lock(key)))


def unsent(tx: Transaction, now: datetime, *, limit: int = 50) -> list[Report]:
    """List reports that the forge does not have yet and that may be tried now."""
    query = (
        sa.select(*columns(Report, table))
        .where(
            table.c.sent_version < table.c.version,
            is_over(table.c.not_before, now),
        )
        .limit(limit)
    )
    return [made(Report, row) for row in tx.execute(query)]


def is_wanted(tx: Transaction, report: Report) -> bool:
    """Tell whether this very version is still to be sent."""
    query = sa.select(table.c.version).where(
        *_same(report), table.c.version == report.version, table.c.sent_version < report.version
    )
    return tx.execute(query).first() is not None


def is_sent(tx: Transaction, report: Report) -> bool:
    """Tell whether the forge has this version or a later one."""
    query = sa.select(table.c.version).where(*_same(report), table.c.sent_version >= report.version)
    return tx.execute(query).first() is not None


def sent(tx: Transaction, report: Report) -> bool:
    """Mark that the forge has this version; False where a later one has been sent before."""
    result = tx.execute(
        sa.update(table)
        .where(*_same(report), table.c.sent_version <= report.version)
        .values(sent_version=report.version, error="")
    )
    return result.rowcount == 1


def want_again(tx: Transaction, report: Report) -> None:
    """Have what is wanted now sent once more, as a version of its own: the forge may show something older."""
    tx.execute(sa.update(table).where(*_same(report)).values(version=table.c.version + 1, not_before=None))


def failed(tx: Transaction, report: Report, error: str, *, until: datetime) -> None:
    """Mark that sending this version failed, and when to try again; a newer one does not wait for that."""
    tx.execute(
        sa.update(table)
        .where(*_same(report), table.c.version == report.version)
        .values(attempts=report.attempts + 1, error=error, not_before=until)
    )


def _same(report: Report) -> tuple[sa.ColumnElement[bool], ...]:
    return (
        table.c.repository == report.repository,
        table.c.commit == report.commit,
        table.c.context == report.context,
    )
