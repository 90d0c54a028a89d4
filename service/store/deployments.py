"""Deployments: a release being live in an application's environment. At most one of each is live."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.core.words import RunId, RunState, Stage
from service.store.database import Transaction
from service.store.ids import new_id
from service.store.rows import columns, insert_new, made, one
from service.store.runs import Run
from service.store.tables import deployments as table
from service.store.tables import runs

DEGRADED = "Degraded"
IMAGE_GONE = "ImageGone"
"""A health of our own: the registry does not have the image any more, so a pod that starts anew cannot pull it."""


@dataclass(frozen=True, slots=True)
class Deployment:
    """A run's release being live. `health` is the deployer's word; `by_us` tells who ended it, once it has ended.

    `degraded_since` tells since when it is degraded, without a break. `image_gone_since` tells when its image was first
    missed in the registry; None while it is there.
    `drift` says that its tag has moved; empty if it has not.
    """

    id: str
    application: str
    environment: str
    run_id: RunId
    argocd_application: str | None
    since: datetime
    healthy_since: datetime | None
    health: str
    until: datetime | None
    ended_by: str
    by_us: bool | None
    image_gone_since: datetime | None
    drift: str
    degraded_since: datetime | None


_ALL = sa.select(*columns(Deployment, table))
_STILL_LIVE = sa.update(table).where(table.c.id == sa.bindparam("deployment"), table.c.until.is_(None))
_LIVE = _ALL.where(
    table.c.application == sa.bindparam("application"), table.c.environment == sa.bindparam("environment"),
    table.c.until.is_(None),
)  # fmt: skip
_TO_FOLLOW = (
    _ALL.where(
        table.c.until.is_(None), sa.not_(table.c.followed),
        sa.or_(table.c.healthy_since.is_not(None), table.c.argocd_application.is_(None)),
    )
    .order_by(table.c.id)
    .limit(sa.bindparam("most"))
)  # fmt: skip
_OF_RUNS = _ALL.where(table.c.run_id.in_(sa.bindparam("run_ids", expanding=True))).order_by(table.c.id)


def begin(tx: Transaction, run: Run, *, argocd_application: str | None, health: str, at: datetime) -> bool:
    """Record that a run's release is live now; False if another one is live, or became live meanwhile."""
    return insert_new(
        tx, table, id=new_id(), application=run.application, environment=run.environment, run_id=run.id,
        argocd_application=argocd_application, since=at, healthy_since=at if health == "Healthy" else None,
        health=health, ended_by="", drift="", degraded_since=at if health == DEGRADED else None,
    )  # fmt: skip


def feels(
    tx: Transaction, deployment: Deployment, health: str, *, healthy_since: datetime | None, at: datetime | None = None
) -> None:
    """Record the health of a live release, as it is seen `at` a time."""
    degraded = (deployment.degraded_since or at) if health == DEGRADED else None
    values: dict[str, object] = {"health": health, "healthy_since": healthy_since, "degraded_since": degraded}
    if healthy_since is not None and deployment.healthy_since is None:
        values["followed"] = False
    tx.execute(_STILL_LIVE, {"deployment": deployment.id, **values})


def misses_image(tx: Transaction, deployment: Deployment, since: datetime | None) -> None:
    """Record since when the image of a live release is missing in its registry."""
    tx.execute(_STILL_LIVE, {"deployment": deployment.id, "image_gone_since": since})


def drifts(tx: Transaction, deployment: Deployment, words: str) -> None:
    """Record that the tag of a live release names another image, or no longer does."""
    tx.execute(_STILL_LIVE, {"deployment": deployment.id, "drift": words})


def end(tx: Transaction, deployment: Deployment, words: str, *, by_us: bool, at: datetime) -> bool:
    """Record that a release is no longer live; False if that was already known."""
    values = {"until": at, "ended_by": words, "by_us": by_us}
    return bool(tx.execute(_STILL_LIVE, {"deployment": deployment.id, **values}).rowcount == 1)


def live(tx: Transaction, application: str, environment: str) -> Deployment | None:
    """Give what is live in an application's environment."""
    asked = {"application": application, "environment": environment}
    return one(Deployment, tx.execute(_LIVE, asked).first())


def to_follow(tx: Transaction, *, limit: int) -> list[Deployment]:
    """List what is live and healthy, and not followed yet; without a deployer, live is enough."""
    return [made(Deployment, row) for row in tx.execute(_TO_FOLLOW, {"most": limit})]


def follow(tx: Transaction, deployment: Deployment) -> None:
    """Record that everything downstream has heard of a release."""
    tx.execute(_STILL_LIVE, {"deployment": deployment.id, "followed": True})


def follow_all_again(tx: Transaction) -> None:
    """Let everything downstream hear of all live releases again, since other environments may be downstream now."""
    tx.execute(sa.update(table).where(table.c.until.is_(None), table.c.followed).values(followed=False))


def all_live(tx: Transaction) -> list[Deployment]:
    """List everything that is live."""
    return [made(Deployment, row) for row in tx.execute(_ALL.where(table.c.until.is_(None)).order_by(table.c.since))]


def of_place(tx: Transaction, application: str, environment: str, *, limit: int) -> list[Deployment]:
    """List what is and was live in a place, newest first."""
    query = _ALL.where(table.c.application == application, table.c.environment == environment)
    return [made(Deployment, row) for row in tx.execute(query.order_by(table.c.id.desc()).limit(limit))]


def elsewhere(tx: Transaction, application: str, environment: str, *, limit: int) -> list[Deployment]:
    """List what is and was live of an application in its other environments, newest first."""
    query = _ALL.where(table.c.application == application, table.c.environment != environment)
    return [made(Deployment, row) for row in tx.execute(query.order_by(table.c.id.desc()).limit(limit))]


def before(tx: Transaction, deployment: Deployment, *, limit: int) -> list[Deployment]:
    """List what was live in the same place before, newest first."""
    query = _ALL.where(
        table.c.application == deployment.application,
        table.c.environment == deployment.environment,
        table.c.id < deployment.id,
    )
    return [made(Deployment, row) for row in tx.execute(query.order_by(table.c.id.desc()).limit(limit))]


def of_run(tx: Transaction, run_id: RunId) -> list[Deployment]:
    """List the times in which a run's release was live, newest first."""
    query = _ALL.where(table.c.run_id == run_id).order_by(table.c.id.desc())
    return [made(Deployment, row) for row in tx.execute(query)]


def newest_of_runs(tx: Transaction, run_ids: Collection[RunId]) -> dict[RunId, Deployment]:
    """Give the newest deployment of each run that has one."""
    rows = tx.execute(_OF_RUNS, {"run_ids": list(run_ids)})
    return {deployment.run_id: deployment for row in rows if (deployment := made(Deployment, row))}


def failed_and_not_live(tx: Transaction, *, since: datetime) -> list[Run]:
    """List runs that failed after their commit, are the newest of their place that has one, and are not live."""
    later = runs.alias("later")
    newer = sa.exists().where(
        later.c.application == runs.c.application, later.c.environment == runs.c.environment,
        later.c.sequence > runs.c.sequence, later.c.manifest_commit.is_not(None),
    )  # fmt: skip
    is_live = sa.exists().where(table.c.run_id == runs.c.id, table.c.until.is_(None))
    query = sa.select(*columns(Run, runs)).where(
        runs.c.state == RunState.FAILED, runs.c.stage == Stage.DEPLOY, runs.c.manifest_commit.is_not(None),
        runs.c.ended_at >= since, ~newer, ~is_live,
    )  # fmt: skip
    return [made(Run, row) for row in tx.execute(query)]
