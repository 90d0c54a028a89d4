"""Judges gates when their time has come, without reading the store to find that it has not.

Called by a loop of the worker: when something has moved in the store, and at the next time that it named.
"""

from __future__ import annotations

from datetime import datetime

from service.pipeline.context import Context
from service.pipeline.promote.gating import judge_due
from service.store import judgements

LONGEST_SECONDS = 30.0
"""How long the named time is believed: the clock may be set, and the database's file be replaced."""


class GateClock:
    """Knows the next time at which a gate is to be judged, as of the last look at the store."""

    def __init__(self, context: Context) -> None:
        """Begin without knowing a time."""
        self._context = context
        self._next: datetime | None = None

    def judge(self) -> bool:
        """Judge the gates whose time has come; True if there may be more."""
        more = judge_due(self._context)
        with self._context.store.read() as tx:
            self._next = judgements.soonest(tx)
        return more

    def seconds(self) -> float:
        """Give for how many seconds no gate is to be judged, if nothing moves in the store."""
        if self._next is None:
            return LONGEST_SECONDS
        return min(LONGEST_SECONDS, max(0.0, (self._next - self._context.now()).total_seconds()))
