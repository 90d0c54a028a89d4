"""Has a run's images in the registry that its environment pulls from, where they are in another one so far.

Called at the end of the build stage, before a release from upstream is written, and by the look at images. Somebody
else replicates an image there, which is waited for, or we copy it (`copy: true`), a minute at a time, so that others
get their turn. The very digest counts, with its tag and every platform, read from the registry that it was brought to.
"""

from __future__ import annotations

from dataclasses import replace

from service.core.config import ImageTarget
from service.core.ecr_hosts import ecr_host
from service.core.images import Image, ImageReference
from service.core.words import Digest, WaitKind
from service.errors import PermanentError, RetryableError
from service.pipeline.build.judging import judge
from service.pipeline.build.same_tree import tree_at
from service.pipeline.runs.claim import Claim, images_of
from service.pipeline.runs.steps import Pause, expired, first_wait, step, wait_for
from service.ports import Registry
from service.store.runs import Run

TURN_SECONDS = 60.0
"""For so long a copy begins new blobs before other runs have their turn."""


def bring_over(claim: Claim) -> None:
    """Make sure that the run's images are where its environment pulls from, or pause; the run then names them there."""
    for image in claim.target.images:
        reference = wanted_replica(claim.run, image)
        if reference is not None:
            _bring(claim, image, reference)


def wanted_replica(run: Run, image: ImageTarget) -> ImageReference | None:
    """Name the image as it shall be where the environment pulls from; None if the run has it there, or has none yet."""
    there = images_of(run).get(image.name)
    if there is None or there.digest is None or there.registry == image.registry_host:
        return None
    return replace(there, registry=image.registry_host)


def _bring(claim: Claim, image: ImageTarget, reference: ImageReference) -> None:
    registry = claim.context.outside.images.registry(image)
    verb = "copy image" if image.copy else "await replica"
    with step(claim, f"{verb} {image.name}".rstrip(), claim.run.stage) as record:
        lacks = replica_lacks(registry, reference, registry.find(reference.repository, reference.tag))
        if not lacks:
            record.message = f"{reference} is there"
        elif image.copy:
            record.message = _copy(claim, image, registry, reference)
        else:
            _await(claim, image, reference, lacks)
        # What the scan of the other registry has found says nothing of this one's.
        was = {key: value for key, value in claim.run.images[image.name].items() if key != "scan"}
        claim.note(images={**claim.run.images, image.name: {**was, "registry": reference.registry}})


def replica_lacks(registry: Registry, reference: ImageReference, found: Image | None) -> str:
    """Say what the registry lacks of the image; empty if its tag names the very digest with every platform.

    `found` is what the tag names there.
    """
    assert reference.digest is not None  # noqa: S101 - it was read back where it was pushed
    if found is not None and found.digest == reference.digest:
        return f"the image for {' and '.join(found.absent)} is not there yet" if found.absent else ""
    if not registry.has(reference.repository, reference.digest):
        return "it is not there yet"
    return f"it is there, but {reference.tag} names {found.digest if found else 'nothing yet'}"


def awaited_replica(run: Run, image: ImageTarget, digest: Digest | None, lacks: str) -> str:
    """Say what a run waits for."""
    return f"waiting for {digest} to be replicated to {_where(run, image)}: {lacks}"


def _where(run: Run, image: ImageTarget) -> str:
    """Name the other region, or the registry where the region is the same or unknown."""
    there, here = ecr_host(image.registry_host), ecr_host(run.images[image.name]["registry"])
    return there.region if there and here and there.region != here.region else image.registry_host


def _await(claim: Claim, image: ImageTarget, reference: ImageReference, lacks: str) -> None:
    context, run = claim.context, claim.run
    subject = str(replace(reference, digest=None))
    if expired(context, run.id, WaitKind.IMAGE, subject):
        raise PermanentError(
            f"{reference.digest} was not replicated to {_where(run, image)} in time, as {subject}: {lacks}",
            code="image-not-replicated",
            hint="check the replication rules of the registry that it was pushed to: ECR replicates nothing that was "
            "there before them; or set `copy: true`. `deadlines.image` sets how long a run waits",
        )
    key = f"{image.registry_kind}:{image.registry_host}"
    saw = awaited_replica(run, image, reference.digest, lacks)
    within = claim.target.deadlines.image
    raise Pause(wait_for(context, run, WaitKind.IMAGE, key=key, subject=subject, saw=saw, within=within))


def _copy(claim: Claim, image: ImageTarget, registry: Registry, reference: ImageReference) -> str:
    """Copy for a while; give words once the image is whole there, and pause before that."""
    context, run = claim.context, claim.run
    _check_tag(claim, image, registry.find(reference.repository, reference.tag), reference)
    subject = f"copy of {reference.name}:{reference.tag}"
    first = first_wait(context, run.id, WaitKind.RETRY, subject)
    if first is not None and context.now() - first.created_at > claim.target.deadlines.image:
        raise PermanentError(
            f"{reference} was not copied in time",
            code="image-not-copied",
            hint="`deadlines.image` sets how long it may take; `mergeport runs retry` goes on where it stopped",
        )
    notes = registry.ensure_repository(reference.repository)
    host = run.images[image.name]["registry"]
    source = _registry_at(claim, image, host).pull_source()
    told = registry.copy_from(source, reference.repository, reference, seconds=TURN_SECONDS)
    if not told.whole:
        saw = f"copying {reference} from {host}: {told.size} bytes in this turn; it goes on"
        now = context.now()
        raise Pause(wait_for(context, run, WaitKind.RETRY, key="", subject=subject, saw=saw, not_before=now))
    lacks = replica_lacks(registry, reference, registry.find(reference.repository, reference.tag))
    if lacks:
        raise RetryableError(f"{reference} was copied; {lacks}", code="image-not-seen-yet", hint="a registry may lag")
    return "; ".join((f"{reference}, copied from {host}", *notes))


def _registry_at(claim: Claim, image: ImageTarget, host: str) -> Registry:
    """Give the registry that the image is in: where it is pushed to, or where an upstream environment pulls from."""
    configuration = claim.context.configurations.at(claim.run.configuration_commit)
    known = [image.made]
    for name in claim.target.upstream.environments if claim.target.upstream else ():
        target = configuration.target(claim.run.application, name)
        known += [one for other in (target.images if target else ()) for one in (other, other.made)]
    found = next((one for one in known if one.registry_host == host), None)
    if found is None:
        raise PermanentError(
            f"the configuration has no registry {host} any more, from which the image is to be copied",
            code="target-gone",
            hint="`mergeport runs retry` takes the configuration that is in force now",
        )
    return claim.context.outside.images.registry(found)


def _check_tag(claim: Claim, image: ImageTarget, found: Image | None, reference: ImageReference) -> None:
    """Raise PermanentError `tag-taken` if the tag there names an image that is certainly of another commit."""
    run = claim.run
    if found is None or found.digest == reference.digest:
        return
    other = judge(found, image, run.commit, run.repository).other
    if other and (tree := tree_at(claim, image)):
        other = judge(found, image, run.commit, run.repository, tree=tree).other
    if other:
        raise PermanentError(
            f"{reference.name}:{reference.tag} {other}",
            code="tag-taken",
            hint="a tag must name one commit: use {sha} or a longer {short_sha} in `tag`, or remove that image",
        )
