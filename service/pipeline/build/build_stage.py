"""Stage build: every image of the run is in its registry, made of the run's commit, its digest read back.

A tag that is there and was made of the same commit is reused; of another commit it is a failure. What
is missing is built here (a build row, shared) or awaited from somebody else's pipeline (a wait).
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime

from service.core.config import ImageTarget
from service.core.images import Image, ImageReference, tag_for
from service.core.made_of import is_made_of, told_of
from service.core.words import BuildId, BuildState, Stage, WaitKind
from service.errors import PermanentError, RetryableError
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Pause, expired, step, wait_for
from service.store import builds, steps
from service.store.builds import Build
from service.store.ids import new_id
from service.store.runs import Run

BUILDS_KEY = "builds"
"""What the watch of builds looks at: all of them at once, in our own store."""


def build(claim: Claim) -> None:
    """Bring every image of the run to be, or pause; the claim has the run's images then."""
    missing = [image for image in claim.target.images if not _find(claim, image)]
    local = [image for image in missing if claim.context.outside.images.builder(image).local]
    wanted = [(image, _want_build(claim, image)) for image in local]
    for image, one in wanted:
        _await_build(claim, image, one)
    for image in missing:
        if image not in local:
            _await_image(claim, image)
    for image in local:
        _read_back(claim, image)
    with claim.context.store.begin() as tx:
        claim.update(tx, stage=Stage.PROMOTE)


def reference_of(one: Run | Build, image: ImageTarget) -> ImageReference:
    """Give the reference that the configuration wants for the commit; without a digest."""
    return ImageReference(
        image.registry_host, image.repository, tag_for(image.tag, commit=one.commit, branch=one.branch)
    )


def _find(claim: Claim, image: ImageTarget) -> bool:
    """Look for the image; once a step awaits it, what is found ends that step."""
    awaiting = _awaiting(claim, image)
    reference = reference_of(claim.run, image)
    registry = claim.context.outside.images.registry(image)
    if awaiting:
        found = registry.find(reference.repository, reference.tag)
        if found is None:
            return False
        with step(claim, awaiting, Stage.BUILD) as record:
            record.message = _accept(claim, image, found)
        return True
    with step(claim, _named("find image", image), Stage.BUILD) as record:
        found = registry.find(reference.repository, reference.tag)
        if found is None:
            record.message = f"{reference} is not there yet"
            return False
        record.message = _accept(claim, image, found)
        return True


def _awaiting(claim: Claim, image: ImageTarget) -> str:
    """Name the step at which the run waits for the image; empty when there is none."""
    with claim.context.store.read() as tx:
        known = [steps.get(tx, claim.run.id, _named(name, image)) for name in ("build image", "await image")]
    return next((one.name for one in known if one is not None and one.state == "waiting"), "")


def _accept(claim: Claim, image: ImageTarget, found: Image) -> str:
    """Take what the registry has as the run's image, unless its labels say that it was made of another commit."""
    run = claim.run
    reference = replace(found.reference, registry=image.registry_host, digest=found.digest)
    ours, told = is_made_of(found, run.commit), told_of(found, run.repository)
    if told.commit and not ours:
        raise PermanentError(
            f"{reference.name}:{reference.tag} was made of commit {told.commit}, not of {run.commit}",
            code="tag-taken",
            hint="a tag must name one commit: use {sha} or a longer {short_sha} in `tag`, or remove that image",
        )
    accepted = {
        "registry": reference.registry,
        "repository": reference.repository,
        "tag": reference.tag,
        "digest": reference.digest,
        "platforms": list(found.platforms),
        "revision": run.commit if ours else None,
    }
    with claim.context.store.begin() as tx:
        claim.update(tx, images={**run.images, image.name: accepted})
    return str(reference) if ours else f"{reference}; {told.words}"


