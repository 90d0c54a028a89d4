"""Makes one build: the long workflow of local builders, and the source of a build's log.

Called by the engine with a build's id. Looks in the registry first, so that a build which died after
its push is not made twice. Never decides what becomes of the runs: it answers their waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from service.core.config import ImageTarget
from service.core.images import ImageReference, labels_for
from service.core.words import BuildId, BuildState, WaitKind
from service.errors import MergeportError, PermanentError, RetryableError
from service.pipeline.build.build_stage import BUILDS_KEY, reference_of
from service.pipeline.context import Context
from service.ports import BuildRequest
from service.store import builds, runs, waits
from service.store.builds import Build

MOST_ATTEMPTS = 6
LONGEST_LOG = 4_000_000
_LOOK_SECONDS = 0.5
_FLUSH_SECONDS = 0.5

log = structlog.get_logger()


class StoredControl:
    """Keeps the builder's log in the store and tells it when to stop."""

    def __init__(self, context: Context, build: Build, stopping: Callable[[], bool]) -> None:
        """Take the build that the log belongs to, and how to know that this process is going down."""
        self._context = context
        self._build = build
        self._stopping = stopping
        self._lock = threading.Lock()
        self._pending: list[str] = []
        self._kept = 0
        self._flushed_at = 0.0
        self._looked_at = 0.0
        self.unwanted = False
        self.lost = False

    def log(self, text: str) -> None:
        """Keep a piece of log; written to the store in batches, cut where it is absurdly long."""
        with self._lock:
            if self._kept > LONGEST_LOG:
                return
            self._kept += len(text)
            self._pending.append(text if self._kept <= LONGEST_LOG else "\n[log cut here: it is too long]\n")
        if time.monotonic() - self._flushed_at > _FLUSH_SECONDS:
            self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        with self._lock:
            text, self._pending = "".join(self._pending), []
            self._flushed_at = time.monotonic()
        if not text:
            return
        try:
            with self._context.store.begin() as tx:
                builds.log(tx, self._build.id, self._build.attempt, text)
        except RetryableError:
            # The store is away for a while: a build of minutes must not end by that.
            with self._lock:
                self._pending.insert(0, text)

    def cancelled(self) -> bool:
        """Tell whether to stop: this process is going down, no run wants the build any more, or another has it.

        Another worker has it where this one was paused for so long that it was taken for dead. The time of a pause
        counts, so who wakes up from one looks before it does anything more.
        """
        if self._stopping():
            return True
        if time.monotonic() - self._looked_at > _LOOK_SECONDS:
            self._looked_at = time.monotonic()
            with suppress(RetryableError), self._context.store.read() as tx:
                self.unwanted = not builds.wanted(tx, self._build.id)
                now_at = builds.get(tx, self._build.id)
                self.lost = now_at is None or now_at.attempt != self._build.attempt
        return self.unwanted or self.lost


def perform_build(context: Context, build_id: BuildId, workflow_id: str, stopping: Callable[[], bool]) -> None:
    """Make the build's image, keep its outcome and wake the runs that wait for it."""
    with context.store.begin() as tx:
        build = builds.hold(tx, build_id)
        if build is None or build.workflow_id != workflow_id or build.state not in _UNDER_WAY:
            return
        builds.update(tx, build_id, at=context.now(), state=BuildState.RUNNING, started_at=context.now())
    control = StoredControl(context, build, stopping)
    with structlog.contextvars.bound_contextvars(build=build.id, reference=build.reference):
        try:
            message = _make(context, build, control)
        except Exception as error:  # noqa: BLE001 - every outcome of a build is kept as words
            _keep_failure(context, build, control, error, stopping=stopping())
        else:
            control.flush()
            finish_build(context, build, BuildState.SUCCEEDED, message)


_UNDER_WAY = frozenset({BuildState.QUEUED, BuildState.RUNNING})


def _make(context: Context, build: Build, control: StoredControl) -> str:
    image = _image_of(context, build)
    reference = reference_of(build, image)
    registry = context.outside.images.registry(image)
    registry.ensure_repository(reference.repository)
    found = registry.find(reference.repository, reference.tag)
    if found is not None and found.revision == build.commit:
        return f"{reference} was pushed already"
    control.log(f"building {reference} from {build.repository} at {build.commit}\n")
    request = BuildRequest(
        repository=build.repository,
        commit=build.commit,
        reference=ImageReference(reference.registry, reference.repository, reference.tag),
        target=registry.push_target(reference),
        labels=labels_for(
            source_url=context.outside.forge.web_url(build.repository), commit=build.commit, version=reference.tag
        ),
        options=image.builder_options,
    )
    context.outside.images.builder(image).build(request, control)
    return f"built and pushed {reference}"


def _image_of(context: Context, build: Build) -> ImageTarget:
    target = context.configurations.at(build.configuration_commit).target(build.application, build.environment)
    found = next((image for image in target.images if image.name == build.image), None) if target else None
    if found is None:
        raise PermanentError(
            f"the configuration at {build.configuration_commit[:12]} has no image {build.image or build.application}",
            code="target-gone",
        )
    return found


def _keep_failure(context: Context, build: Build, control: StoredControl, error: Exception, *, stopping: bool) -> None:
    control.log(f"\n{error}\n" if isinstance(error, MergeportError) else "\ninternal error\n")
    control.flush()
    if control.lost:
        log.warning("another attempt of the build goes on", attempt=build.attempt)
    elif control.unwanted:
        finish_build(context, build, BuildState.CANCELLED, "cancelled: no run wants it any more")
    elif stopping:
        log.info("build handed back: this worker stops")
        with context.store.begin() as tx:
            now_at = builds.hold(tx, build.id)
            if now_at is not None and now_at.attempt == build.attempt:
                builds.start_attempt(tx, build, at=context.now())
    elif isinstance(error, RetryableError) and build.attempt < MOST_ATTEMPTS:
        pause = error.retry_after if error.retry_after is not None else min(2.0**build.attempt, 60.0)
        finish_build(context, build, BuildState.FAILED, str(error), code=error.code, retry_after=pause)
    elif isinstance(error, MergeportError):
        finish_build(context, build, BuildState.FAILED, str(error), code=error.code)
    else:
        log.error("internal error in a build", exc_info=error)
        finish_build(
            context, build, BuildState.FAILED, "internal error; the worker's log has it", code="internal-error"
        )


def finish_build(
    context: Context,
    build: Build,
    state: BuildState,
    message: str,
    *,
    code: str = "",
    retry_after: float | None = None,
) -> None:
    """Keep how a build's attempt ended, and wake the runs that wait for it; a later attempt under way is left alone."""
    now = context.now()
    with context.store.begin() as tx:
        now_at = builds.hold(tx, build.id)
        if now_at is None or now_at.attempt != build.attempt or now_at.state not in _UNDER_WAY:
            log.warning("another attempt of the build goes on", attempt=build.attempt)
            return
        builds.update(
            tx, build.id, at=now, state=state, message=message, code=code, retry_after=retry_after, ended_at=now
        )
        waiting = [wait for wait in waits.open_at(tx, WaitKind.BUILD, BUILDS_KEY) if wait.subject == build.id]
        woken = [wait.run_id for wait in waiting if waits.answer(tx, wait.id, str(state), at=now)]
    log.info("build ended", state=state, message=message, code=code)
    for run_id in woken:
        with context.store.read() as tx:
            run = runs.get(tx, run_id)
        if run is not None:
            context.queue.enqueue_run(run)
