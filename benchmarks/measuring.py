"""Timing of several ways side by side: interleaved, so that a machine that is busy disturbs all of them alike.

Used by every benchmark. It knows nothing of what is timed, and judges nothing.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

LEAST_ROUNDS = 3
PULSE = 20_000
"""Repetitions of a fixed piece of work that is timed before each round, to measure the machine's own noise."""


@dataclass(frozen=True, slots=True)
class Samples:
    """The seconds of one way in each round, in order."""

    seconds: tuple[float, ...]

    @property
    def median(self) -> float:
        """The median."""
        return statistics.median(self.seconds)

    def at(self, share: float) -> float:
        """Give the percentile for this share (nearest rank)."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]

    def __len__(self) -> int:
        return len(self.seconds)


@dataclass(frozen=True, slots=True)
class Rounds:
    """The result of an interleaved measurement.

    `unrest` is the 90th percentile of a fixed piece of work's time over its median: 1 is a quiet machine.
    """

    ways: Mapping[str, Samples]
    unrest: float

    def ratio(self, over: str, under: str) -> float:
        """Give the ratio of two medians."""
        return self.ways[over].median / self.ways[under].median

    def ratio_range(self, over: str, under: str) -> tuple[float, float]:
        """Give the quartiles of the ratios within each round, which do not depend on the machine's load."""
        ratios = Samples(tuple(one / other for one, other in self._pairs(over, under)))
        return ratios.at(0.25), ratios.at(0.75)

    def difference_range(self, more: str, less: str) -> tuple[float, float]:
        """Give the quartiles of the differences within each round, in seconds."""
        differences = Samples(tuple(one - other for one, other in self._pairs(more, less)))
        return differences.at(0.25), differences.at(0.75)

    def _pairs(self, one: str, other: str) -> Iterator[tuple[float, float]]:
        """Give both ways' seconds of each round in which both ran."""
        yield from zip(self.ways[one].seconds, self.ways[other].seconds, strict=False)


def interleave(
    ways: Mapping[str, Callable[[], float]],
    *,
    rounds: int,
    seconds: float,
    most: Mapping[str, int] = MappingProxyType({}),
) -> Rounds:
    """Run every way once in each round; the order rotates by one from round to round.

    Each way prepares itself and gives the seconds that count. The first round only warms up. The measurement ends after
    so many rounds or seconds, whichever comes first, but not before LEAST_ROUNDS. Ways in `most` are slow and need no
    warm-up: they run only in so many of the first rounds, at least in one.
    """
    names = list(ways)
    found: dict[str, list[float]] = {name: [] for name in names}
    pulses: list[float] = []
    began = time.monotonic()
    for turn in range(rounds + 1):
        late = time.monotonic() - began > seconds
        if late and turn > LEAST_ROUNDS:
            break
        pulses.append(timed(_pulse))
        shift = turn % len(names)
        for name in names[shift:] + names[:shift]:
            if name in most and (turn == 0 or turn > most[name] or (late and turn > 1)):
                continue
            took = ways[name]()
            if turn:
                found[name].append(took)
    pulse = Samples(tuple(pulses))
    return Rounds({name: Samples(tuple(took)) for name, took in found.items()}, pulse.at(0.9) / pulse.median)


def timed(action: Callable[[], object]) -> float:
    """Give the seconds that an action takes."""
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def _pulse() -> int:
    return sum(number * number for number in range(PULSE))
