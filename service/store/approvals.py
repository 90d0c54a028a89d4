"""Approvals that people gave by a command: of a release in an environment, by its source commit and its digests."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.core.words import Repository, RunId, Sha
from service.store.database import Transaction
from service.store.rows import columns, insert_or_update, made
from service.store.runs import Run
from service.store.tables import approvals as table


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's approval; `digests` are those of all images that the run had then, in order.

    It is `verified` if the forge says who gave it; `head` is then that of the run's pull request, if it has one.
    """

    run_id: RunId
    login: str
    application: str
    environment: str
    repository: Repository
    commit: Sha
    digests: Any
    reason: str
    at: datetime
    head: Sha | None = None
    verified: bool = False
    asked_id: str = ""


def keep(tx: Transaction, approval: Approval) -> None:
    """Keep an approval; a person's newest one of a run replaces the one before."""
    values = {name: getattr(approval, name) for name in Approval.__slots__}
    insert_or_update(tx, table, ["run_id", "login"], **values)


def of_release(tx: Transaction, run: Run) -> list[Approval]:
    """List the approvals of the run's source commit in its environment, of all its generations, oldest first."""
    query = (
        sa.select(*columns(Approval, table))
        .where(
            table.c.application == run.application,
            table.c.environment == run.environment,
            table.c.repository == run.repository,
            table.c.commit == run.commit,
        )
        .order_by(table.c.at)
    )
    return [made(Approval, row) for row in tx.execute(query)]
