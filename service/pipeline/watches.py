"""Watches: one look at an outside system serves all runs that wait there; runs that are ready are queued.

Called by the worker on a schedule, and at once by a hint. A look answers waits, or keeps what it saw. Only the look at
builds elsewhere also acts, on builds that may have no run any more. If a system does not answer, its waits say so, and
it is looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import structlog

from service.core.words import WaitKind, WaitOutcome
from service.errors import MergeportError
from service.pipeline.build.build_watch import look_at_builds
from service.pipeline.build.elsewhere_watch import look_elsewhere
from service.pipeline.build.image_watch import look_at_images
from service.pipeline.context import Context
from service.pipeline.deploy.sync_watch import look_at_deployer
from service.pipeline.manifest.edit_queue import look_at_push
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.manifest.state.gates import look_at_gates
from service.pipeline.promote.gating import KEY as CONFIGURED_GATES
from service.pipeline.promote.pull_request_watch import look_at_pull_requests
from service.pipeline.runs.looks import Answers
from service.store import Transaction, builds, waits
from service.store.waits import Wait

log = structlog.get_logger()


def watched(tx: Transaction) -> dict[tuple[WaitKind, str], str]:
    """Give all keys to look at, each with its newest wait or build: what runs wait for, and builds elsewhere."""
    elsewhere = {(WaitKind.BUILD_ELSEWHERE, one): newest for one, newest in builds.newest_by_builder(tx).items()}
    return elsewhere | waits.newest_by_key(tx)


def look(context: Context, kind: WaitKind, key: str) -> None:
    """Look once at what runs wait for there; queue those that are ready."""
    with context.store.read() as tx:
        anything = waits.any_at(tx, kind, key)
        if not anything and not (kind is WaitKind.BUILD_ELSEWHERE and key in builds.newest_by_builder(tx)):
            return
    try:
        answers = _LOOKS[kind](context, key)
    except MergeportError as error:
        log.warning("a watch could not look", kind=kind, key=key, error=str(error))
        with context.store.begin() as tx:
            waits.all_saw(tx, kind, key, str(error))
        return
    for wait, text in answers.items():
        answer(context, wait, text)


def answer(context: Context, wait: Wait, text: str, outcome: WaitOutcome = WaitOutcome.READY) -> None:
    """Answer a wait and hand its run to the engine."""
    with context.store.begin() as tx:
        answered = waits.answer(tx, wait.id, text, at=context.now(), outcome=outcome)
    if answered:
        enqueue(context, wait.run_id)


def answer_due(context: Context) -> None:
    """Answer retries whose time has come, and whatever is past its deadline."""
    with context.store.read() as tx:
        ahead, due = waits.any_ahead(tx, context.now()), waits.due(tx, context.now())
    if ahead:
        with context.store.begin() as tx:
            log.warning("the clock was ahead; waits begin anew", waits=waits.set_back(tx, context.now()))
            due = waits.due(tx, context.now())
    for wait in due:
        if wait.kind is WaitKind.RETRY:
            answer(context, wait, "time to retry")
        else:
            answer(context, wait, "deadline", WaitOutcome.DEADLINE)


_LOOKS: Mapping[WaitKind, Callable[[Context, str], Answers]] = {
    WaitKind.BUILD: look_at_builds,
    WaitKind.BUILD_ELSEWHERE: look_elsewhere,
    WaitKind.IMAGE: look_at_images,
    WaitKind.PUSH: look_at_push,
    WaitKind.GATE: lambda context, key: {} if key == CONFIGURED_GATES else look_at_gates(context, key),
    WaitKind.PULL_REQUEST: look_at_pull_requests,
    WaitKind.SYNC: look_at_deployer,
    WaitKind.RETRY: lambda _context, _key: {},
}
