"""The whole examination: each part by itself, so that one that cannot be looked at hides no other.

Called by `mergeport doctor`. What is asked outside is asked a few at a time.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from service.core.config import Configuration, ImageTarget, Target
from service.core.doctor.finding import Finding, Verdict, good
from service.core.doctor.needs import needs_of
from service.errors import MergeportError, PermanentError
from service.pipeline.context import Context
from service.pipeline.doctor import (
    argocd_applications,
    database,
    forge_access,
    machine,
    manifest_branch,
    model_registry,
    registry_rights,
    webhook,
)
from service.pipeline.doctor.argocd_applications import Placed
from service.pipeline.manifest.place import Place, place_of
from service.store import configurations

AT_ONCE = 8
Look = tuple[str, str, Callable[[], Iterator[Finding]]]
"""The part, the subject in case it cannot be looked at, and how to look."""


def examine(context: Context, state_directory: Path, *, signs: bool) -> Iterator[Finding]:
    """Look at everything, and give the findings in the order of the parts; `signs`: our commits are signed.

    A part that cannot be looked at is a finding: a fault if a person must change something, else unknown.
    """
    yield from _at_once(_of_itself(context, state_directory))
    configuration, finding = _configuration(context)
    yield finding
    if configuration is not None:
        placed, unseen = _placed(context, configuration)
        yield from unseen
        looks = [
            *_of_github(context, configuration, placed, signs=signs),
            *_of_the_rest(context, configuration, placed),
        ]
        yield from _at_once(looks)


def _of_itself(context: Context, state_directory: Path) -> list[Look]:
    forge = context.outside.forge
    return [
        (machine.PART, "disk", lambda: machine.disk(state_directory)),
        (machine.PART, "clock", lambda: machine.clock(forge)),
        (database.PART, "database", lambda: database.examine(context.store, context.now())),
    ]


def _configuration(context: Context) -> tuple[Configuration | None, Finding]:
    """Read the configuration in force, and tell whether the newest one is another."""
    part, subject = "configuration", f"mergeport.yaml of {context.configuration_repository}"
    try:
        configuration = context.configurations.current()
        with context.store.read() as tx:
            newest = configurations.last(tx)
    except MergeportError as error:
        return None, _unseen(part, subject, error)
    if newest is not None and not newest.good:
        words = f"{newest.commit[:12]} has {len(newest.faults)} faults; {configuration.commit[:12]} stays in force"
        return configuration, Finding(part, subject, Verdict.FAULT, words, "`mergeport config check` lists them")
    return configuration, good(part, subject, f"{configuration.commit[:12]} is in force")


def _placed(context: Context, configuration: Configuration) -> tuple[list[Placed], list[Finding]]:
    """Give where each target is written, and what is to be told of those of which that cannot be known."""
    placed: list[Placed] = []
    unseen: dict[str, Finding] = {}
    for target in configuration.targets():
        repository = target.manifest_repository or context.configuration_repository
        try:
            placed.append((target, place_of(context, target)))
        except MergeportError as error:
            unseen[repository.key] = _unseen(manifest_branch.PART, str(repository), error)
    return placed, list(unseen.values())


def _by_place(placed: list[Placed]) -> dict[Place, list[Target]]:
    found: dict[Place, list[Target]] = {}
    for target, place in placed:
        found.setdefault(place, []).append(target)
    return found


def _registry(context: Context, image: ImageTarget, *, writes: bool) -> Iterator[Finding]:
    """Look at a registry; it is made here, because its login may be missing."""
    yield from registry_rights.examine(context.outside.images.registry(image), image, writes=writes)


def _of_github(context: Context, configuration: Configuration, placed: list[Placed], *, signs: bool) -> Iterator[Look]:
    outside, home = context.outside, context.configuration_repository
    written = configuration.manifest_repositories(home) | {home}
    for repository, needs in needs_of(configuration, home).items():
        forge = outside.manifest_forge if repository in written else outside.forge
        yield forge_access.PART, str(repository), _bound(forge_access.examine, forge, repository, needs)
    if sources := sorted(configuration.sources()):
        yield webhook.PART, "web hook", _bound(webhook.examine, outside.forge, sources)
    for place, targets in _by_place(placed).items():
        look = _bound(
            manifest_branch.examine, outside.manifest_forge, place.repository, place.branch, targets, signs=signs
        )
        yield manifest_branch.PART, f"{place.repository} {place.branch}", look


def _of_the_rest(context: Context, configuration: Configuration, placed: list[Placed]) -> Iterator[Look]:
    for image, writes in _images(configuration):
        yield registry_rights.PART, image.full_name, _bound(_registry, context, image, writes=writes)
    models: dict[str, list[Target]] = {}
    for target in configuration.targets():
        if target.model is not None:
            models.setdefault(target.model.full_name, []).append(target)
    for name, targets in models.items():
        yield model_registry.PART, name, _bound(_models, context, targets)
    yield (
        argocd_applications.PART,
        "applications",
        _bound(argocd_applications.examine, context.outside.deployer, placed),
    )


def _models(context: Context, targets: list[Target]) -> Iterator[Finding]:
    """Look at a model; its registry is made here, because its credential may be missing."""
    model = targets[0].model
    assert model is not None  # noqa: S101 - only such are given
    yield from model_registry.examine(context.outside.models.registry(model), targets)


def _images(configuration: Configuration) -> Collection[tuple[ImageTarget, bool]]:
    """Give one image for each repository of a registry, and whether any of those there is written by us."""
    found: dict[str, tuple[ImageTarget, bool]] = {}
    for target in configuration.targets():
        for image in target.images:
            for one in (image.made, image):
                known, writes = found.get(one.full_name, (one, False))
                wrote = registry_rights.pushes(image) if one is image.made or image.copy else False
                found[one.full_name] = (known, writes or wrote)
    return found.values()


def _bound(look: Callable[..., Iterator[Finding]], *given: object, **named: object) -> Callable[[], Iterator[Finding]]:
    return lambda: look(*given, **named)


def _at_once(looks: Iterable[Look]) -> Iterator[Finding]:
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="doctor") as pool:
        for findings in pool.map(_looked, looks):
            yield from findings


def _looked(look: Look) -> list[Finding]:
    part, subject, findings = look
    try:
        return list(findings())
    except MergeportError as error:
        return [_unseen(part, subject, error)]


def _unseen(part: str, subject: str, error: MergeportError) -> Finding:
    verdict = Verdict.FAULT if isinstance(error, PermanentError) else Verdict.UNKNOWN
    return Finding(part, subject, verdict, error.message, error.hint)
