"""Brings back what Git knows after the database was lost: which release is live where since when, and the state.

Called by `mergeport rebuild`. A release comes back if a commit of ours says what it is of, and the values files still
have it, whoever put it back there. What is live in the database already is left alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import chain
from typing import Any

from service.core.artifacts import kept_from
from service.core.asked.release_history import Artifacts, Origin, Written
from service.core.config import Configuration, Target
from service.core.foreign_text import line
from service.core.images import ImageReference
from service.core.standing import NO_MODEL
from service.core.words import ChangeId, Repository, RunId, Sha
from service.errors import MergeportError
from service.pipeline.asked.manifest_history import Past, all_history, artifacts_now, first_seen
from service.pipeline.context import Context
from service.pipeline.manifest.place import Place, place_of
from service.pipeline.manifest.state.state_reading import Seen, look_at_state
from service.pipeline.runs import transitions
from service.pipeline.runs.transitions import Wish
from service.store import changes, deployments, edits, runs
from service.store.changes import Change
from service.store.ids import new_id

_GLOB = frozenset("*?[]{}!")
_NO_DIGEST, _NO_TAG = "sha256:" + "0" * 64, frozenset({"", "unreleased"})


@dataclass(frozen=True, slots=True)
class Found:
    """A release that is live in a place, as Git tells: since `at`, by the commit that put it there."""

    target: Target
    origin: Origin
    images: Mapping[str, ImageReference]
    commit: Sha
    promoted_by: Sha
    at: datetime


@dataclass(frozen=True, slots=True)
class Lost:
    """A place whose release cannot come back, and why."""

    application: str
    environment: str
    words: str


@dataclass(frozen=True, slots=True)
class Known:
    """A place of which the database knows what is live: it is left alone. `otherwise` is what Git tells instead."""

    application: str
    environment: str
    commit: Sha
    since: datetime
    otherwise: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What comes back, what does not, what was known all along, and when each source commit came first, by Git."""

    found: tuple[Found, ...]
    lost: tuple[Lost, ...]
    came: Mapping[str, datetime]
    known: tuple[Known, ...] = ()


def plan(past: Past, configuration: Configuration) -> Plan:
    """Read from Git what is live in each place."""
    found: list[Found] = []
    lost: list[Lost] = []
    known: list[Known] = []
    came: dict[str, datetime] = {}
    read: set[Place] = set()
    for target, entries, branch in all_history(past, list(configuration.targets())):
        place = place_of(past.context, target)
        if place not in read:
            read.add(place)
            for commit, at in first_seen(past, target, branch).items():
                came[commit] = min(came.get(commit, at), at)
        there = _known(past.context, target)
        match _live(past, target, entries):
            case Found() as live if there is not None:
                told = live.origin.source_commit
                other = f"Git tells {told[:12]}, of {live.commit[:12]}" if told != there.commit else ""
                known.append(replace(there, otherwise=other))
            case Lost() as missing if there is not None:
                known.append(replace(there, otherwise=missing.words))
            case Found() as live:
                found.append(live)
            case Lost() as missing:
                lost.append(missing)
            case None:
                pass
    return Plan(tuple(sorted(found, key=lambda one: one.at)), tuple(lost), came, tuple(known))


def _known(context: Context, target: Target) -> Known | None:
    """Give what the database knows to be live in a place."""
    with context.store.read() as tx:
        live = deployments.live(tx, target.application, target.environment)
        run = runs.get(tx, live.run_id) if live is not None else None
    if live is None or run is None:
        return None
    return Known(target.application, target.environment, run.commit, live.since)


def _live(past: Past, target: Target, entries: Iterator[Written]) -> Found | Lost | None:
    """Tell what is live in a place; None where nothing ever was."""
    now = artifacts_now(past, target)
    newest = None if _has_none_yet(now, target) else next(entries, None)
    if newest is None:
        return None
    place = target.application, target.environment
    for made in chain([newest], entries):
        if made.origin is not None and made.origin.wrote(now):
            break
    else:
        return Lost(*place, f"no commit of ours brought what is there; {newest.by} wrote it in {newest.commit[:12]}")
    images = _by_name(target, made.origin.images)
    if images is None:
        return Lost(*place, f"its images are not those of the configuration: {', '.join(map(str, made.origin.images))}")
    return Found(target, made.origin, images, Sha(newest.commit), Sha(made.commit), newest.at)


