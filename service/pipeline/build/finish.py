"""Ends a build's attempt, wherever it was made: keeps the outcome and answers the waits of its runs.

Called by the code that builds here, by the code that starts and follows a build elsewhere, and by the sweeper. It never
decides what happens to the runs.
"""

from __future__ import annotations

import structlog

from service.core.config import ImageTarget
from service.core.words import BuildState, WaitKind
from service.errors import LimitedError, MergeportError, NotStartedError, PermanentError, RetryableError
from service.pipeline.build.judging import is_whole_and_of
from service.pipeline.build.wanted_build import reference_of
from service.pipeline.context import Context
from service.store import builds, runs, waits
from service.store.builds import Build
from service.store.pauses import pause_of

BUILDS_KEY = "builds"
"""What the watch of builds here looks at: all of them at once, in our own store."""
MOST_ATTEMPTS = 6

log = structlog.get_logger()


def awaited_at(build: Build) -> tuple[WaitKind, str]:
    """Give kind and key of the waits for a build."""
    return (WaitKind.BUILD_ELSEWHERE, build.builder) if build.builder else (WaitKind.BUILD, BUILDS_KEY)


def image_of(context: Context, build: Build) -> ImageTarget:
    """Give the image as the configuration says it by which the build was wanted."""
    target = context.configurations.at(build.configuration_commit).target(build.application, build.environment)
    found = next((image.made for image in target.images if image.name == build.image), None) if target else None
    if found is None:
        raise PermanentError(
            f"the configuration at {build.configuration_commit[:12]} has no image {build.image or build.application}",
            code="target-gone",
        )
    return found


def pushed_before(context: Context, build: Build, image: ImageTarget) -> bool:
    """Make sure that the image's repository exists, and tell whether this commit's whole image is there already.

    One that is to be made anew never is.
    """
    reference = reference_of(build, image)
    registry = context.outside.images.registry(image)
    notes = registry.ensure_repository(reference.repository)
    if notes:
        log.warning("a repository was not as configured", repository=reference.repository, notes=notes)
        with context.store.begin() as tx:
            builds.log(tx, build.id, build.attempt, "".join(f"{note}\n" for note in notes))
    if build.anew:
        return False
    found = registry.find(reference.repository, reference.tag)
    return is_whole_and_of(found, image, build.commit, build.repository, tree=build.tree)


def fail_build(context: Context, build: Build, error: Exception) -> None:
    """Record that the attempt ended with an error; if it may work later, also when it is tried again."""
    patient = isinstance(error, LimitedError)  # a limit on our calls is no failure, however often it comes
    if isinstance(error, RetryableError) and (build.attempt < MOST_ATTEMPTS or patient):
        # What a builder elsewhere refuses is believed when it lasts: these pauses are longer than that together.
        usual = 3.0**build.attempt if isinstance(error, NotStartedError) else min(2.0**build.attempt, 60.0)
        pause = error.retry_after if error.retry_after is not None else usual
        pause = pause_of(pause).total_seconds()
        finish_build(context, build, BuildState.FAILED, str(error), code=error.code, retry_after=pause)
    elif isinstance(error, MergeportError):
        finish_build(context, build, BuildState.FAILED, str(error), code=error.code)
    else:
        log.error("internal error in a build", exc_info=error)
        words = "internal error; the worker's log has the traceback"
        finish_build(context, build, BuildState.FAILED, words, code="internal-error")


def cancel_build(context: Context, build: Build) -> None:
    """End the attempt because nobody waits for it."""
    finish_build(context, build, BuildState.CANCELLED, "cancelled: no run wants it any more")


def finish_build(
    context: Context,
    build: Build,
    state: BuildState,
    message: str,
    *,
    code: str = "",
    retry_after: float | None = None,
) -> None:
    """Record how a build's attempt ended, and wake the runs that wait for it; a later attempt is left alone."""
    now = context.now()
    kind, key = awaited_at(build)
    with context.store.begin() as tx:
        now_at = builds.hold(tx, build.id)
        if now_at is None or now_at.attempt != build.attempt or now_at.state.ended:
            log.warning("another attempt of the build goes on", attempt=build.attempt)
            return
        builds.update(
            tx, build.id, at=now, state=state, message=message, code=code, retry_after=retry_after, ended_at=now
        )
        waiting = [wait for wait in waits.open_at(tx, kind, key) if wait.subject == build.id]
        woken = [wait.run_id for wait in waiting if waits.answer(tx, wait.id, str(state), at=now)]
    log.info("build ended", state=state, message=message, code=code)
    for run_id in woken:
        with context.store.read() as tx:
            run = runs.get(tx, run_id)
        if run is not None:
            context.queue.enqueue_run(run)
