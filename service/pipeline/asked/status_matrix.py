"""Joins what is live, closed, behind and on its way into one matrix: a cell for each application in each environment.

Called by `mergeport status`. Reads the store alone, with a handful of queries however many applications there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from service.core.config import Configuration, Target
from service.core.models import version_of
from service.core.state import Hold, Lock, State, told
from service.core.words import Repository, RunState, WaitKind
from service.pipeline.manifest.state.remembered import in_force
from service.store import Transaction, manifest_states, matrix, model_aliases
from service.store.deployments import IMAGE_GONE
from service.store.matrix import ChangeRow, LiveRow, OpenRow

Places = Mapping[tuple[str, str], LiveRow]


@dataclass(frozen=True, slots=True)
class Closed:
    """A lock or a hold of a place: its kind, and who placed it, why and until when."""

    kind: str
    words: str


@dataclass(frozen=True, slots=True)
class Coming:
    """What is on its way to a place."""

    run: str
    commit: str
    doing: str
    words: str


@dataclass(frozen=True, slots=True)
class Cell:
    """One application in one environment.

    Nothing is live without `since`. `health` is the deployer's word, `Committed` where there is none. `behind` counts
    the merged changes that are not live here; None where nothing is live, so that there is nothing to count from.
    """

    application: str
    environment: str
    commit: str = ""
    tags: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()
    manifest_commit: str = ""
    run: str = ""
    since: datetime | None = None
    healthy_since: datetime | None = None
    health: str = ""
    closed: tuple[Closed, ...] = ()
    behind: int | None = None
    coming: Coming | None = None
    alias: str = ""
    """What the alias that feeds a model names, where that is not what is live."""

    @property
    def well(self) -> bool:
        """Whether what is live there is healthy, or nobody looks."""
        return self.health in {"Healthy", "Committed"}


def status(
    tx: Transaction,
    configuration: Configuration | None,
    default: Repository | None,
    now: datetime,
    application: str = "",
) -> list[Cell]:
    """Give all cells, in the order of the configuration; what is live and not configured any more comes last."""
    live = {(row.application, row.environment): row for row in matrix.live(tx, application)}
    coming = {(row.application, row.environment): row for row in matrix.on_their_way(tx, application)}
    newer = _by_place(matrix.not_live_everywhere(tx, application))
    states, aliases = dict(_states(tx)), model_aliases.known(tx)
    targets = {(one.application, one.environment): one for one in (configuration.targets() if configuration else ())}
    wanted = [place for place in targets if application in {"", place[0]}]
    left = sorted({*live, *coming} - set(wanted))
    cells = [
        _cell(place, targets.get(place), live, coming.get(place), newer, states, default, now)
        for place in (*wanted, *left)
    ]
    return [_beside_alias(cell, targets.get((cell.application, cell.environment)), aliases) for cell in cells]


def _beside_alias(cell: Cell, target: Target | None, aliases: Mapping[tuple[Repository, str], str]) -> Cell:
    """Add what the alias names, where another version is live, or none."""
    if target is None or target.model is None or not target.branch:
        return cell
    version = aliases.get((target.source, target.branch))
    if version is None or version == version_of(cell.commit):
        return cell
    return replace(cell, alias=f"{target.branch} is {version}" if version else f"there is no {target.branch}")


def _cell(
    place: tuple[str, str], target: Target | None, live: Places, coming: OpenRow | None,
    newer: Mapping[tuple[str, str], Mapping[str, datetime]], states: Mapping[Repository, State],
    default: Repository | None, now: datetime,
) -> Cell:  # fmt: skip
    there = live.get(place)
    closed = tuple(_closed(place, target, states, default, now))
    on_its_way = _coming(coming) if coming is not None and (there is None or there.run_id != coming.run_id) else None
    if there is None:
        return Cell(*place, closed=closed, coming=on_its_way)
    images = list(there.images.values())
    return Cell(
        *place,
        commit=there.commit,
        tags=tuple(image["tag"] for image in images),
        digests=tuple(image["digest"] for image in images if image["digest"]),
        manifest_commit=there.manifest_commit or "",
        run=there.run_id,
        since=there.since,
        healthy_since=there.healthy_since,
        health=_health(there),
        closed=closed,
        behind=_behind(place, target, there, newer, live),
        coming=on_its_way,
    )


def _health(row: LiveRow) -> str:
    if row.argocd_application is None and row.health != IMAGE_GONE:
        return "Committed"
    return row.health or "Unknown"


def _behind(
    place: tuple[str, str], target: Target | None, there: LiveRow,
    newer: Mapping[tuple[str, str], Mapping[str, datetime]], live: Places,
) -> int:  # fmt: skip
    """Count the changes of the branch, or those that are live upstream, which came after the one that is live here."""
    application, _ = place
    if target is None or target.upstream is None:
        return sum(at > there.changed_at for at in newer.get(place, {}).values())
    every: set[str] = set()
    for name in target.upstream.environments:
        upstream = live.get((application, name))
        if upstream is not None:
            known = newer.get((application, name), {})
            every |= {one for one, at in known.items() if there.changed_at < at <= upstream.changed_at}
    return len(every)


def _by_place(rows: Iterable[ChangeRow]) -> dict[tuple[str, str], dict[str, datetime]]:
    found: dict[tuple[str, str], dict[str, datetime]] = {}
    for row in rows:
        found.setdefault((row.application, row.environment), {})[row.change_id] = row.created_at
    return found


def _coming(row: OpenRow) -> Coming:
    if row.state is not RunState.WAITING or not row.waits_for:
        doing = f"{row.state} in {row.stage}"
    elif row.waits_for == WaitKind.PULL_REQUEST and row.pull_request is not None:
        doing = f"pull request #{row.pull_request}"
    else:
        doing = f"waits: {row.waits_for}"
    return Coming(row.run_id, row.commit, doing, row.message)


def _states(tx: Transaction) -> Iterator[tuple[Repository, State]]:
    for known in manifest_states.all_known(tx):
        yield known.repository, in_force(known)


def _closed(
    place: tuple[str, str], target: Target | None, states: Mapping[Repository, State], default: Repository | None,
    now: datetime,
) -> Iterator[Closed]:  # fmt: skip
    application, environment = place
    where = (target.manifest_repository if target is not None else None) or default
    for repository, state in states.items():
        if where is not None and repository != where:
            continue
        for entry in state.entries:
            if entry.placed.over(now) or not isinstance(entry, Lock | Hold):
                continue
            if entry.covers(application, environment):
                yield Closed(entry.subject[0], told(entry, now))
