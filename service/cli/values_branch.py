"""Brings edits onto a branch of a repository: computed on its tip, pushed by compare-and-swap, again when refused.

Called by `values commit` only. It keeps nothing between calls, never merges, rebases or forces, and never reads the
words of a refusal: where the branch is now tells what became of a push.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from service.core.values import Changes, FileEdit, Rewrite, ValueEdit, rewrite
from service.core.words import Actor, Sha
from service.errors import PermanentError, RetryableError
from service.ports import Manifests

MOST_RACES = 50
"""Pushes that others may win before we give up."""
MOST_REFUSALS = 4
"""Refused pushes onto a branch that nobody moved: it is a rule there, not a race."""
MOST_FAILURES = 5
"""Broken connections in all."""
LONGEST_PAUSE = 30.0


@dataclass(frozen=True, slots=True)
class Wish:
    """What the files should say, and what the commit says; the same wish on the same tip is the same commit."""

    edits: tuple[tuple[str, tuple[ValueEdit, ...]], ...]
    create: bool
    message: Callable[[Changes], str]
    author: Actor
    committer: Actor
    at: datetime


@dataclass(frozen=True, slots=True)
class Start:
    """Where a commit begins, and where the branch is that it is pushed to (None: nowhere yet)."""

    parent: Sha
    expected: Sha | None


@dataclass(frozen=True, slots=True)
class Written:
    """What came of it. `commit` is None where `parent` says everything already; `attempts` counts pushes."""

    parent: Sha
    commit: Sha | None
    rewrite: Rewrite
    attempts: int


def compute(manifests: Manifests, commit: Sha, wish: Wish) -> Rewrite:
    """Compute the wish on a commit: all of it, or ValuesEditError or PermanentError for the first that is refused."""
    wanted = [FileEdit(file, edits, wish.create) for file, edits in wish.edits]
    return rewrite(lambda file: manifests.read(commit, file), wanted)


def tip_of(manifests: Manifests, branch: str) -> Sha:
    """Bring a branch here and give its tip; PermanentError where there is no such branch."""
    tip = manifests.fetch(branch)
    if tip is None:
        raise PermanentError(
            f"There is no branch {branch}.", code="manifest-branch-missing", hint="push it, or name another by --branch"
        )
    return tip


@dataclass(slots=True)
class _Race:
    """What happened so far, and how often more of it may happen."""

    branch: str
    pause: Callable[[float], None]
    attempts: int = 0
    failures: int = 0
    stuck: int = 0
    last: Start | None = None
    unsure: tuple[Sha, Sha | None, Rewrite] | None = None
    """A push of which nobody knows whether it went through: commit, expected tip, and what it changes."""

    def lost(self, start: Start) -> None:
        """Count a refused push, and wait a little; raise where it will stay refused."""
        self.unsure = None
        self.stuck = self.stuck + 1 if start == self.last else 1
        self.last = start
        if self.stuck >= MOST_REFUSALS:
            raise PermanentError(
                f"{self.branch} refuses the push, though nobody moved it.",
                code="push-refused",
                hint="a hook or branch protection? Let this account push there, or use --pull-request",
            )
        if self.attempts >= MOST_RACES:
            raise RetryableError(f"{self.branch} moves too fast: {self.attempts} pushes lost.", code="push-lost")
        self.pause(random.uniform(0.02, min(2.0, 0.05 * 2**self.attempts)))  # noqa: S311 - to keep racers apart

    def broken(self, error: RetryableError) -> None:
        """Count a failure of the connection, and wait; raise the last one."""
        self.failures += 1
        if self.failures >= MOST_FAILURES:
            raise error
        wait = error.retry_after if error.retry_after is not None else 2**self.failures / 4
        self.pause(min(wait, LONGEST_PAUSE) * random.uniform(1, 1.5))  # noqa: S311 - to keep racers apart


def bring(
    manifests: Manifests,
    branch: str,
    wish: Wish,
    start: Callable[[], Start],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Written:
    """Have the wish on the branch, exactly once. `start` is asked before each attempt.

    PermanentError `push-refused` where the branch takes no push of ours, RetryableError where others are always
    faster or the connection keeps breaking: then the branch is as it was, or has the whole commit.
    """
    race = _Race(branch, pause)
    while True:
        try:
            if settled := _settled(manifests, race):
                return settled
            begin = start()
            done = compute(manifests, begin.parent, wish)
            if not done.files:
                return Written(begin.parent, None, done, race.attempts)
            commit = manifests.commit(
                begin.parent,
                done.files,
                wish.message(done.changes),
                author=wish.author,
                committer=wish.committer,
                at=wish.at,
            )
            race.attempts += 1
            race.unsure = (commit, begin.expected, done)
            if manifests.push(branch, commit, expected=begin.expected):
                return Written(begin.parent, commit, done, race.attempts)
        except RetryableError as error:
            race.broken(error)
        else:
            race.lost(begin)


def _settled(manifests: Manifests, race: _Race) -> Written | None:
    """Read from the branch what became of a push whose answer never came."""
    if race.unsure is None:
        return None
    commit, expected, done = race.unsure
    tip = manifests.fetch(race.branch)
    if tip is not None:
        known = manifests.ancestors(tip, {commit, expected} if expected else {commit})
        if commit in known:
            return Written(expected or commit, commit, done, race.attempts)
        if expected is not None and expected not in known:
            raise PermanentError(
                f"{race.branch} was force-pushed meanwhile: {expected[:12]} is gone from it.",
                code="manifest-history-rewritten",
                hint="nothing was written again; look at the branch, then run the command again",
            )
    race.unsure = None
    return None
