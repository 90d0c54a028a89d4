"""Builds and their logs: the making of one image, shared by the runs that need it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from service.core.words import BuildId, BuildState, Repository, RunId, RunState, Sha
from service.store.database import Transaction
from service.store.pauses import LONGEST_PAUSE
from service.store.rows import columns, insert_new, made, one
from service.store.tables import build_logs, build_runs, runs
from service.store.tables import builds as table


@dataclass(frozen=True, slots=True)
class Build:
    """A build. Two requests with the same `key` share it. Its workflow is `build:ID:ATTEMPT`.

    `builder` is the kind of the builder elsewhere that makes it, and empty where it is made here. A start elsewhere has
    our `correlation`; from `asked_at` on the start may have had effect. `external_id` is the builder's own id, once it
    is known. `tree` is what the image is made of, for its label; empty if that is not known. `anew` says that it is
    made although the image is there. `turn_at` is when the attempt was begun, or first asked for elsewhere; None while
    it waits for its turn.
    """

    id: BuildId
    key: str
    repository: Repository
    branch: str
    commit: Sha
    reference: str
    configuration_commit: Sha
    application: str
    environment: str
    image: str
    attempt: int
    resumes: int
    state: BuildState
    message: str
    code: str
    retry_after: float | None
    created_at: datetime
    updated_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    builder: str = ""
    correlation: str = ""
    asked_at: datetime | None = None
    external_id: str | None = None
    log_after: str = ""
    unheard_since: datetime | None = None
    shared_deaths: int = 0
    tree: str = ""
    anew: bool = False
    turn_at: datetime | None = None

    @property
    def workflow_id(self) -> str:
        """The engine's id for this attempt."""
        return f"build:{self.id}:{self.attempt}"


_OURS = [BuildState.QUEUED, BuildState.RUNNING]
_BUILD = sa.select(*columns(Build, table))
_OF_KEY = _BUILD.where(table.c.key == sa.bindparam("key")).with_for_update()
_ONE = _BUILD.where(table.c.id == sa.bindparam("build_id"))
_HELD = _ONE.with_for_update()
_UPDATED = sa.update(table).where(table.c.id == sa.bindparam("build_id"))
_OF_RUN = (
    _BUILD.join(build_runs, build_runs.c.build_id == table.c.id)
    .where(build_runs.c.run_id == sa.bindparam("run_id"))
    .order_by(table.c.created_at)
)
_WANTED = (
    sa.select(build_runs.c.build_id)
    .select_from(build_runs.join(runs, runs.c.id == build_runs.c.run_id))
    .where(
        build_runs.c.build_id.in_(sa.bindparam("build_ids", expanding=True)),
        runs.c.state.not_in([state for state in RunState if state.ended]),
        runs.c.cancel_requested_by.is_(None),
    )
)
_NEWEST_BY_BUILDER = (
    sa.select(table.c.builder, sa.func.max(table.c.id))
    .where(table.c.state == BuildState.STARTED)
    .group_by(table.c.builder)
)
_UNATTENDED = _BUILD.where(
    table.c.state.in_(_OURS),
    sa.or_(table.c.updated_at < sa.bindparam("before"), table.c.updated_at > sa.bindparam("too_far")),
)
_LOG = sa.insert(build_logs)
_LOCK = sa.select(sa.func.pg_advisory_xact_lock(sa.func.hashtextextended(sa.bindparam("key"), 0)))


def want(tx: Transaction, build: Build, run_id: RunId) -> Build:
    """Let a run share the build of this key, new or known; its row is held until the transaction ends."""
    insert_new(tx, table, **{name: getattr(build, name) for name in Build.__dataclass_fields__})
    kept = one(Build, tx.execute(_OF_KEY, {"key": build.key}).first())
    assert kept is not None  # noqa: S101 - inserted above
    insert_new(tx, build_runs, build_id=kept.id, run_id=run_id)
    return kept


