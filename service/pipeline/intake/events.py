"""Has the watches look at once at what events of a queue tell of. Called by the worker, again and again.

An event is only a hint: nothing of it is stored, and the looks read the truth. Polling goes on without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from service.core.words import WaitKind
from service.pipeline.context import Context
from service.pipeline.intake.hints import LookNow
from service.pipeline.watches import watched
from service.ports import BuildEvent, Event, EventQueue, ImageEvent


def follow_events(context: Context, queue: EventQueue, look_now: LookNow, stopping: Callable[[], bool]) -> bool:
    """Read once, which may take 20 s; tell whether anything was there.

    What comes after the stop, or while the store is away, stays in the queue for the next reading.
    """
    received = queue.receive()
    if stopping():
        return False
    if received.events:
        with context.store.read() as tx:
            known = watched(tx)
        for kind, key in sorted({key for event in received.events for key in _keys(event)}):
            if (kind, key) in known:
                look_now(kind, key)
    queue.forget(received)
    return bool(received.receipts)


def _keys(event: Event) -> set[tuple[WaitKind, str]]:
    match event:
        case ImageEvent():
            return {(WaitKind.IMAGE, f"{event.registry_kind}:{host}") for host in event.hosts}
        case BuildEvent():
            return {(WaitKind.BUILD_ELSEWHERE, event.builder_kind)}
        case _:
            assert_never(event)
