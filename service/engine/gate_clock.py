"""Judges gates when their time has come, without reading the store to find that it has not.

Started by the worker as a loop. The store is read when something has moved in it, and at the next time that it named.
"""

from __future__ import annotations

from datetime import datetime

from service.pipeline.context import Context
from service.pipeline.promote.gating import judge_due
from service.store import judgements
from service.store.motion import Motion, Stillness

LONGEST_SECONDS = 30.0
"""How long the named time is believed: the clock may be set, and the database's file be replaced."""


class GateClock:
    """Knows the next time at which a gate is to be judged, as of the last look at the store."""

    def __init__(self, context: Context, motion: Motion) -> None:
        """Begin without knowing a time."""
        self._context = context
        self._still = Stillness(motion, LONGEST_SECONDS)
        self._next: datetime | None = None

    def judge(self) -> bool:
        """Judge the gates whose time has come; True if there may be more."""
        if self._still.may_rest() and (self._next is None or self._context.now() < self._next):
            return False
        try:
            more = judge_due(self._context)
            with self._context.store.read() as tx:
                self._next = judgements.soonest(tx)
        except BaseException:
            self._still.work()
            raise
        return more
