"""Chooses among several releases that could go to an environment: the newest one that is ready. Pure.

So a busy environment upstream, where a newer release always replaces the last before its soak is over, starves nobody.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Generic, TypeVar

from service.core.gates.facts import Facts
from service.core.gates.judgement import Gates, Judgement, judge_all
from service.core.gates.moments import earliest

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Candidate(Generic[T]):
    """A release that could go, by whatever the caller knows it, and the facts about it."""

    key: T
    facts: Facts


@dataclass(frozen=True, slots=True)
class Choice(Generic[T]):
    """The newest release that is ready, with all its gates; None if none is.

    `newer` has the releases before it that are not ready, the newest first. `until` is the next time at which the clock
    alone may change the choice.
    """

    chosen: Candidate[T] | None
    judgement: Judgement | None
    newer: tuple[tuple[Candidate[T], Judgement], ...]

    @property
    def until(self) -> datetime | None:
        """The earliest time at which the clock may change a gate of those that were looked at."""
        own = self.judgement.until if self.judgement else None
        return earliest([own, *(judgement.until for _, judgement in self.newer)])


def choose(candidates: Iterable[Candidate[T]], gates: Gates) -> Choice[T]:
    """Choose among candidates, the newest first: those gates decide that judge the release and not the moment.

    The other gates of the chosen one may be closed: then it waits for them, and nothing older goes instead. Older ones
    are not asked for once one is chosen.
    """
    newer: list[tuple[Candidate[T], Judgement]] = []
    for candidate in candidates:
        judgement = judge_all(gates, candidate.facts)
        if is_ready(judgement):
            return Choice(candidate, judgement, tuple(newer))
        newer.append((candidate, judgement))
    return Choice(None, None, tuple(newer))


def is_ready(judgement: Judgement) -> bool:
    """Tell whether all gates that judge the release are open: soak, checks, image and block."""
    return not any(judged.traits.of_release for judged in judgement.closed)
