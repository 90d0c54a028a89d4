"""Which threads answer which requests: each kind has threads of its own, so that none of them waits for another.

The worker's loop asks here once a request is whole. Knows paths and sizes, and nothing of what is answered.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from enum import StrEnum
from typing import Any

LARGE_BYTES = 1024 * 1024
"""A request from this size on is large: few at a time, because each is read and parsed in memory."""


class Lane(StrEnum):
    """A kind of request with threads of its own."""

    DELIVERIES = "deliveries"
    LARGE = "large"
    PAGES = "pages"
    FIGURES = "figures"
    HEALTH = "health"


LARGE_THREADS = 2
THREADS = {Lane.LARGE: LARGE_THREADS, Lane.PAGES: 6, Lane.FIGURES: 2, Lane.HEALTH: 1}
"""The number of threads of each lane; that of the deliveries is a setting."""
_FIGURES = {b"/readyz", b"/metrics"}


def lane_of(target: bytes, size: int, *, private: bool) -> Lane:
    """Give the lane of a request by its path, its size and its listener."""
    if size > LARGE_BYTES:
        return Lane.LARGE
    path = target.partition(b"?")[0]
    if path == b"/healthz":
        return Lane.HEALTH
    if not private:
        return Lane.DELIVERIES
    return Lane.FIGURES if path in _FIGURES else Lane.PAGES


class Lanes:
    """The threads of all lanes. They are started when they are needed."""

    def __init__(self, deliveries: int) -> None:
        """Take the number of threads for deliveries."""
        numbers: Mapping[Lane, int] = {Lane.DELIVERIES: deliveries, **THREADS}
        self._pools = {lane: ThreadPoolExecutor(number, f"web-{lane}") for lane, number in numbers.items()}

    def submit(self, lane: Lane, work: Callable[..., Any], *given: Any) -> Future[Any]:  # noqa: ANN401 - any work
        """Let one of the lane's threads do the work."""
        return self._pools[lane].submit(work, *given)

    def shutdown(self, *, wait: bool) -> None:
        """Take no more work."""
        for pool in self._pools.values():
            pool.shutdown(wait=wait)
