"""Changes: what a merge brought, and which commits count as part of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.core.words import ChangeId, Repository, Sha
from service.store.database import Transaction
from service.store.rows import columns, insert_new, made, one
from service.store.tables import changes as table
from service.store.tables import covered_commits, runs


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `pull_requests` are dicts with number, title, author, url and labels; `paths` None = everything."""

    id: ChangeId
    repository: Repository
    branch: str
    commit: Sha
    before: Sha | None
    subject: str
    author: str
    author_email: str
    paths: list[str] | None
    pull_requests: list[dict[str, Any]]
    created_at: datetime


_CHANGE = sa.select(*columns(Change, table))
_ONE = _CHANGE.where(table.c.id == sa.bindparam("change_id"))
_SOME = _CHANGE.where(table.c.id.in_(sa.bindparam("ids", expanding=True)))
_OF_COMMIT = _CHANGE.where(
    table.c.repository == sa.bindparam("repository"), table.c.branch == sa.bindparam("branch"),
    table.c.commit == sa.bindparam("commit"),
)  # fmt: skip
_COVERING = _CHANGE.join(covered_commits, covered_commits.c.change_id == table.c.id).where(
    covered_commits.c.repository == sa.bindparam("repository"), covered_commits.c.branch == sa.bindparam("branch"),
    covered_commits.c.commit == sa.bindparam("commit"),
)  # fmt: skip
_UPDATED = sa.update(table).where(table.c.id == sa.bindparam("change_id"))


def ensure(tx: Transaction, change: Change) -> Change:
    """Keep a change, or give the one that is already kept for its repository, branch and commit."""
    insert_new(
        tx, table, id=change.id, repository=change.repository, branch=change.branch, commit=change.commit,
        before=change.before, subject=change.subject, author=change.author, author_email=change.author_email,
        paths=change.paths, pull_requests=change.pull_requests, created_at=change.created_at,
    )  # fmt: skip
    kept = find(tx, change.repository, change.branch, change.commit)
    assert kept is not None  # noqa: S101 - inserted above
    return kept


def widen(tx: Transaction, change: Change, paths: list[str] | None) -> Change:
    """Count these paths as touched by the change as well; None is everything. Two events may tell different parts."""
    together = None if change.paths is None or paths is None else sorted({*change.paths, *paths})
    if together == change.paths:
        return change
    tx.execute(sa.update(table).where(table.c.id == change.id).values(paths=together))
    return replace(change, paths=together)


def find(tx: Transaction, repository: Repository, branch: str, commit: Sha) -> Change | None:
    """Give the change of a commit on a branch."""
    asked = {"repository": repository, "branch": branch, "commit": commit}
    return one(Change, tx.execute(_OF_COMMIT, asked).first())


def of_ids(tx: Transaction, ids: Collection[ChangeId]) -> dict[ChangeId, Change]:
    """Give several changes by their ids."""
    found = [made(Change, row) for row in tx.execute(_SOME, {"ids": list(ids)})]
    return {one.id: one for one in found}


def get(tx: Transaction, change_id: ChangeId) -> Change | None:
    """Give a change by its id."""
    return one(Change, tx.execute(_ONE, {"change_id": change_id}).first())


def newest(tx: Transaction, repository: Repository, limit: int) -> list[Change]:
    """List the newest changes of a repository first."""
    query = sa.select(*columns(Change, table)).where(table.c.repository == repository)
    rows = tx.execute(query.order_by(table.c.created_at.desc(), table.c.id.desc()).limit(limit))
    return [made(Change, row) for row in rows]


def of_application(
    tx: Transaction,
    application: str,
    repository: Repository,
    *,
    after: ChangeId | None,
    until: ChangeId,
    limit: int,
) -> list[Change]:
    """List the changes that made runs of an application, in whatever environment, after one change and up to another.

    The newest come first. Ids sort by the time they were made.
    """
    theirs = sa.select(runs.c.change_id).where(runs.c.application == application)
    query = sa.select(*columns(Change, table)).where(
        table.c.repository == repository, table.c.id.in_(theirs), table.c.id <= until
    )
    if after is not None:
        query = query.where(table.c.id > after)
    return [made(Change, row) for row in tx.execute(query.order_by(table.c.id.desc()).limit(limit))]


def cover(tx: Transaction, change: Change, commits: Iterable[Sha]) -> None:
    """Count these commits as part of the change; the first change that covers a commit keeps it."""
    for commit in commits:
        insert_new(
            tx, covered_commits, repository=change.repository, branch=change.branch, commit=commit, change_id=change.id
        )


def covering(tx: Transaction, repository: Repository, branch: str, commit: Sha) -> Change | None:
    """Give the change that a commit counts as part of."""
    asked = {"repository": repository, "branch": branch, "commit": commit}
    return one(Change, tx.execute(_COVERING, asked).first())


def enrich(
    tx: Transaction,
    change: Change,
    *,
    subject: str = "",
    author: str = "",
    author_email: str = "",
    pull_request: dict[str, Any] | None = None,
) -> None:
    """Add what a later event tells of the change; a pull request told twice is kept once."""
    values: dict[str, Any] = {}
    if subject and not change.subject:
        values["subject"] = subject
    if author and not change.author:
        values["author"] = author
    if author_email and not change.author_email:
        values["author_email"] = author_email
    if pull_request is not None and all(known["number"] != pull_request["number"] for known in change.pull_requests):
        values["pull_requests"] = sorted([*change.pull_requests, pull_request], key=lambda known: int(known["number"]))
    if values:
        tx.execute(_UPDATED, {"change_id": change.id, **values})
