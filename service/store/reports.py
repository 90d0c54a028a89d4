"""Reports: the statuses that commits should show, repeated until the forge has the newest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.core.words import Repository, Sha
from service.store.database import Transaction
from service.store.rows import columns, insert_new, made
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
    new = insert_new(
        tx, table, repository=repository, commit=commit, context=context, run_id=run_id, state=state,
        description=description, url=url,
    )  # fmt: skip
    if new:
        return
    same = (table.c.repository == repository, table.c.commit == commit, table.c.context == context)
    tx.execute(
        sa.update(table)
        .where(*same, sa.or_(table.c.state != state, table.c.description != description, table.c.url != url))
        .values(
            run_id=run_id, state=state, description=description, url=url, version=table.c.version + 1, not_before=None,
            attempts=0,
        )
    )  # fmt: skip


def unsent(tx: Transaction, now: datetime, *, limit: int = 50) -> list[Report]:
    """List reports that the forge does not have yet and that may be tried now."""
    query = (
        sa.select(*columns(Report, table))
        .where(
            table.c.sent_version < table.c.version,
            sa.or_(table.c.not_before.is_(None), table.c.not_before <= now),
        )
        .limit(limit)
    )
    return [made(Report, row) for row in tx.execute(query)]


def sent(tx: Transaction, report: Report) -> None:
    """Mark that the forge has this version."""
    _update(tx, report, sent_version=report.version, error="")


def failed(tx: Transaction, report: Report, error: str, *, until: datetime) -> None:
    """Mark that sending failed, and when to try again."""
    _update(tx, report, attempts=report.attempts + 1, error=error, not_before=until)


def _update(tx: Transaction, report: Report, **values: int | str | datetime) -> None:
    tx.execute(
        sa.update(table)
        .where(
            table.c.repository == report.repository,
            table.c.commit == report.commit,
            table.c.context == report.context,
        )
        .values(**values)
    )
