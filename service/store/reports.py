"""Reports: the statuses that commits should show, repeated until the forge has the newest."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from service.core.words import Repository, Sha
from service.store.database import Transaction
from service.store.pauses import is_over, times
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
    """Build the statement once, because building it costs more than running it."""
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


_SAME = (
    table.c.repository == sa.bindparam("of_repository"),
    table.c.commit == sa.bindparam("of_commit"),
    table.c.context == sa.bindparam("of_context"),
)
_KEY = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("key"), 0)))
_UNSENT = (
    sa.select(*columns(Report, table))
    .where(table.c.sent_version < table.c.version, is_over(table.c.not_before))
    .limit(sa.bindparam("most"))
)
_THE_VERSION = sa.select(table.c.version).where(*_SAME, table.c.version == sa.bindparam("told"))
_WANTED = _THE_VERSION.where(table.c.sent_version < table.c.version)
_SENT_VERSION = sa.select(table.c.version).where(*_SAME, table.c.sent_version >= sa.bindparam("told"))
_SENT = sa.update(table).where(*_SAME, table.c.sent_version <= sa.bindparam("told"))
_AGAIN = sa.update(table).where(*_SAME).values(version=table.c.version + 1, not_before=None)
_FAILED = sa.update(table).where(*_SAME, table.c.version == sa.bindparam("told"))


def hold(tx: Transaction, repository: Repository, commit: Sha, context: str) -> None:
    """Keep others from deciding on this status, which sums up several runs, until the transaction ends.

    On SQLite a writing transaction is alone anyway.
    """
    if tx.dialect.name == "postgresql":
        tx.execute(_KEY, {"key": f"report:{repository.key}:{commit}:{context}"})


AT_ONCE = 50
"""How many statuses are sent before the store is asked again."""


def unsent(tx: Transaction, now: datetime, *, limit: int = AT_ONCE) -> list[Report]:
    """List reports that the forge does not have yet and that may be tried now."""
    return [made(Report, row) for row in tx.execute(_UNSENT, {"most": limit, **times(now)})]


def is_wanted(tx: Transaction, report: Report) -> bool:
    """Tell whether this very version is still to be sent."""
    return tx.execute(_WANTED, _version_of(report)).first() is not None


def is_sent(tx: Transaction, report: Report) -> bool:
    """Tell whether the forge has this version or a later one."""
    return tx.execute(_SENT_VERSION, _version_of(report)).first() is not None


def sent(tx: Transaction, report: Report) -> bool:
    """Mark that the forge has this version; False where a later one has been sent before."""
    result = tx.execute(_SENT, {**_version_of(report), "sent_version": report.version, "error": ""})
    return bool(result.rowcount == 1)


def want_again(tx: Transaction, report: Report) -> None:
    """Send the wanted status once more, as a new version, because the forge may show an older one."""
    tx.execute(_AGAIN, _key_of(report))


def failed(tx: Transaction, report: Report, error: str, *, until: datetime) -> None:
    """Mark that sending this version failed, and when to try again; a newer one does not wait for that."""
    tx.execute(_FAILED, {**_version_of(report), "attempts": report.attempts + 1, "error": error, "not_before": until})


def _key_of(report: Report) -> dict[str, Any]:
    return {"of_repository": report.repository, "of_commit": report.commit, "of_context": report.context}


def _version_of(report: Report) -> dict[str, Any]:
    return {**_key_of(report), "told": report.version}
