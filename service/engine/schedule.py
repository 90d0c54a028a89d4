"""When each watch looks: soon after a wait is opened, then less often, at once on a hint; one look at a time a key."""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import structlog

from service.core.words import WaitKind

FIRST_LOOK_SECONDS = 0.3
_FASTEST_SECONDS = 0.5
_GROWTH = 1.3
_LOCAL = frozenset({WaitKind.BUILD, WaitKind.PUSH})
_LOCAL_SECONDS = 1.0
_THREADS_A_KIND = 3

log = structlog.get_logger()

Key = tuple[WaitKind, str]


@dataclass(slots=True)
class _Planned:
    """When a key is looked at next, how long after that, and the newest wait that is known there."""

    at: float
    pause: float
    newest: str = ""
    under_way: bool = False
    again: bool = False


class Schedule:
    """Plans the looks of one worker. Each kind has threads of its own, so a GitHub that hangs holds up no Argo CD."""

    def __init__(self, look: Callable[[WaitKind, str], None], *, interval: float) -> None:
        """Take what looks, and the longest pause between two looks in seconds."""
        self._look = look
        self._pools = {
            kind: ThreadPoolExecutor(_THREADS_A_KIND, thread_name_prefix=f"watch-{kind}") for kind in WaitKind
        }
        self._interval = interval
        self._planned: dict[Key, _Planned] = {}
        self._lock = threading.Lock()

    def tick(self, keys: Mapping[Key, str], now: float) -> None:
        """Start the looks that are due. `keys` tells the newest wait of each; `now` is a monotonic time in seconds."""
        with self._lock:
            for key, newest in keys.items():
                self._plan(key, newest, now)
            for gone in [key for key, plan in self._planned.items() if key not in keys and not plan.under_way]:
                del self._planned[gone]
            due = [key for key, plan in self._planned.items() if plan.at <= now and not plan.under_way]
            for key in due:
                plan = self._planned[key]
                plan.under_way = True
                plan.pause = _LOCAL_SECONDS if key[0] in _LOCAL else min(plan.pause * _GROWTH, self._interval)
                plan.at = now + plan.pause * random.uniform(0.8, 1.2)  # noqa: S311 - jitter
        for key in due:
            self._pools[key[0]].submit(self._once, key)

    def _plan(self, key: Key, newest: str, now: float) -> None:
        """Plan a look soon after a wait was opened: what it waits for may have come just before that."""
        plan = self._planned.setdefault(key, _Planned(now + FIRST_LOOK_SECONDS, _FASTEST_SECONDS, newest))
        if newest > plan.newest:
            plan.newest = newest
            plan.pause = _FASTEST_SECONDS
            plan.at = min(plan.at, now + FIRST_LOOK_SECONDS)

    def hint(self, kind: WaitKind, key: str, now: float) -> None:
        """Have a key looked at by the next tick, also if a look is under way that may have read too early."""
        with self._lock:
            plan = self._planned.setdefault((kind, key), _Planned(now, _FASTEST_SECONDS))
            plan.at = now
            plan.pause = _FASTEST_SECONDS
            plan.again = plan.under_way

    def stop(self) -> None:
        """Begin no more looks; those under way end by themselves."""
        for pool in self._pools.values():
            pool.shutdown(wait=False, cancel_futures=True)

    def _once(self, key: Key) -> None:
        try:
            self._look(*key)
        except Exception:
            log.exception("internal error in a watch", kind=key[0], key=key[1])
        finally:
            with self._lock:
                plan = self._planned.get(key)
                if plan is not None:
                    plan.under_way = False
                    if plan.again:
                        plan.at, plan.again = 0.0, False
