"""Proposals: the pull requests that promotions opened, what they were given, and what our one comment there says."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.core.words import Repository, RunId, Sha
from service.store.database import Transaction
from service.store.rows import columns, insert_new, made, one
from service.store.tables import proposals as table

AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class Proposal:
    """One pull request; `run_id` is the run that it brings.

    `given` has what it was given ("label release"), so that what a person takes away stays away, and `lacking` tells in
    words what the forge would not do. `draft` is "draft" as long as it is one of ours. `head` is the one that was seen
    last, and `approvals` tells whose approvals are of another. `auto_head` is the head that we ask the forge to merge
    by itself, kept before we ask, and `auto_seen` that the forge has said so; `merging` says what the merge waits for.
    `ending` tells how the pull request was closed. `told` is the comment's text, and `wishes` counts the changes it
    has to tell. `together` says that several applications share it; `run_id` is the one that looks after it.
    """

    repository: Repository
    number: int
    run_id: RunId
    given: Any
    lacking: Any
    draft: str
    gate_label: str
    head: Sha
    approvals: str
    auto_head: Sha
    auto_seen: bool
    merging: str
    ending: str
    told: str
    comment: int | None
    due_at: datetime | None
    wishes: int
    attempts: int
    together: bool


_ALL = sa.select(*columns(Proposal, table))
_ONE = _ALL.where(table.c.repository == sa.bindparam("repository"), table.c.number == sa.bindparam("number"))


def get(tx: Transaction, repository: Repository, number: int) -> Proposal | None:
    """Give what is known of a pull request of ours."""
    return one(Proposal, tx.execute(_ONE, {"repository": repository, "number": number}).first())


def keep(tx: Transaction, repository: Repository, number: int, run_id: RunId, **values: Any) -> None:  # noqa: ANN401
    """Keep that a pull request brings a run now, and what else is said of it."""
    insert_new(tx, table, repository=repository, number=number, run_id=run_id, given=[], lacking=[])
    update(tx, repository, number, run_id=run_id, **values)


def update(tx: Transaction, repository: Repository, number: int, **values: Any) -> None:  # noqa: ANN401
    """Change what is said of a pull request."""
    where = (table.c.repository == repository, table.c.number == number)
    tx.execute(sa.update(table).where(*where).values(**values))


def merged_with(tx: Transaction, repository: Repository, head: Sha) -> list[RunId]:
    """List the runs whose pull request has this head and waits to be merged without a person."""
    query = sa.select(table.c.run_id).where(
        table.c.repository == repository, table.c.head == head, table.c.merging != "", table.c.ending == ""
    )
    return [RunId(run_id) for run_id in tx.execute(query).scalars()]


def tell_of(tx: Transaction, run_ids: Collection[RunId], at: datetime) -> None:
    """Have our comments on the pull requests of these runs brought up to date."""
    if run_ids:
        _wish(tx, table.c.run_id.in_(list(run_ids)), at)


def tell(tx: Transaction, repository: Repository, number: int, at: datetime) -> None:
    """Have our comment on a pull request brought up to date."""
    _wish(tx, sa.and_(table.c.repository == repository, table.c.number == number), at)


def _wish(tx: Transaction, where: sa.ColumnElement[bool], at: datetime) -> None:
    """Count the wish, so that one which comes while the comment is being written is not lost."""
    tx.execute(sa.update(table).where(where).values(due_at=at, wishes=table.c.wishes + 1))


def due(tx: Transaction, now: datetime) -> list[Proposal]:
    """List the pull requests whose comment may be out of date, the oldest first."""
    query = _ALL.where(table.c.due_at <= now).order_by(table.c.due_at).limit(AT_ONCE)
    return [made(Proposal, row) for row in tx.execute(query)]


def brought(tx: Transaction, read: Proposal, comment: int | None, told: str) -> None:
    """Keep what our comment says; it stays due if something has changed since it was read."""
    update(tx, read.repository, read.number, comment=comment, told=told, attempts=0)
    same = (table.c.repository == read.repository, table.c.number == read.number, table.c.wishes == read.wishes)
    tx.execute(sa.update(table).where(*same).values(due_at=None))
