"""What ran where and when, from Git alone: the history of the values files and what commit messages say of themselves.

Called by `mergeport history`, `mergeport diff` and `mergeport rebuild`. It reads the configuration and the manifest
repositories, and no row of the database.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from heapq import merge
from itertools import islice

from service.core.asked.points import Point
from service.core.asked.release_history import (
    Artifacts,
    Written,
    artifact_paths,
    artifacts_in,
    differences,
    origins_in,
    written,
)
from service.core.config import Configuration, Target
from service.core.words import Sha
from service.errors import NotFoundError, PermanentError
from service.pipeline.context import Context
from service.pipeline.manifest.place import Place, place_of
from service.ports import FileChange, ManifestHistories, ManifestHistory

DEPTH = 5_000
"""How many manifest commits are brought, unless a person wants more."""


@dataclass(slots=True)
class Past:
    """The manifest repositories as they were; each branch is fetched once for one question."""

    context: Context
    histories: ManifestHistories
    depth: int = DEPTH
    _tips: dict[Place, Sha] = field(default_factory=dict)

    def of(self, target: Target) -> tuple[ManifestHistory, Sha, Place]:
        """Give where a target's values files are, and the branch's newest commit."""
        place = place_of(self.context, target)
        history = self.histories.open(place.repository)
        if place not in self._tips:
            tip = history.fetch(place.branch, most=self.depth)
            if tip is None:
                raise PermanentError(
                    f"{place.repository} has no branch {place.branch}",
                    code="manifest-branch-missing",
                    hint="`manifest.branch` of the configuration names it",
                )
            self._tips[place] = tip
        return history, self._tips[place], place


@dataclass(frozen=True, slots=True)
class Difference:
    """What an application has at two points: (values path, old, new)."""

    application: str
    changes: tuple[tuple[str, str, str], ...]


def history(past: Past, targets: Sequence[Target], *, most: int | None = None) -> list[Written]:
    """Tell what changed in these places, newest first; commits that changed no artifact are left out."""
    branches: dict[Place, list[Iterator[Written]]] = {}
    for target, found, _ in all_history(past, targets):
        branches.setdefault(place_of(past.context, target), []).append(found)
    ordered = [merge(*found, key=lambda one: one.position) for found in branches.values()]
    return list(islice(merge(*ordered, key=lambda one: one.at, reverse=True), most))


def all_history(
    past: Past, targets: Sequence[Target]
) -> Iterator[tuple[Target, Iterator[Written], Sequence[FileChange]]]:
    """Tell of each place what changed in it, newest first, with one reading of each branch's history.

    What nobody takes from an iterator is not read. Beside it are the changes of all files of the branch's targets.
    """
    by_place: dict[Place, list[Target]] = {}
    for target in targets:
        by_place.setdefault(place_of(past.context, target), []).append(target)
    for together in by_place.values():
        changes = _changes(past, together)
        of_file: dict[str, list[tuple[int, FileChange]]] = {}
        for position, change in enumerate(changes):
            of_file.setdefault(change.path, []).append((position, change))
        for target in together:
            files = {file for file, _ in artifact_paths(target)}
            mine = sorted((one for file in files for one in of_file.get(file, ())), key=lambda one: one[0])
            yield target, _of_target(past, target, mine), changes


def difference(
    past: Past, configuration: Configuration, before: Point, after: Point, application: str = ""
) -> list[Difference]:
    """Compare all applications' artifacts at two points; those with the same ones are left out."""
    found = []
    for name in configuration.applications:
        if application in {"", name}:
            one, other = (_at(past, configuration.target(name, point.environment), point) for point in (before, after))
            changes = tuple(differences(one, other))
            found += [Difference(name, changes)] if changes else []
    return found


def artifacts_now(past: Past, target: Target) -> Artifacts:
    """Read what a target's values files say now."""
    reader, tip, _ = past.of(target)
    return artifacts_in(target, _reading(reader, tip))