def share(tx: Transaction, build_id: BuildId, run_id: RunId) -> None:
    """Let a run share a build that is known."""
    insert_new(tx, build_runs, build_id=build_id, run_id=run_id)


def hold_tree(tx: Transaction, image: str, tree: str) -> None:
    """Let nobody else decide about the build of a tree until the transaction ends; on SQLite a writer is alone."""
    if tx.dialect.name == "postgresql":
        tx.execute(_LOCK, {"key": f"tree:{image}{tree}"})


def of_tree(tx: Transaction, image: str, tree: str) -> list[Build]:
    """List the builds of a tree that are under way, oldest first; `image` is `registry/repository:`."""
    query = (
        sa.select(*columns(Build, table))
        .where(
            table.c.state.in_([*_OURS, BuildState.STARTED]),
            table.c.tree == tree,
            table.c.reference.startswith(image, autoescape=True),
        )
        .order_by(table.c.created_at)
    )
    return [made(Build, row) for row in tx.execute(query)]


def get(tx: Transaction, build_id: BuildId) -> Build | None:
    """Give a build by its id."""
    return one(Build, tx.execute(_ONE, {"build_id": build_id}).first())


def hold(tx: Transaction, build_id: BuildId) -> Build | None:
    """Give a build, and keep every other process from changing it until the transaction ends."""
    return one(Build, tx.execute(_HELD, {"build_id": build_id}).first())


def update(tx: Transaction, build_id: BuildId, *, at: datetime, **values: Any) -> None:  # noqa: ANN401 - columns' values
    """Bring columns of a build to these values."""
    tx.execute(_UPDATED, {"build_id": build_id, "updated_at": at, **values})


def start_attempt(tx: Transaction, build: Build, *, at: datetime, anew: bool = False) -> Build:
    """Queue the next attempt of an ended build; its workflow and its start elsewhere get new names.

    The id of a build that failed elsewhere stays until another start is asked for, because a person may run that build
    again there. A build that we cancelled may still be running for a moment, so its id does not stay.
    """
    elsewhere = {"correlation": "", "asked_at": None, "log_after": "", "unheard_since": None}
    elsewhere |= {"started_at": None, "turn_at": None}
    if build.state is not BuildState.FAILED:
        elsewhere["external_id"] = None
    return _next_attempt(tx, build, at=at, resumes=0, shared_deaths=0, anew=anew, **elsewhere)


def resume_attempt(tx: Transaction, build: Build, *, at: datetime, resumes: int = 0, shared_deaths: int = 0) -> Build:
    """Queue the next attempt of a build under way, which goes on with what is known of its start elsewhere."""
    return _next_attempt(tx, build, at=at, resumes=resumes, shared_deaths=shared_deaths)


def _next_attempt(tx: Transaction, build: Build, *, at: datetime, **values: Any) -> Build:  # noqa: ANN401 - columns' values
    update(
        tx, build.id, at=at, attempt=build.attempt + 1, state=BuildState.QUEUED, message="", code="", retry_after=None,
        ended_at=None, **values,
    )  # fmt: skip
    again = get(tx, build.id)
    assert again is not None  # noqa: S101 - updated above
    return again


def of_run(tx: Transaction, run_id: RunId) -> list[Build]:
    """List the builds that a run needs or needed."""
    return [made(Build, row) for row in tx.execute(_OF_RUN, {"run_id": run_id})]


def succeeded(tx: Transaction, key: str) -> Build | None:
    """Give the build of a key if it has succeeded."""
    query = _BUILD.where(table.c.key == key, table.c.state == BuildState.SUCCEEDED)
    return one(Build, tx.execute(query).first())


def wanted(tx: Transaction, build_id: BuildId) -> bool:
    """Tell whether any run that has not ended, and is not to be cancelled, still needs the build."""
    return build_id in wanted_among(tx, [build_id])


