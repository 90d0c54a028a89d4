"""Finds what a person names: changes by a commit or a pull request, runs by an image or a pull request."""

from __future__ import annotations

import sqlalchemy as sa

from service.core.words import Repository
from service.store.changes import Change
from service.store.database import Transaction
from service.store.rows import columns, made
from service.store.runs import Run
from service.store.tables import changes, covered_commits, deliveries, edits, runs

MOST = 200
"""The most rows that are looked through for one question, newest first."""

_CHANGES = sa.select(*columns(Change, changes)).order_by(changes.c.created_at.desc(), changes.c.id.desc()).limit(MOST)
_RUNS = sa.select(*columns(Run, runs)).order_by(runs.c.sequence.desc())


def of_commit(tx: Transaction, beginning: str) -> list[Change]:
    """List the changes of commits that begin so, and those that such commits count as part of."""
    query = _CHANGES.where(
        sa.or_(
            changes.c.commit.startswith(beginning, autoescape=True),
            changes.c.id.in_(
                sa.select(covered_commits.c.change_id).where(
                    covered_commits.c.commit.startswith(beginning, autoescape=True)
                )
            ),
        )
    )
    return [made(Change, row) for row in tx.execute(query)]


def of_pull_request(tx: Transaction, number: int, repository: Repository | None = None) -> list[Change]:
    """List the changes that a source's pull request brought."""
    text = sa.cast(changes.c.pull_requests, sa.Text)
    query = _CHANGES.where(text.like(f'%"number": {number}%'))
    if repository is not None:
        query = query.where(changes.c.repository == repository)
    found = [made(Change, row) for row in tx.execute(query)]
    return [one for one in found if any(pull.get("number") == number for pull in one.pull_requests)]


def of_promotion(tx: Transaction, number: int, repository: Repository | None = None) -> list[Run]:
    """List the runs whose promotion is this pull request of a manifest repository, newest first."""
    query = _RUNS.where(runs.c.pull_request == number).limit(MOST)
    if repository is not None:
        query = query.join(edits, edits.c.run_id == runs.c.id).where(edits.c.repository == repository)
    return [made(Run, row) for row in tx.execute(query)]


def naming(tx: Transaction, text: str) -> list[Run]:
    """List the newest runs whose images contain the text."""
    query = _RUNS.where(sa.cast(runs.c.images, sa.Text).contains(text, autoescape=True)).limit(MOST)
    return [made(Run, row) for row in tx.execute(query)]


def of_change_in(tx: Transaction, change_ids: list[str], environment: str) -> list[Run]:
    """List the runs of changes to an environment, newest first."""
    query = _RUNS.where(runs.c.change_id.in_(change_ids), runs.c.environment == environment)
    return [made(Run, row) for row in tx.execute(query)]


def delivery_of(tx: Transaction, change_id: str) -> tuple[str, str]:
    """Give id and reason of the newest delivery about a change; empty if none is kept."""
    query = (
        sa.select(deliveries.c.id, deliveries.c.reason)
        .where(deliveries.c.change_id == change_id)
        .order_by(deliveries.c.sequence.desc())
        .limit(1)
    )
    row = tx.execute(query).first()
    return (str(row.id), str(row.reason)) if row else ("", "")