def _changes(past: Past, targets: Sequence[Target]) -> list[FileChange]:
    """Read the history of the files of targets that share a branch."""
    reader, tip, _ = past.of(targets[0])
    files = {file for target in targets for file, _ in artifact_paths(target)}
    return list(reader.changes(tip, files, most=past.depth)) if files else []


def _of_target(past: Past, target: Target, changes: Sequence[tuple[int, FileChange]]) -> Iterator[Written]:
    """Go through the commits that changed a target's files, newest first, and tell what each changed of it."""
    reader, _, _ = past.of(target)
    commits: dict[Sha, tuple[int, FileChange]] = {}
    for position, change in changes:
        commits.setdefault(change.commit, (position, change))
    steps = list(commits.values())
    after = artifacts_in(target, _reading(reader, steps[0][1].commit)) if steps else {}
    for number, (position, change) in enumerate(steps):
        older = steps[number + 1][1].commit if number + 1 < len(steps) else None
        before = _before(reader, target, change) if older is None else artifacts_in(target, _reading(reader, older))
        if after != before:
            maker = reader.maker(change)
            on_branch = reader.describe(change.commit) if maker.id != change.commit else maker
            yield written(
                target, before, after, at=change.at, commit=change.commit, on_branch=on_branch.message,
                message=maker.message, author=maker.author, cut_off=change.cut_off, position=position,
            )  # fmt: skip
        after = before


def first_seen(past: Past, target: Target, changes: Sequence[FileChange]) -> dict[str, datetime]:
    """Tell when each source commit first came to a branch of manifests, by what the commits there say."""
    reader, _, _ = past.of(target)
    found: dict[str, datetime] = {}
    for change in {one.commit: one for one in changes}.values():
        for origin in origins_in(reader.maker(change).message):
            found[origin.source_commit] = min(found.get(origin.source_commit, change.at), change.at)
    return found


def _before(reader: ManifestHistory, target: Target, oldest: FileChange) -> Artifacts:
    if oldest.cut_off or not oldest.parents:
        return {}
    return artifacts_in(target, _reading(reader, oldest.parents[0]))


def _reading(reader: ManifestHistory, commit: Sha) -> Callable[[str], bytes | None]:
    """Give what reads a file at a commit; None for one that is not there."""

    def read(path: str) -> bytes | None:
        try:
            return reader.read(commit, path)
        except PermanentError:
            return None

    return read


def _at(past: Past, target: Target | None, point: Point) -> Mapping[tuple[str, str], str]:
    """Read a target's artifacts at a point, by a name of the value that is the same in every environment."""
    if target is None:
        return {}
    reader, tip, place = past.of(target)
    commit: Sha | None = tip
    if point.commit:
        commit = reader.named(tip, point.commit)
    elif point.at is not None:
        commit = reader.at(tip, point.at)
    if commit is None:
        raise NotFoundError(
            f"{place.branch} of {place.repository} has no commit from before {point.at:%Y-%m-%d %H:%M UTC} here",
            code="manifest-commit-unknown",
            hint="name a later time, or bring more commits by --depth",
        )
    found = artifacts_in(target, _reading(reader, commit))
    return _named_alike(target, found)


def _named_alike(target: Target, found: Artifacts) -> dict[tuple[str, str], str]:
    counts: dict[str, int] = {}
    alike: dict[tuple[str, str], str] = {}
    for file, path in artifact_paths(target):
        number = counts[path] = counts.get(path, 0) + 1
        if (file, path) in found:
            alike[str(number), path] = found[file, path]
    return alike


def targets_of(configuration: Configuration, application: str, environment: str = "") -> list[Target]:
    """Give an application's targets, in one environment or in all; NotFoundError for names that are not there."""
    names = [environment] if environment else list(configuration.environments)
    found = [configuration.target(application, name) for name in names]
    there = [target for target in found if target is not None]
    if not there:
        raise NotFoundError(
            f"{application} is not in {environment or 'any environment'}",
            code="environment-unknown",
            hint="`mergeport status` lists where it is",
        )
    return there