def _has_none_yet(now: Artifacts, target: Target) -> bool:
    """Tell whether values are what people write where there is no image yet, or no model."""
    if target.model is not None:
        return all(value in NO_MODEL for value in now.values())
    digests = [value for value in now.values() if "sha256:" in value]
    if digests:
        return all(value.endswith(_NO_DIGEST) for value in digests)
    return all(value in _NO_TAG for value in now.values())


def _by_name(target: Target, images: Iterable[ImageReference]) -> dict[str, ImageReference] | None:
    """Give the images under the names that the configuration has for them; None if one has no name there."""
    named: dict[str, ImageReference] = {}
    for image in images:
        fitting = [one.name for one in target.artifacts if one.full_name == image.name]
        if not fitting:
            return None
        named[fitting[0]] = image
    return named or None


def bring_back(context: Context, configuration: Configuration, wanted: Plan) -> list[Lost]:
    """Write what the plan found to the database, oldest first; give what could not be written."""
    lost = []
    for found in wanted.found:
        came = wanted.came.get(found.origin.source_commit, found.at)
        words = _bring_back(context, configuration, found, came)
        if words:
            lost.append(Lost(found.target.application, found.target.environment, words))
    return lost


def _bring_back(context: Context, configuration: Configuration, found: Found, came: datetime) -> str:
    """Write one release, and say why that is not possible; empty if it is done, or was there."""
    target, origin = found.target, found.origin
    place = place_of(context, target)
    branch = _branch(configuration, target)
    repository = Repository(origin.source_repository or target.source)
    with context.store.begin() as tx:
        if deployments.live(tx, target.application, target.environment) is not None:
            return ""
        change = changes.ensure(tx, _change(origin, repository, branch, came))
        wish = Wish(
            change_id=change.id, repository=repository, branch=branch, commit=Sha(origin.source_commit),
            application=target.application, environment=target.environment, generation=0,
            configuration_commit=Sha(configuration.commit),
        )  # fmt: skip
        run = transitions.restore(
            tx, RunId(origin.run), wish, images={name: _kept(image) for name, image in found.images.items()},
            manifest_commit=found.promoted_by, at=found.at,
        )  # fmt: skip
        if run is None:
            return "a run of the same commit is there already; it tells what is live by itself"
        edits.own(tx, place.repository, found.promoted_by, run.id)
        deployments.begin(tx, run, argocd_application=target.argocd_application, health="", at=found.at)
    return ""


def _change(origin: Origin, repository: Repository, branch: str, came: datetime) -> Change:
    name, _, email = origin.author.rpartition(" <")
    pulls = [{"number": number, "title": "", "author": "", "url": "", "labels": []} for number in origin.pull_requests]
    return Change(
        id=ChangeId(new_id()), repository=repository, branch=branch, commit=Sha(origin.source_commit), before=None,
        subject=line(origin.subject), author=name, author_email=email.rstrip(">"), paths=None, pull_requests=pulls,
        created_at=came,
    )  # fmt: skip


def _kept(image: ImageReference) -> dict[str, Any]:
    return {
        **kept_from(image),
        "platforms": [], "parts": [], "revision": None, "made_for": None,
    }  # fmt: skip


def _branch(configuration: Configuration, target: Target) -> str:
    """Give the branch that feeds a place, by way of the environments upstream; empty where that is a pattern."""
    seen: set[str] = set()
    one: Target | None = target
    while one is not None and one.upstream is not None and one.environment not in seen:
        seen.add(one.environment)
        one = configuration.target(target.application, one.upstream.environments[0])
    return one.branch if one is not None and not _GLOB & set(one.branch) else ""


def states_back(
    context: Context, configuration: Configuration
) -> list[tuple[Repository, Seen | None, MergeportError | None]]:
    """Read the state of each manifest repository, which remembers it; an error where it cannot be read."""
    found: list[tuple[Repository, Seen | None, MergeportError | None]] = []
    for repository in sorted(configuration.manifest_repositories(context.configuration_repository)):
        try:
            found.append((repository, look_at_state(context, repository), None))
        except MergeportError as error:
            found.append((repository, None, error))
    return found
