"""Stage build: makes sure that every image of the run is in its registry, made of its commit, and reads its digest.

If the tag exists and its image was made of the same commit, it is reused; of another commit, the run fails. A missing
image is built, here or elsewhere (a build row, shared), or awaited from another pipeline (a wait). One that lacks a
platform counts as missing.
"""

from __future__ import annotations

from collections.abc import Collection

from service.core.config import ImageTarget
from service.core.words import BuildState, Stage, WaitKind
from service.errors import PermanentError, RetryableError
from service.pipeline.build.accepting import Awaiting, accept, judged_at, look_for
from service.pipeline.build.anew import check_anew, is_wanted_anew, same_as_before
from service.pipeline.build.build_deadline import pause_for
from service.pipeline.build.built_beside import await_end, is_of_another, made_by, shared_build
from service.pipeline.build.foreign import awaited, standing_of
from service.pipeline.build.in_progress import give_way
from service.pipeline.build.model_stage import find_model
from service.pipeline.build.replica import bring_over
from service.pipeline.build.same_tree import is_reused, made_before, tag_again, tree_at
from service.pipeline.build.wanted_build import just_ended, pause_left, reference_of, want_build
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Pause, expired, step, wait_for
from service.store import builds, waits
from service.store.builds import Build


def build(claim: Claim) -> None:
    """Make sure that every image of the run exists, or pause; afterwards the claim has the run's images."""
    give_way(claim)
    if claim.target.model is not None:
        find_model(claim)
        claim.note(stage=Stage.PROMOTE)
        return
    anew = [image for image in _made(claim) if is_wanted_anew(claim, image)]
    built: list[tuple[ImageTarget, Build]] = []
    pushed: list[tuple[ImageTarget, str]] = []
    for image, lacks in _missing(claim, anew):
        builder = claim.context.outside.images.builder(image.builder_kind)
        known = bool(_awaiting(claim, image).step)
        tree = "" if known or not is_reused(image, builder) else tree_at(claim, image)
        if image in anew:
            if not known:
                check_anew(claim, image, builder)
        elif _reuse(claim, image, tree):
            continue
        if builder is None:
            pushed.append((image, lacks))
        else:
            built.append((image, want_build(claim, image, builder, tree)))
    for image, one in built:
        _await_build(claim, image, one)
    for image, lacks in pushed:
        _await_image(claim, image, lacks)
    for image, one in built:
        _read_back(claim, image, one)
    bring_over(claim)
    claim.note(stage=Stage.PROMOTE)


def _made(claim: Claim) -> tuple[ImageTarget, ...]:
    """Give the images as they are made: where they are pushed to, not where the environment pulls them from."""
    return tuple(image.made for image in claim.target.images)


def _missing(claim: Claim, anew: Collection[ImageTarget]) -> list[tuple[ImageTarget, str]]:
    """Give the images that are not there, or wanted anew; each with what it lacks, if something is under its tag."""
    looked = [(image, "" if image in anew else _find(claim, image)) for image in _made(claim)]
    return [(image, lacks) for image, lacks in looked if lacks is not None]


def _find(claim: Claim, image: ImageTarget) -> str | None:
    """Look for the image; None if it is accepted, otherwise what it lacks, or nothing if there is no image.

    If a step awaits it, finding it ends that step.
    """
    awaiting = _awaiting(claim, image)
    if awaiting.step:
        found, lacks = look_for(claim, image)
        if found is None or lacks:
            return lacks
        with step(claim, awaiting.step, Stage.BUILD) as record:
            record.message = accept(claim, image, found, awaiting) + same_as_before(claim, image, found)
        return None
    with step(claim, _named("find image", image), Stage.BUILD) as record:
        found, lacks = look_for(claim, image)
        if found is None or lacks:
            reference = reference_of(claim.run, image)
            record.message = f"{reference} is there, but {lacks}" if lacks else f"{reference} is not there yet"
            return lacks
        record.message = accept(claim, image, found)
        return None


def _reuse(claim: Claim, image: ImageTarget, tree: str) -> bool:
    """Have the image that was made of the same tree before; False if there is none, or it is gone."""
    made, shared = made_before(claim, image, tree), shared_build(claim, image, tree)
    if made is None and shared is None:
        return False
    reference = reference_of(claim.run, image)
    with step(claim, _named("reuse image", image), Stage.BUILD) as record:
        if shared is not None:
            made = made or made_by(claim, image, shared, tree)
        if made is None:
            record.message = f"the build of the same tree did not make an image: {shared.message if shared else ''}"
            return False
        found = tag_again(claim.context.outside.images.registry(image), reference, made)
        if found is None:
            record.message = f"the image of {made.commit[:12]}, the same tree, is not in the registry any more"
            return False
        same = found.digest == made.digest
        judged = judged_at(claim, image, found, same=same)
        if judged.lacks and not judged.other:
            record.message = f"{reference} is there, but {judged.lacks}"
            return False
        record.message = accept(claim, image, found, made=made if same else None)
        return True


