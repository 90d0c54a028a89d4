"""Has registries keep the images that environments use: what values files name in Git, and open promotions.

Called by the worker each minute, and acts every quarter of an hour, for registries that delete images by rules. What is
in use is read from Git anew each time, so a lost database forgets none. An environment whose files cannot be read keeps
all the tags that it has.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

import structlog

from service.core.config import ImageTarget, Target
from service.core.edits import resolve_values
from service.core.images import ImageReference
from service.core.lifecycle import keep_tag
from service.core.standing import Standing, standing_images
from service.core.words import Digest, Sha, WaitKind
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.manifest.place import Place, place_of, promotion_branch, rewrite_at, shared_branch
from service.pipeline.runs.claim import images_of, read_claim
from service.ports import Registry
from service.store import leases, waits
from service.store.ids import new_id

LEASE = "images-in-use"
LOOK_SECONDS = 900.0

_NOBODYS = ImageReference("mergeport.invalid", "none", "mergeport-none", Digest("sha256:" + "f" * 64))
"""An image that no file names: what an edit to it would replace is what stands there."""
_NO_COMMIT = Sha("f" * 40)

log = structlog.get_logger()


@dataclass(slots=True)
class _Use:
    """What is known of one repository: the tags that it should have, and which environments could (not) be read."""

    image: ImageTarget
    wanted: dict[str, Digest] = field(default_factory=dict)
    read: set[str] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)


def keep_images_in_use(context: Context) -> None:
    """Bring the tags of all images in use up to date, unless somebody did so in the last quarter of an hour."""
    registries = context.outside.images
    targets = [
        target
        for target in context.configurations.current().targets()
        if any(registries.registry(one).keeps_in_use for image in target.images for one in (image.made, image))
    ]
    if not targets:
        return
    with context.store.begin() as tx:
        # A holder's name of its own for each look, because a holder may always renew its lease.
        if not leases.acquire(tx, LEASE, f"{context.holder}/{new_id()}", now=context.now(), seconds=LOOK_SECONDS):
            return
    for use in _uses(context, targets):
        try:
            told = registries.registry(use.image).keep_in_use(
                use.image.repository, use.wanted, environments=use.read - use.unread
            )
        except MergeportError as error:
            log.warning("images in use could not be kept", repository=use.image.repository, error=str(error))
            continue
        if told:
            log.info("images in use are kept", repository=use.image.repository, done=told)


def _uses(context: Context, targets: list[Target]) -> Iterator[_Use]:
    """Give what is in use by repository; several applications may share one."""
    uses: dict[tuple[str, str], _Use] = {}
    tips: dict[Place, Sha | None] = {}
    proposed = _proposed(context)
    for target in targets:
        for image in target.images:
            if image.pushed_to is not None and context.outside.images.registry(image.made).keeps_in_use:
                # The environment uses nothing there, so its tags go; the policy is there for the others.
                uses.setdefault((image.made.registry_host, image.repository), _Use(image.made)).read.add(
                    target.environment
                )
            registry = context.outside.images.registry(image)
            if not registry.keeps_in_use:
                continue
            use = uses.setdefault((image.registry_host, image.repository), _Use(image))
            digests = set(proposed[target.application, target.environment, image.name])
            try:
                digests |= _named(context, target, image, registry, tips)
            except MergeportError as error:
                use.unread.add(target.environment)
                log.info(
                    "what an environment uses could not be read",
                    application=target.application, environment=target.environment, error=str(error),
                )  # fmt: skip
            use.read.add(target.environment)
            use.wanted |= {keep_tag(target.environment, digest): digest for digest in digests}
    yield from uses.values()


def _named(
    context: Context, target: Target, image: ImageTarget, registry: Registry, tips: dict[Place, Sha | None]
) -> set[Digest]:
    """Give the digests of one image that the target's values files name, on its branch and on its promotion branch."""
    place = place_of(context, target)
    found: set[Digest] = set()
    branches = [name for name in (place.branch, promotion_branch(target), shared_branch(target)) if name]
    for one in (Place(place.repository, name) for name in branches):
        if one not in tips:
            tips[one] = context.outside.manifests.open(one.repository).fetch(one.branch)
        tip = tips[one]
        if tip is None:
            continue
        for standing in _standing(context, target, one, tip):
            if standing.name == image.name and (digest := _digest(registry, image, standing)):
                found.add(digest)
    return found


def _standing(context: Context, target: Target, place: Place, tip: Sha) -> tuple[Standing, ...]:
    """Read which images stand in the target's files at a commit."""
    images = {image.name: _NOBODYS for image in target.images}
    wanted = resolve_values(target, images, commit=_NO_COMMIT, branch="mergeport-none")
    done = rewrite_at(context.outside.manifests.open(place.repository), tip, wanted)
    return standing_images(target, done.changes, images)


def _digest(registry: Registry, image: ImageTarget, standing: Standing) -> Digest | None:
    """Give the digest that stands there, or that its tag names in the registry now."""
    if standing.digest is not None or not standing.tag:
        return standing.digest
    found = registry.find(image.repository, standing.tag)
    return found.digest if found else None


def _proposed(context: Context) -> dict[tuple[str, str, str], set[Digest]]:
    """Give the digests of runs whose pull request is open, by application, environment and name of the image."""
    with context.store.read() as tx:
        waiting = waits.open_of_kind(tx, WaitKind.PULL_REQUEST)
    found: dict[tuple[str, str, str], set[Digest]] = defaultdict(set)
    for wait in waiting:
        try:
            claim = read_claim(context, wait.run_id)
        except MergeportError:
            continue
        for name, reference in images_of(claim.run).items() if claim else ():
            if claim and reference.digest:
                found[claim.run.application, claim.run.environment, name].add(reference.digest)
    return found