def wanted_among(tx: Transaction, build_ids: Collection[BuildId]) -> set[BuildId]:
    """Give those of these builds that a run still needs which has not ended and is not to be cancelled."""
    return {BuildId(build_id) for build_id in tx.execute(_WANTED, {"build_ids": list(build_ids)}).scalars()}


def under_way(tx: Transaction) -> dict[BuildId, Build]:
    """Give the builds that a workflow of ours has, or is to have, by id."""
    query = sa.select(*columns(Build, table)).where(table.c.state.in_(_OURS))
    return {BuildId(row.id): made(Build, row) for row in tx.execute(query)}


def started(tx: Transaction, builder: str) -> list[Build]:
    """List the builds that a builder elsewhere has, oldest first."""
    query = (
        sa.select(*columns(Build, table))
        .where(table.c.state == BuildState.STARTED, table.c.builder == builder)
        .order_by(table.c.created_at)
    )
    return [made(Build, row) for row in tx.execute(query)]


def failed_as(tx: Transaction, builder: str, external_id: str, *, since: datetime) -> Build | None:
    """Give the build that failed as this one of a builder elsewhere, however the repository's name is written there."""
    query = sa.select(*columns(Build, table)).where(
        table.c.state == BuildState.FAILED,
        table.c.updated_at >= since,
        table.c.builder == builder,
        sa.func.lower(table.c.external_id) == external_id.lower(),
    )
    return one(Build, tx.execute(query).first())


def failed_elsewhere(tx: Transaction, *, since: datetime, limit: int) -> list[Build]:
    """List the builds that failed elsewhere since then and are known there by an id, newest first."""
    query = (
        sa.select(*columns(Build, table))
        .where(
            table.c.state == BuildState.FAILED,
            table.c.updated_at >= since,
            table.c.ended_at >= since,
            table.c.builder != "",
            table.c.external_id.is_not(None),
        )
        .order_by(table.c.updated_at.desc())
        .limit(limit)
    )
    return [made(Build, row) for row in tx.execute(query)]


def runs_of(tx: Transaction, build_id: BuildId) -> list[RunId]:
    """List the runs that need or needed a build."""
    query = sa.select(build_runs.c.run_id).where(build_runs.c.build_id == build_id)
    return [RunId(run_id) for run_id in tx.execute(query).scalars()]


def any_started(tx: Transaction, builder: str, repository: Repository) -> bool:
    """Tell whether a builder elsewhere has any build of a repository, however its name is written."""
    query = sa.select(table.c.repository).where(table.c.state == BuildState.STARTED, table.c.builder == builder)
    return any(Repository(name).key == repository.key for name in tx.execute(query.distinct()).scalars())


def newest_by_builder(tx: Transaction) -> dict[str, str]:
    """Give the newest build that each builder elsewhere has; ids sort by the time they were made."""
    return {builder: newest for builder, newest in tx.execute(_NEWEST_BY_BUILDER)}  # noqa: C416 - rows, not pairs


def unattended(tx: Transaction, *, before: datetime) -> list[Build]:
    """List builds that a workflow should have, last touched before a time, or by a clock ahead of ours."""
    rows = tx.execute(_UNATTENDED, {"before": before, "too_far": before + LONGEST_PAUSE})
    return [made(Build, row) for row in rows]


def log(tx: Transaction, build_id: BuildId, attempt: int, text: str) -> None:
    """Keep a piece of a build's log."""
    tx.execute(_LOG, {"build_id": build_id, "attempt": attempt, "text": text})


def log_of(tx: Transaction, build_id: BuildId, *, after: int = 0, limit: int = 5000) -> list[tuple[int, int, str]]:
    """Give sequence, attempt and text of a build's log, oldest first, after a sequence."""
    query = (
        sa.select(build_logs.c.sequence, build_logs.c.attempt, build_logs.c.text)
        .where(build_logs.c.build_id == build_id, build_logs.c.sequence > after)
        .order_by(build_logs.c.sequence)
        .limit(limit)
    )
    return [(sequence, attempt, text) for sequence, attempt, text in tx.execute(query)]
