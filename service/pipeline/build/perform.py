"""Performs one build: builds it here or starts it elsewhere, as its row says.

Called by the engine's workflow with the build's id. It only hands the build on.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import structlog

from service.core.words import BuildId, BuildState
from service.pipeline.build.elsewhere import start_elsewhere
from service.pipeline.build.here import make_here
from service.pipeline.context import Context
from service.store import builds
from service.store.builds import Build

_UNDER_WAY = frozenset({BuildState.QUEUED, BuildState.RUNNING})


def _begun(build: Build, now: datetime) -> dict[str, datetime | None]:
    """Give the times of a build that begins or goes on here; one elsewhere has its turn when its start is asked for."""
    if build.builder:
        return {"started_at": None}
    return {"started_at": build.started_at or now, "turn_at": build.turn_at or now}


def perform_build(context: Context, build_id: BuildId, workflow_id: str, stopping: Callable[[], bool]) -> None:
    """Make or start the build, unless it has ended, belongs to another workflow, or is already followed elsewhere."""
    now = context.now()
    with context.store.begin() as tx:
        build = builds.hold(tx, build_id)
        if build is None or build.workflow_id != workflow_id or build.state not in _UNDER_WAY:
            return
        builds.update(tx, build_id, at=now, state=BuildState.RUNNING, **_begun(build, now))
    with structlog.contextvars.bound_contextvars(build=build.id, reference=build.reference):
        if build.builder:
            start_elsewhere(context, build)
        else:
            make_here(context, build, stopping)
