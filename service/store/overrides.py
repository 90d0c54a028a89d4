"""Overrides: gates that a person has opened for one release in one place, whichever run brings it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from service.core.words import RunId
from service.store.database import Transaction
from service.store.rows import columns, insert_or_update, made
from service.store.runs import Run
from service.store.tables import overrides as table


@dataclass(frozen=True, slots=True)
class KeptOverride:
    """One gate that a person has opened: who, why and when."""

    application: str
    environment: str
    release: str
    gate: str
    who: str
    why: str
    at: datetime


_ALL = sa.select(*columns(KeptOverride, table))
_OF_RELEASE = _ALL.where(
    table.c.application == sa.bindparam("application"), table.c.environment == sa.bindparam("environment"),
    table.c.release == sa.bindparam("release"),
).order_by(table.c.gate)  # fmt: skip
_OF_RELEASES = _ALL.where(table.c.release.in_(sa.bindparam("releases", expanding=True))).order_by(table.c.gate)


def release_of(run: Run) -> str:
    """Give the digests of a run's images as one text: what makes a release the same one. Empty if it has none yet."""
    digests = {str(image["digest"]) for image in run.images.values() if image.get("digest")}
    return " ".join(sorted(digests)) if len(run.images) else ""


def keep(tx: Transaction, run: Run, gate: str, *, who: str, why: str, at: datetime) -> None:
    """Open a gate for a run's release."""
    insert_or_update(
        tx, table, ["application", "environment", "release", "gate"], application=run.application,
        environment=run.environment, release=release_of(run), gate=gate, who=who, why=why, at=at,
    )  # fmt: skip


def of_run(tx: Transaction, run: Run) -> list[KeptOverride]:
    """List the gates that are open for a run's release."""
    asked = {"application": run.application, "environment": run.environment, "release": release_of(run)}
    return [made(KeptOverride, row) for row in tx.execute(_OF_RELEASE, asked)] if asked["release"] else []


def of_runs(tx: Transaction, some: Collection[Run]) -> dict[RunId, list[KeptOverride]]:
    """List the gates that are open for the releases of several runs, for each run that has any."""
    releases = {release for run in some if (release := release_of(run))}
    if not releases:
        return {}
    opened: dict[tuple[str, str, str], list[KeptOverride]] = {}
    for row in tx.execute(_OF_RELEASES, {"releases": sorted(releases)}):
        one = made(KeptOverride, row)
        opened.setdefault((one.application, one.environment, one.release), []).append(one)
    each = ((run, opened.get((run.application, run.environment, release_of(run)))) for run in some)
    return {run.id: found for run, found in each if found}


def gates_open(found: Mapping[RunId, Collection[KeptOverride]], run_id: RunId) -> frozenset[str]:
    """Name the gates that are open for a run, of what `of_runs` has found."""
    return frozenset(one.gate for one in found.get(run_id, ()))


def of_environment(tx: Transaction, environment: str) -> dict[tuple[str, str], list[KeptOverride]]:
    """List the gates that are open in an environment, by application and release."""
    opened: dict[tuple[str, str], list[KeptOverride]] = {}
    for row in tx.execute(_ALL.where(table.c.environment == environment).order_by(table.c.gate)):
        one = made(KeptOverride, row)
        opened.setdefault((one.application, one.release), []).append(one)
    return opened
