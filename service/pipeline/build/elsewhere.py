"""Starts a build elsewhere, once: our name of the start is on the build's row before the call, their id after it.

Called by perform.py in a short workflow. What became of a call that was not heard to its end is never guessed: the
watch beside this asks the builder for our name first, and has it started again only where it never began. Never waits.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import structlog

from service.core.images import labels_for
from service.core.words import BuilderPlace, BuildState
from service.errors import BusyError, MergeportError, NotStartedError, PermanentError
from service.pipeline.build.finish import cancel_build, fail_build, finish_build, image_of, pushed_before
from service.pipeline.build.turns import no_room, queue_up
from service.pipeline.build.wanted_build import is_fresh, reference_of
from service.pipeline.context import Context
from service.ports import ElsewhereBuilder, Progress, StartRequest
from service.store import builds
from service.store.builds import Build
from service.store.ids import made_at, new_id
from service.store.pauses import pause_of

log = structlog.get_logger()


def start_elsewhere(context: Context, build: Build) -> None:
    """Start the build and let its watch follow it; if an earlier attempt asked for the start, only follow it."""
    if build.asked_at is not None:
        _follow(context, build, None, "its start was requested; Mergeport looks up whether it began")
        return
    try:
        image = image_of(context, build)
        if pushed_before(context, build, image):
            words = f"{reference_of(build, image)} was pushed already"
            finish_build(context, build, BuildState.SUCCEEDED, words)
            return
        builder, request = builder_elsewhere(context, build.builder), start_request(context, build)
        if build.external_id is not None and _runs_again(builder, build.external_id):
            _take_up(context, build)
            return
    except Exception as error:  # noqa: BLE001 - every outcome of a build is kept as words
        fail_build(context, build, error)
        return
    asked = _intend(context, build, builder.most_at_once(request.options))
    if asked is not None:
        _ask(context, builder, request, asked)


def builder_elsewhere(context: Context, kind: str) -> ElsewhereBuilder:
    """Give the builder elsewhere of a kind."""
    builder = context.outside.images.builder(kind)
    if builder is None or builder.place is not BuilderPlace.ELSEWHERE:
        raise PermanentError(
            f"the builder {kind} does not build elsewhere any more",
            code="builder-missing",
            hint="`mergeport runs retry` builds it with the builder that is configured now",
        )
    return builder


def start_request(context: Context, build: Build) -> StartRequest:
    """Say what is wanted of a builder elsewhere."""
    image = image_of(context, build)
    reference = reference_of(build, image)
    labels = labels_for(
        source_url=context.outside.forge.web_url(build.repository),
        commit=build.commit,
        version=reference.tag,
        tree=build.tree,
    )
    since = made_at(build.correlation) if build.correlation else None
    return StartRequest(
        build.repository, build.branch, build.commit, reference, labels, image.builder_options, since,
        fresh=is_fresh(build, image), anew=build.anew,
    )  # fmt: skip


def _intend(context: Context, build: Build, most: int | None) -> Build | None:
    """Store that this start is asked for now, and under which name; None if it must not be asked for, or not yet."""
    now = context.now()
    correlation = build.correlation or new_id()
    with context.store.begin() as tx:
        now_at = builds.hold(tx, build.id)
        if now_at is None or now_at.attempt != build.attempt or now_at.state is not BuildState.RUNNING:
            log.warning("another attempt of the build goes on", attempt=build.attempt)
            return None
        wanted = builds.wanted(tx, build.id)
        if wanted and (why := no_room(context, tx, build, most)):
            queue_up(context, tx, build, why)
            return None
        if wanted:
            turn_at = now_at.turn_at or now
            builds.update(
                tx, build.id, at=now, correlation=correlation, asked_at=now, turn_at=turn_at, external_id=None
            )
    if not wanted:
        cancel_build(context, build)
        return None
    return replace(build, correlation=correlation, asked_at=now, external_id=None)


def _runs_again(builder: ElsewhereBuilder, external_id: str) -> bool:
    """Tell whether somebody has run the build of an earlier attempt again, so that a second one would be beside it."""
    standing = builder.states([external_id]).get(external_id)
    return standing is not None and standing.progress in {Progress.RUNNING, Progress.SUCCEEDED}


def _take_up(context: Context, build: Build) -> None:
    """Follow the build of the earlier attempt, which somebody has run again there."""
    now = context.now()
    with context.store.begin() as tx:
        now_at = builds.hold(tx, build.id)
        if now_at is not None and (now_at.attempt, now_at.state) == (build.attempt, BuildState.RUNNING):
            values = {"asked_at": now, "started_at": now, "turn_at": now}
            builds.update(tx, build.id, at=now, state=BuildState.STARTED, correlation=new_id(), **values)
    log.info("a build is followed that somebody runs again elsewhere", external_id=build.external_id)


def _ask(context: Context, builder: ElsewhereBuilder, request: StartRequest, build: Build) -> None:
    try:
        external_id = builder.start(request, build.correlation)
    except BusyError as error:
        log.info("the builder has no room for a build; it is asked again", code=error.code)
        _wait_for_room(context, build, error)
    except (PermanentError, NotStartedError) as error:
        fail_build(context, build, error)
    except Exception as error:  # whatever the error was, the other side may have begun
        known = isinstance(error, MergeportError)
        log.warning("the answer to the start of a build was cut off", error=str(error), exc_info=not known)
        _follow(context, build, None, str(error) if known else "internal error; the worker's log has the traceback")
    else:
        if not _follow(context, build, external_id, "", heard=True) and external_id is not None:
            log.warning("a build was started too late: another goes on, or nobody wants it", external_id=external_id)
            with suppress(MergeportError):
                builder.cancel(external_id)


def _follow(context: Context, build: Build, external_id: str | None, message: str, *, heard: bool = False) -> bool:
    """Leave the build to its watch; False if its row no longer wants this start.

    Our name of the start tells that: an attempt that took over meanwhile goes on with the same start.
    """
    now = context.now()
    values = {"external_id": external_id, "started_at": now} if heard else {}
    with context.store.begin() as tx:
        now_at = builds.hold(tx, build.id)
        ours = now_at is not None and now_at.correlation == build.correlation and now_at.external_id is None
        if now_at is None or not ours or now_at.state.ended:
            return now_at is not None and external_id is not None and now_at.external_id == external_id
        if heard or now_at.attempt == build.attempt:
            builds.update(tx, build.id, at=now, state=BuildState.STARTED, message=message, **values)
    log.info("build started elsewhere", builder=build.builder, external_id=external_id)
    return True


def _wait_for_room(context: Context, build: Build, error: BusyError) -> None:
    """Leave the build to its watch, which has it started again after a pause; the code says that it has no room."""
    pause = pause_of(error.retry_after).total_seconds() if error.retry_after is not None else None
    with context.store.begin() as tx:
        now_at = builds.hold(tx, build.id)
        ours = now_at is not None and (now_at.correlation, now_at.attempt) == (build.correlation, build.attempt)
        if now_at is None or not ours or now_at.state.ended or now_at.external_id is not None:
            return
        values = {"message": str(error), "code": error.code, "retry_after": pause}
        builds.update(tx, build.id, at=context.now(), state=BuildState.STARTED, **values)