def _awaiting(claim: Claim, image: ImageTarget) -> Awaiting:
    """Tell how the run already waits for the image."""
    reference = str(reference_of(claim.run, image))
    with claim.context.store.read() as tx:
        built = next((one for one in builds.of_run(tx, claim.run.id) if one.reference == reference), None)
        awaited = any(
            (wait.kind, wait.subject) == (WaitKind.IMAGE, reference) for wait in waits.of_run(tx, claim.run.id)
        )
    if built is not None:
        return Awaiting(_named("build image", image), built)
    return Awaiting(_named("await image", image) if awaited else "")


def _await_build(claim: Claim, image: ImageTarget, one: Build) -> None:
    context, run = claim.context, claim.run
    other = is_of_another(claim, image, one)
    with step(claim, _named("reuse image" if other else "build image", image), Stage.BUILD) as record:
        with context.store.read() as tx:
            now_at = builds.get(tx, one.id)
        assert now_at is not None  # noqa: S101 - rows of builds are never deleted
        if not now_at.state.ended:
            if other:
                await_end(claim, now_at)
            pause_for(claim, now_at, f"build of {now_at.reference} is {now_at.state}")
        match now_at.state:
            case _ if other:
                await_end(claim, now_at)  # it ended just now: the next look wakes the run
            case BuildState.SUCCEEDED:
                record.message = now_at.message
            case BuildState.FAILED if now_at.retry_after is not None:
                raise RetryableError(now_at.message, code=now_at.code, retry_after=pause_left(now_at, context.now()))
            case _:
                raise PermanentError(
                    now_at.message or f"the build was {now_at.state}",
                    code=now_at.code or "build-failed",
                    hint=f"`mergeport runs logs {run.id}` shows its log",
                )


def _read_back(claim: Claim, image: ImageTarget, one: Build) -> None:
    with step(claim, _named("read image back", image), Stage.BUILD) as record:
        reference = reference_of(claim.run, image)
        found, lacks = look_for(claim, image)
        if found is not None and not lacks:
            record.message = accept(claim, image, found, Awaiting(_named("build image", image), one))
            return
        with claim.context.store.read() as tx:
            now_at = builds.get(tx, one.id)
        if now_at is not None and just_ended(now_at, claim.context.now()):
            raise RetryableError(
                f"the build succeeded; of {reference} {lacks}"
                if lacks
                else f"the build succeeded; the registry does not show {reference} yet",
                code="image-not-seen-yet",
                hint="replication takes some seconds; otherwise it was never pushed",
            )
        if lacks:
            raise _incomplete(f"the build succeeded, but of {reference} {lacks}")
        raise PermanentError(
            f"the build succeeded, but {reference} is not in the registry",
            code="image-missing",
            hint="check whether a lifecycle rule or another process deletes it; `mergeport runs retry` builds it again",
        )


def _incomplete(words: str) -> PermanentError:
    return PermanentError(
        words,
        code="image-platforms-missing",
        hint="let its build push all of them as one index, or change `platforms`; then `mergeport runs retry`",
    )


def _await_image(claim: Claim, image: ImageTarget, lacks: str) -> None:
    context, run = claim.context, claim.run
    with step(claim, _named("await image", image), Stage.BUILD):
        reference = reference_of(run, image)
        if expired(context, run.id, WaitKind.IMAGE, str(reference)):
            if lacks:
                raise _incomplete(f"of {reference} {lacks}, and nobody pushed the whole image in time")
            raise PermanentError(
                f"nobody pushed {reference} in time",
                code="image-not-pushed",
                hint="check whether its pipeline failed or used another tag; the tag must be exactly this one",
            )
        standing = standing_of(context, run, image)
        if standing is not None and standing.is_over and not _is_there(claim, image):
            if lacks:
                raise _incomplete(f"of {reference} {lacks}, and nobody will push the whole image: {standing.words}")
            raise PermanentError(
                f"nobody will push {reference}: {standing.words}",
                code="image-pipeline-ended",
                hint="let the pipeline push it, then `mergeport runs retry` takes it",
            )
        wait = wait_for(
            context,
            run,
            WaitKind.IMAGE,
            key=f"{image.registry_kind}:{image.registry_host}",
            subject=str(reference),
            saw=awaited(str(reference), standing, lacks),
            within=claim.target.deadlines.image,
        )
        raise Pause(wait)


def _is_there(claim: Claim, image: ImageTarget) -> bool:
    """Tell whether the image came meanwhile; the next look has the run take it."""
    found, lacks = look_for(claim, image)
    return found is not None and not lacks


def _named(step_name: str, image: ImageTarget) -> str:
    return f"{step_name} {image.name}" if image.name else step_name
