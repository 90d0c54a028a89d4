"""What is live, and what is on its way, in all places at once: a few queries for any number of applications."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.core.words import RunId, RunState, Stage
from service.store.database import Transaction
from service.store.rows import made
from service.store.tables import changes, deployments, runs, waits

_ENDED = [state for state in RunState if state.ended]


@dataclass(frozen=True, slots=True)
class LiveRow:
    """A release that is live, with the time at which its change came."""

    application: str
    environment: str
    run_id: RunId
    commit: str
    images: dict[str, dict[str, Any]]
    manifest_commit: str | None
    since: datetime
    healthy_since: datetime | None
    health: str
    argocd_application: str | None
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class OpenRow:
    """The newest run that has not ended in a place, and what it waits for."""

    application: str
    environment: str
    run_id: RunId
    commit: str
    state: RunState
    stage: Stage
    message: str
    pull_request: int | None
    waits_for: str


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """A change that has a run in a place."""

    application: str
    environment: str
    change_id: str
    created_at: datetime


def live(tx: Transaction, application: str = "") -> list[LiveRow]:
    """List what is live, everywhere or of one application."""
    query: sa.Select[Any] = (
        sa.select(
            deployments.c.application, deployments.c.environment, runs.c.id, runs.c.commit, runs.c.images,
            runs.c.manifest_commit, deployments.c.since, deployments.c.healthy_since, deployments.c.health,
            deployments.c.argocd_application, changes.c.created_at,
        )
        .join(runs, runs.c.id == deployments.c.run_id)
        .join(changes, changes.c.id == runs.c.change_id)
        .where(deployments.c.until.is_(None))
    )  # fmt: skip
    if application:
        query = query.where(deployments.c.application == application)
    return [made(LiveRow, row) for row in tx.execute(query)]


def on_their_way(tx: Transaction, application: str = "") -> list[OpenRow]:
    """List the newest run of each place that has not ended."""
    waiting = sa.and_(waits.c.run_id == runs.c.id, waits.c.answered_at.is_(None))
    query: sa.Select[Any] = (
        sa.select(
            runs.c.application, runs.c.environment, runs.c.id, runs.c.commit, runs.c.state, runs.c.stage,
            runs.c.message, runs.c.pull_request, sa.func.coalesce(waits.c.kind, ""),
        )
        .outerjoin(waits, waiting)
        .where(runs.c.state.not_in(_ENDED))
        .order_by(runs.c.sequence)
    )  # fmt: skip
    if application:
        query = query.where(runs.c.application == application)
    newest = {(row[0], row[1]): made(OpenRow, row) for row in tx.execute(query)}
    return list(newest.values())


def not_live_everywhere(tx: Transaction, application: str = "") -> list[ChangeRow]:
    """List the changes of each place that came after the oldest one that is live anywhere of its application."""
    first = runs.alias("first")
    base: sa.Select[Any] = (
        sa.select(deployments.c.application, sa.func.min(first.c.sequence).label("sequence"))
        .join(runs, runs.c.id == deployments.c.run_id)
        .join(
            first,
            sa.and_(
                first.c.repository == runs.c.repository, first.c.branch == runs.c.branch,
                first.c.commit == runs.c.commit,
            ),
        )
        .where(deployments.c.until.is_(None))
        .group_by(deployments.c.application)
    )  # fmt: skip
    if application:
        base = base.where(deployments.c.application == application)
    bases = base.cte("bases")
    query: sa.Select[Any] = (
        sa.select(runs.c.application, runs.c.environment, runs.c.change_id, changes.c.created_at)
        .join(bases, bases.c.application == runs.c.application)
        .join(changes, changes.c.id == runs.c.change_id)
        .where(runs.c.sequence >= bases.c.sequence)
        .distinct()
    )
    return [made(ChangeRow, row) for row in tx.execute(query)]
