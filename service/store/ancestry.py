"""What is known of source commits: how they stand to each other, when they were made, what runs found out of them."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from service.core.order import Answer, Judgement, Relation
from service.core.words import Repository, RunId, Sha
from service.store.database import Transaction
from service.store.rows import columns, insert_new, insert_or_update, made
from service.store.runs import Run
from service.store.tables import commit_relations as table
from service.store.tables import commit_times, order_answers, runs

MOST_FOLLOWED = 2_000
"""Commits that are followed back from one, before it is cheaper to ask the forge."""


def remember(tx: Transaction, repository: Repository, base: Sha, head: Sha, relation: Relation) -> None:
    """Keep how `head` stands to `base`, for ever; ValueError for GONE, which may be otherwise tomorrow."""
    if relation is Relation.GONE:
        raise ValueError("what is gone is not kept")
    insert_new(tx, table, repository=repository, head=head, base=base, relation=relation)


def relation(tx: Transaction, repository: Repository, base: Sha, head: Sha) -> Relation | None:
    """Give how `head` stands to `base` as far as it was ever told, or follows from what was; None when it is not known.

    What pushes told of their own ends makes a chain from each commit to those before it.
    """
    if base == head:
        return Relation.IDENTICAL
    known = {(row.base, row.head): Relation(row.relation) for row in tx.execute(_told(repository, base, head))}
    if (base, head) in known:
        return known[base, head]
    if (head, base) in known:
        return known[head, base].turned
    if _descends(tx, repository, head, base):
        return Relation.AHEAD
    return Relation.BEHIND if _descends(tx, repository, base, head) else None


def _told(repository: Repository, one: Sha, other: Sha) -> sa.Select[tuple[str, str, str]]:
    return sa.select(table.c.base, table.c.head, table.c.relation).where(
        table.c.repository == repository, table.c.base.in_([one, other]), table.c.head.in_([one, other])
    )


def _descends(tx: Transaction, repository: Repository, head: Sha, base: Sha) -> bool:
    """Tell whether steps that are known lead back from a commit to another."""
    ahead = sa.and_(table.c.repository == repository, table.c.relation == Relation.AHEAD)
    behind = sa.select(table.c.base).where(ahead, table.c.head == head).cte("behind", recursive=True)
    behind = behind.union(sa.select(table.c.base).join(behind, table.c.head == behind.c.base).where(ahead))
    found = tx.execute(sa.select(behind.c.base).limit(MOST_FOLLOWED)).scalars()
    return any(commit == base for commit in found)


def remember_time(tx: Transaction, repository: Repository, commit: Sha, at: datetime) -> None:
    """Keep a commit's date, for ever."""
    insert_new(tx, commit_times, repository=repository, commit=commit, at=at)


def time(tx: Transaction, repository: Repository, commit: Sha) -> datetime | None:
    """Give a commit's date where it is known."""
    query = sa.select(commit_times.c.at).where(commit_times.c.repository == repository, commit_times.c.commit == commit)
    return tx.execute(query).scalar_one_or_none()


def keep_judgement(tx: Transaction, run_id: RunId, image: str, judgement: Judgement) -> None:
    """Keep what a run found out about an image; found out again, the newest counts."""
    insert_or_update(
        tx, order_answers, ["run_id", "image"], run_id=run_id, image=image, answer=judgement.answer,
        words=judgement.words, deployed=judgement.deployed,
    )  # fmt: skip


def judgements(tx: Transaction, run_id: RunId) -> dict[str, Judgement]:
    """Give what a run has found out, by image."""
    rows = tx.execute(sa.select(order_answers).where(order_answers.c.run_id == run_id))
    return {row.image: Judgement(Answer(row.answer), row.words, row.deployed) for row in rows}


def runs_naming(tx: Transaction, application: str, text: str = "", *, limit: int = 200) -> list[Run]:
    """List the newest runs of an application, in any environment, whose images name a text, or that have images."""
    images = sa.cast(runs.c.images, sa.Text)
    query = (
        sa.select(*columns(Run, runs))
        .where(runs.c.application == application, images.contains(text, autoescape=True) if text else images != "{}")
        .order_by(runs.c.sequence.desc())
        .limit(limit)
    )
    return [made(Run, row) for row in tx.execute(query)]
