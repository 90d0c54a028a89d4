"""The one compare-and-swap loop: compute on a branch's tip, push if the branch is still there, else compute again.

Called by whoever writes to a branch of a manifest repository: the service's commits, promotion branches and
`values commit`. It never merges, rebases or forces, and never reads the words of a refusal: the branch's position shows
whether a push went through. It keeps nothing between calls, and knows nothing of runs.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, Protocol, TypeVar

import structlog

from service.core.words import Sha
from service.errors import RetryableError
from service.ports import Manifests

Made = TypeVar("Made")

LONGEST_PAUSE_SECONDS = 30.0

log = structlog.get_logger()


Basis = tuple[Sha | None, ...]
"""The tips that an attempt is computed from: the same ones again mean that nobody moved anything in between."""


@dataclass(frozen=True, slots=True)
class Attempt(Generic[Made]):
    """A commit to be pushed, if the branch is at `expected` (None: is absent) by then.

    `commit` is None, or the expected one, where there is nothing to push.
    """

    commit: Sha | None
    expected: Sha | None
    made: Made


class Work(Protocol[Made]):
    """What is to be brought onto the branch."""

    def look(self) -> Basis:
        """Read where the branch is now, and whatever else the work begins from."""
        ...

    def attempt(self, basis: Basis, *, moved: bool) -> Attempt[Made] | None:
        """Compute on that; None where nothing is left to be written. `moved`: somebody was faster the last time."""
        ...

    def lost(self, attempt: Attempt[Made]) -> None:
        """Be told that the push was refused: nothing of the attempt is on the branch."""
        ...


class Result(StrEnum):
    """What came of it."""

    PUSHED = "pushed"
    NOTHING = "nothing"
    """The branch says all of it already, or nothing was left."""
    REFUSED = "refused"
    """The branch takes no such push, though nobody moved it: a hook or a rule."""


@dataclass(frozen=True, slots=True)
class Swapped(Generic[Made]):
    """The result, and the attempt that it ended with; `pushes` counts those that were tried."""

    result: Result
    attempt: Attempt[Made] | None
    pushes: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How often what may happen.

    `races` are pushes in all. `refusals` are pushes that were refused though nobody moved anything; before each but the
    first of them `pauses` are waited, in seconds and in order. `failures` are broken connections, for callers whom
    nobody calls again.
    """

    races: int = 50
    refusals: int = 4
    pauses: tuple[float, ...] = ()
    failures: int = 0


class Fate(StrEnum):
    """What became of an earlier push, as the branch tells."""

    THERE = "there"
    ABSENT = "absent"
    REWRITTEN = "rewritten"
    """Neither the commit nor what it was pushed onto is in the branch's history: somebody removed both."""


@dataclass(slots=True)
class _Race:
    """What happened so far in one call; `stuck` counts the pushes that were refused on one basis."""

    bounds: Bounds
    pause: Callable[[float], None]
    pushes: int = 0
    stuck: int = 0
    failures: int = 0
    last: Basis | None = None

    def rest(self, *, moved: bool) -> None:
        """Let a little time pass after a refused push: by chance among racers, else as the bounds say."""
        pauses = self.bounds.pauses
        if moved:
            self.pause(random.uniform(0.01, min(2.0, 0.05 * 2 ** min(self.pushes, 10))))  # noqa: S311 - jitter
        elif self.stuck and pauses:
            self.pause(pauses[min(self.stuck, len(pauses)) - 1])

    def broken(self, error: RetryableError) -> None:
        """Count a broken connection and wait; raise where there were too many."""
        self.failures += 1
        if self.failures > self.bounds.failures:
            raise error
        wait = error.retry_after if error.retry_after is not None else 2**self.failures / 4
        self.pause(min(wait, LONGEST_PAUSE_SECONDS) * random.uniform(1, 1.5))  # noqa: S311 - jitter


def swap(
    manifests: Manifests, branch: str, work: Work[Made], *, bounds: Bounds, pause: Callable[[float], None]
) -> Swapped[Made]:
    """Bring the work onto the branch, exactly once.

    RetryableError `push-lost` where others are faster each time; what the work or the repository raise otherwise.
    """
    race = _Race(bounds, pause)
    attempt: Attempt[Made] | None = None
    while race.pushes < bounds.races:
        try:
            basis = work.look()
            moved = race.last is not None and basis != race.last
            if moved:
                race.stuck = 0
            if race.stuck >= bounds.refusals:
                return Swapped(Result.REFUSED, attempt, race.pushes)
            race.rest(moved=moved)
            attempt = work.attempt(basis, moved=moved)
            if attempt is None or attempt.commit is None or attempt.commit == attempt.expected:
                return Swapped(Result.NOTHING, attempt, race.pushes)
            race.pushes += 1
            if manifests.push(branch, attempt.commit, expected=attempt.expected):
                return Swapped(Result.PUSHED, attempt, race.pushes)
        except RetryableError as error:
            race.broken(error)
            continue
        race.last, race.stuck = basis, race.stuck + 1
        work.lost(attempt)
        log.info("push refused", branch=branch, expected=attempt.expected, refusals=race.stuck)
    raise RetryableError(f"{branch} moves too fast: {race.pushes} pushes lost", code="push-lost", retry_after=1.0)


def fate_of(
    manifests: Manifests, tip: Sha, commits: Collection[Sha], expected: Sha | None
) -> tuple[Fate, frozenset[Sha]]:
    """Tell what became of a push of one of these commits onto `expected`, and which of them the branch has.

    `expected` is None where nothing is known to have stood there.
    """
    known = manifests.ancestors(tip, frozenset(commits) | ({expected} if expected else frozenset()))
    if there := frozenset(commits) & known:
        return Fate.THERE, there
    if expected is not None and expected not in known:
        return Fate.REWRITTEN, frozenset()
    return Fate.ABSENT, frozenset()
