"""Finds what a person has run again elsewhere after its run failed, where no web hook told of it, or it was lost.

Called by a loop of the worker. It looks at what failed within the last hour, and at so much of it at most, so that its
calls do not grow with history: for builds of ours one question for each source repository, for images of others one
look in the registry each. Later than that, a hint or `mergeport runs retry` has them followed.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import structlog

from service.errors import MergeportError
from service.pipeline.build.run_again import NOBODY_PUSHED, failed_with, follow_builds, follow_images
from service.pipeline.context import Context
from service.store import Transaction, builds, run_order, runs
from service.store.builds import Build
from service.store.runs import Run

REACH = timedelta(hours=1)
MOST = 20
"""Builds, and runs whose image others push, that one look asks about."""

log = structlog.get_logger()


def look_for_repeats(context: Context) -> list[Run]:
    """Accept the next generation of the runs whose build or image came of another attempt; give them, queued."""
    since = context.now() - REACH
    with context.store.read() as tx:
        failed = builds.failed_elsewhere(tx, since=since, limit=MOST)
        needed = [(build, _counting(tx, failed_with(tx, build))) for build in failed]
        waited = _counting(tx, runs.failed_since(tx, since, NOBODY_PUSHED, limit=MOST))
    groups: dict[tuple[str, str], list[tuple[Build, list[Run]]]] = {}
    for build, some in needed:
        if some:
            groups.setdefault((build.builder, build.repository.key), []).append((build, some))
    accepted: list[Run] = []
    for (kind, repository), group in groups.items():
        try:
            accepted += follow_builds(context, kind, group)[0]
        except MergeportError as error:
            log.warning("failed builds cannot be asked for", builder=kind, repository=repository, error=str(error))
    for run in waited:
        try:
            accepted += follow_images(context, [run])[0]
        except MergeportError as error:
            log.warning("the image of a failed run cannot be looked for", run=run.id, error=str(error))
    for run in accepted:
        context.queue.enqueue_run(run)
    return accepted


def _counting(tx: Transaction, some: Iterable[Run]) -> list[Run]:
    """Give those that are the last of their commit, and that no later run outdates."""
    return [
        run for run in some if runs.next_generation(tx, run) == run.generation + 1 and run_order.later(tx, run) is None
    ]