def _want_build(claim: Claim, image: ImageTarget) -> Build:
    """Let the run share the build of its image, and have it made unless that is under way or done."""
    context, run = claim.context, claim.run
    reference = reference_of(run, image)
    options = image.builder_options.model_dump_json()
    key = json.dumps([run.repository, run.commit, str(reference), image.builder_kind, options])
    now = context.now()
    wish = Build(
        id=BuildId(new_id()),
        key=hashlib.sha256(key.encode()).hexdigest(),
        repository=run.repository,
        branch=run.branch,
        commit=run.commit,
        reference=str(reference),
        configuration_commit=run.configuration_commit,
        application=run.application,
        environment=run.environment,
        image=image.name,
        attempt=1,
        resumes=0,
        state=BuildState.QUEUED,
        message="",
        code="",
        retry_after=None,
        created_at=now,
        updated_at=now,
        started_at=None,
        ended_at=None,
    )
    with context.store.begin() as tx:
        kept = builds.want(tx, wish, run.id)
        if _must_start_again(kept, run, now):
            kept = builds.start_attempt(tx, kept, at=now)
    if kept.state is BuildState.QUEUED:
        context.queue.enqueue_build(kept)
    return kept


def _must_start_again(kept: Build, run: Run, now: datetime) -> bool:
    """Tell whether an ended build is tried again: its image is gone, it may work later, or a person retries."""
    match kept.state:
        case BuildState.SUCCEEDED | BuildState.CANCELLED:
            return True
        case BuildState.FAILED:
            newer = kept.ended_at is not None and run.created_at > kept.ended_at
            return newer or (kept.retry_after is not None and _pause_left(kept, now) <= 0.0)
        case _:
            return False


def _pause_left(build: Build, now: datetime) -> float:
    """Give the seconds until an ended build that may work later is tried again."""
    gone = (now - build.ended_at).total_seconds() if build.ended_at is not None else 0.0
    return max(0.0, (build.retry_after or 0.0) - gone)


def _await_build(claim: Claim, image: ImageTarget, one: Build) -> None:
    context, run = claim.context, claim.run
    with step(claim, _named("build image", image), Stage.BUILD) as record:
        with context.store.read() as tx:
            now_at = builds.get(tx, one.id)
        assert now_at is not None  # noqa: S101 - rows of builds are never deleted
        if now_at.state in {BuildState.QUEUED, BuildState.RUNNING}:
            if expired(context, run.id, WaitKind.BUILD, one.id):
                raise PermanentError(
                    f"the build of {now_at.reference} was still {now_at.state} at its deadline",
                    code="build-deadline",
                    hint="`deadlines.build` sets the time; are more builds wanted than MERGEPORT_BUILD_CONCURRENCY?",
                )
            saw = f"build of {now_at.reference} is {now_at.state}"
            within = claim.target.deadlines.build
            raise Pause(wait_for(context, run, WaitKind.BUILD, key=BUILDS_KEY, subject=one.id, saw=saw, within=within))
        match now_at.state:
            case BuildState.SUCCEEDED:
                record.message = now_at.message
            case BuildState.FAILED if now_at.retry_after is not None:
                raise RetryableError(now_at.message, code=now_at.code, retry_after=_pause_left(now_at, context.now()))
            case _:
                raise PermanentError(
                    now_at.message or f"the build was {now_at.state}",
                    code=now_at.code or "build-failed",
                    hint=f"`mergeport runs logs {run.id}` shows its log",
                )


def _read_back(claim: Claim, image: ImageTarget) -> None:
    with step(claim, _named("read image back", image), Stage.BUILD) as record:
        reference = reference_of(claim.run, image)
        found = claim.context.outside.images.registry(image).find(reference.repository, reference.tag)
        if found is None:
            raise PermanentError(
                f"the build ended well, but {reference} is not in the registry",
                code="image-missing",
                hint="does a lifecycle rule or another process delete it? `mergeport runs retry` builds again",
            )
        record.message = _accept(claim, image, found)


def _await_image(claim: Claim, image: ImageTarget) -> None:
    context, run = claim.context, claim.run
    with step(claim, _named("await image", image), Stage.BUILD):
        reference = reference_of(run, image)
        if expired(context, run.id, WaitKind.IMAGE, str(reference)):
            raise PermanentError(
                f"nobody pushed {reference} in time",
                code="image-not-pushed",
                hint="did the pipeline that builds it fail, or use another tag? The tag must be exactly this one",
            )
        wait = wait_for(
            context,
            run,
            WaitKind.IMAGE,
            key=f"{image.registry_kind}:{image.registry_host}",
            subject=str(reference),
            saw=f"waiting for {reference} to be pushed",
            within=claim.target.deadlines.image,
        )
        raise Pause(wait)


def _named(step_name: str, image: ImageTarget) -> str:
    return f"{step_name} {image.name}" if image.name else step_name
