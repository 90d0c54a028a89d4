"""What is known of source commits: how they stand to each other, when they were made, what runs found out of them."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

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


_TOLD = sa.select(table.c.base, table.c.head, table.c.relation).where(
    table.c.repository == sa.bindparam("repository"),
    table.c.base.in_([sa.bindparam("one"), sa.bindparam("other")]),
    table.c.head.in_([sa.bindparam("one"), sa.bindparam("other")]),
)
_JUDGEMENTS = sa.select(order_answers).where(order_answers.c.run_id.in_(sa.bindparam("run_ids", expanding=True)))
_TIME = sa.select(commit_times.c.at).where(
    commit_times.c.repository == sa.bindparam("repository"), commit_times.c.commit == sa.bindparam("commit")
)


def _behind() -> sa.Select[Any]:
    """Build the query that follows known steps back from a commit."""
    ahead = sa.and_(table.c.repository == sa.bindparam("repository"), table.c.relation == Relation.AHEAD)
    behind = sa.select(table.c.base).where(ahead, table.c.head == sa.bindparam("head")).cte("behind", recursive=True)
    behind = behind.union(sa.select(table.c.base).join(behind, table.c.head == behind.c.base).where(ahead))
    return sa.select(behind.c.base).limit(MOST_FOLLOWED)


_BEHIND = _behind()
_IMAGES = sa.cast(runs.c.images, sa.Text)
_OF_APPLICATION = (
    sa.select(*columns(Run, runs))
    .where(runs.c.application == sa.bindparam("application"))
    .order_by(runs.c.sequence.desc())
    .limit(sa.bindparam("most"))
)
_NAMING = _OF_APPLICATION.where(_IMAGES.like(sa.bindparam("pattern"), escape="/"))
_WITH_IMAGES = _OF_APPLICATION.where(_IMAGES != "{}")


def remember(tx: Transaction, repository: Repository, base: Sha, head: Sha, relation: Relation) -> None:
    """Store for good how `head` stands to `base`; ValueError for GONE, which may change again."""
    if relation is Relation.GONE:
        raise ValueError("what is gone is not kept")
    insert_new(tx, table, repository=repository, head=head, base=base, relation=relation)


def relation(tx: Transaction, repository: Repository, base: Sha, head: Sha) -> Relation | None:
    """Give how `head` stands to `base`, as stored or as it follows from what is stored; None when it is not known.

    Each push stores how its two ends stand to each other; together these make a chain back from each commit.
    """
    if base == head:
        return Relation.IDENTICAL
    asked = {"repository": repository, "one": base, "other": head}
    known = {(row.base, row.head): Relation(row.relation) for row in tx.execute(_TOLD, asked)}
    if (base, head) in known:
        return known[base, head]
    if (head, base) in known:
        return known[head, base].turned
    if _descends(tx, repository, head, base):
        return Relation.AHEAD
    return Relation.BEHIND if _descends(tx, repository, base, head) else None


def _descends(tx: Transaction, repository: Repository, head: Sha, base: Sha) -> bool:
    """Tell whether steps that are known lead back from a commit to another."""
    found = tx.execute(_BEHIND, {"repository": repository, "head": head}).scalars()
    return any(commit == base for commit in found)


def remember_time(tx: Transaction, repository: Repository, commit: Sha, at: datetime) -> None:
    """Store a commit's date for good."""
    insert_new(tx, commit_times, repository=repository, commit=commit, at=at)


def time(tx: Transaction, repository: Repository, commit: Sha) -> datetime | None:
    """Give a commit's date where it is known."""
    return tx.execute(_TIME, {"repository": repository, "commit": commit}).scalar_one_or_none()


def keep_judgement(tx: Transaction, run_id: RunId, image: str, judgement: Judgement) -> None:
    """Store what a run found out about an image; a newer finding replaces the older one."""
    insert_or_update(
        tx, order_answers, ["run_id", "image"], run_id=run_id, image=image, answer=judgement.answer,
        words=judgement.words, deployed=judgement.deployed,
    )  # fmt: skip


def judgements(tx: Transaction, run_id: RunId) -> dict[str, Judgement]:
    """Give what a run has found out, by image."""
    return judgements_of(tx, [run_id]).get(run_id, {})


def judgements_of(tx: Transaction, run_ids: Collection[RunId]) -> dict[RunId, dict[str, Judgement]]:
    """Give what several runs have found out, by run and image; a run that has found out nothing is left out."""
    told: dict[RunId, dict[str, Judgement]] = {}
    for row in tx.execute(_JUDGEMENTS, {"run_ids": list(run_ids)}):
        told.setdefault(row.run_id, {})[row.image] = Judgement(Answer(row.answer), row.words, row.deployed)
    return told


def runs_naming(tx: Transaction, application: str, text: str = "", *, limit: int = 200) -> list[Run]:
    """List the newest runs of an application, in any environment, whose images contain the text, or that have any."""
    asked = {"application": application, "most": limit}
    rows = (
        tx.execute(_NAMING, {**asked, "pattern": f"%{_literally(text)}%"}) if text else tx.execute(_WITH_IMAGES, asked)
    )
    return [made(Run, row) for row in rows]


def _literally(text: str) -> str:
    """Escape a text for LIKE, so that a wildcard in it stands for itself."""
    for special in "/%_":
        text = text.replace(special, f"/{special}")
    return text
