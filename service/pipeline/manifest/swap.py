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
"""The tips that an attempt is computed from. If they are the same again, nobody moved anything in between."""


@dataclass(frozen=True, slots=True)
class Attempt(Generic[Made]):
    """A commit to be pushed if the branch is at `expected` then (None: the branch is absent).

    `commit` is None or equal to `expected` if there is nothing to push.
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
        """Compute the attempt; None if nothing is left to be written. `moved`: somebody was faster the last time."""
        ...

    def lost(self, attempt: Attempt[Made]) -> None:
        """Take note that the push was refused: nothing of the attempt is on the branch."""
        ...


class Result(StrEnum):
    """How bringing the work onto the branch ended."""

    PUSHED = "pushed"
    NOTHING = "nothing"
    """The branch has all of it already, or nothing was left to write."""
    REFUSED = "refused"
    """A hook or a rule refuses the push: nobody moved the branch."""


@dataclass(frozen=True, slots=True)
class Swapped(Generic[Made]):
    """The result and the last attempt; `pushes` counts the pushes that were tried."""

    result: Result
    attempt: Attempt[Made] | None
    pushes: int


@dataclass(frozen=True, slots=True)
class Bounds:
    """How often each kind of failure may happen.

    `races` are pushes in all. `refusals` are pushes that were refused though nobody moved anything; before each but the
    first of them, one of the `pauses` (seconds) is waited, in order. `failures` are broken connections; it is above
    zero for callers that are not retried from outside.
    """

    races: int = 50
    refusals: int = 4
    pauses: tuple[float, ...] = ()
    failures: int = 0


class Fate(StrEnum):
    """What became of an earlier push, as the branch shows it."""

    THERE = "there"
    ABSENT = "absent"
    REWRITTEN = "rewritten"
    """Neither the commit nor what it was pushed onto is in the branch's history: somebody removed both."""


@dataclass(slots=True)
class _Race:
    """What has happened so far in one call; `stuck` counts the pushes that were refused on one basis."""

    bounds: Bounds
    pause: Callable[[float], None]
    pushes: int = 0
    stuck: int = 0
    failures: int = 0
    last: Basis | None = None

    def rest(self, *, moved: bool) -> None:
        """Pause after a refused push: for a random time if somebody was faster, else as the bounds say."""
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

    Raises RetryableError `push-lost` if others are faster each time, and what the work or the repository raises.
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

    `expected` is None if it is not known what the branch had before.
    """
    known = manifests.ancestors(tip, frozenset(commits) | ({expected} if expected else frozenset()))
    if there := frozenset(commits) & known:
        return Fate.THERE, there
    if expected is not None and expected not in known:
        return Fate.REWRITTEN, frozenset()
    return Fate.ABSENT, frozenset()
