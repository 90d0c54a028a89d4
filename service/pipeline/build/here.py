"""Makes one build on this machine: the long workflow, and the source of its log.

Called by perform.py with a build that this workflow has. Looks in the registry first, so that a build which died after
its push is not made twice. Never decides what becomes of the runs: it answers their waits.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextlib import suppress

import structlog

from service.core.images import labels_for
from service.core.visible import unstyled
from service.core.words import BuilderPlace, BuildState
from service.errors import MergeportError, PermanentError, RetryableError
from service.logs import redact
from service.pipeline.build.finish import cancel_build, fail_build, finish_build, image_of, pushed_before
from service.pipeline.build.wanted_build import is_fresh, reference_of
from service.pipeline.context import Context
from service.ports import BuildRequest, HereBuilder
from service.store import builds
from service.store.builds import Build

LONGEST_LOG = 4_000_000
_LOOK_SECONDS = 0.5
_FLUSH_SECONDS = 0.5

log = structlog.get_logger()


class StoredControl:
    """Keeps the builder's log in the store and tells it when to stop."""

    def __init__(self, context: Context, build: Build, stopping: Callable[[], bool]) -> None:
        """Take the build that the log belongs to, and what tells that this process is going down."""
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
        """Keep a piece of log; it is written to the store in batches, and cut if it is absurdly long."""
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
                builds.log(tx, self._build.id, self._build.attempt, redact(unstyled(text)))
        except RetryableError:
            # The store is away for a while: that must not end a build of several minutes.
            with self._lock:
                self._pending.insert(0, text)

    def cancelled(self) -> bool:
        """Tell whether to stop: this process is going down, no run wants the build any more, or another has it.

        Another worker has it if this one was paused for so long that it counted as dead. The time of a pause counts, so
        a worker that wakes up asks here first, before it does anything more.
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


def make_here(context: Context, build: Build, stopping: Callable[[], bool]) -> None:
    """Make the build's image, record the outcome and wake the runs that wait for it."""
    control = StoredControl(context, build, stopping)
    try:
        message = _make(context, build, control)
    except Exception as error:  # noqa: BLE001 - every outcome of a build is kept as words
        _keep_failure(context, build, control, error, stopping=stopping())
    else:
        control.flush()
        finish_build(context, build, BuildState.SUCCEEDED, message)


def _make(context: Context, build: Build, control: StoredControl) -> str:
    image = image_of(context, build)
    reference = reference_of(build, image)
    if pushed_before(context, build, image):
        return f"{reference} was pushed already"
    control.log(f"building {reference} from {build.repository} at {build.commit}\n")
    request = BuildRequest(
        repository=build.repository,
        commit=build.commit,
        reference=reference,
        target=context.outside.images.registry(image).push_target(reference),
        labels=labels_for(
            source_url=context.outside.forge.web_url(build.repository),
            commit=build.commit,
            version=reference.tag,
            tree=build.tree,
        ),
        options=image.builder_options,
        platforms=image.platforms,
        fresh=is_fresh(build, image),
        anew=build.anew,
    )
    _builder(context, image.builder_kind).build(request, control)
    return f"built and pushed {reference}"


def _builder(context: Context, kind: str) -> HereBuilder:
    builder = context.outside.images.builder(kind)
    if builder is None or builder.place is not BuilderPlace.HERE:
        raise PermanentError(
            f"the builder {kind} does not build on this machine any more",
            code="builder-missing",
            hint="`mergeport runs retry` builds it with the builder that is configured now",
        )
    return builder


def _keep_failure(context: Context, build: Build, control: StoredControl, error: Exception, *, stopping: bool) -> None:
    control.log(f"\n{error}\n" if isinstance(error, MergeportError) else "\ninternal error\n")
    control.flush()
    if control.lost:
        log.warning("another attempt of the build goes on", attempt=build.attempt)
    elif control.unwanted:
        cancel_build(context, build)
    elif stopping:
        log.info("build handed back: this worker stops")
        with context.store.begin() as tx:
            now_at = builds.hold(tx, build.id)
            if now_at is not None and now_at.attempt == build.attempt:
                builds.resume_attempt(tx, build, at=context.now())
    else:
        fail_build(context, build, error)
