"""Brings edits onto a branch of a repository: computed on its tip, pushed by compare-and-swap, again when refused.

Called by `values commit` only. It keeps nothing between calls, never merges, rebases or forces, and never reads the
words of a refusal: where the branch is now tells what became of a push.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from service.core.values import Changes, FileEdit, Rewrite, ValueEdit, rewrite
from service.core.words import Actor, Sha
from service.errors import PermanentError
from service.pipeline.manifest.swap import Attempt, Basis, Bounds, Fate, Result, fate_of, swap
from service.ports import Manifests

BOUNDS = Bounds(refusals=4, pauses=(0.1, 0.2, 0.4), failures=4)
"""If a push is refused four times although nobody moved the branch, a rule must refuse it. A fifth broken connection
ends it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the files and the commit should say; the same wish on the same tip gives the same commit."""

    edits: tuple[tuple[str, tuple[ValueEdit, ...]], ...]
    create: bool
    message: Callable[[Changes], str]
    author: Actor
    committer: Actor
    at: datetime
    new_file: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """The parent of the commit, and where the branch is to which it is pushed (None: it does not exist yet)."""

    parent: Sha
    expected: Sha | None


@dataclass(frozen=True, slots=True)
class Written:
    """The result. `commit` is None if `parent` says everything already; `attempts` counts pushes."""

    parent: Sha
    commit: Sha | None
    rewrite: Rewrite
    attempts: int


def compute(manifests: Manifests, commit: Sha, wish: Wish) -> Rewrite:
    """Compute the wish on a commit as a whole; ValuesEditError or PermanentError for the first edit that is refused."""
    wanted = [FileEdit(file, edits, wish.create, wish.new_file) for file, edits in wish.edits]
    try:
        return rewrite(lambda file: manifests.read(commit, file), wanted)
    except PermanentError as error:
        if error.code != "values-file-missing":
            raise
        hint = "correct the path, or make the file with --create-file"
        raise PermanentError(error.message, code=error.code, hint=hint) from None


def rehearse(manifests: Manifests, commit: Sha, wish: Wish) -> Rewrite:
    """Compute the wish and make the commit that would be pushed, so that a dry run refuses what a push would."""
    done = compute(manifests, commit, wish)
    if done.files:
        manifests.commit(
            commit,
            done.files,
            wish.message(done.changes),
            author=wish.author,
            committer=wish.committer,
            at=wish.at,
        )
    return done


def tip_of(manifests: Manifests, branch: str) -> Sha:
    """Fetch a branch and give its tip; PermanentError if there is no such branch."""
    tip = manifests.fetch(branch)
    if tip is None:
        raise PermanentError(
            f"There is no branch {branch}.", code="manifest-branch-missing", hint="push it, or name another by --branch"
        )
    return tip


def bring(
    manifests: Manifests,
    branch: str,
    wish: Wish,
    start: Callable[[], Start],
    *,
    pause: Callable[[float], None] = time.sleep,
) -> Written:
    """Bring the wish onto the branch exactly once. `start` is called before each attempt.

    PermanentError `push-refused` if the branch accepts no push of ours. RetryableError if others are always faster or
    the connection keeps breaking: then the branch is as it was, or has the whole commit.
    """
    swapped = swap(manifests, branch, _Wished(manifests, branch, wish, start), bounds=BOUNDS, pause=pause)
    if swapped.result is Result.REFUSED or swapped.attempt is None:
        raise PermanentError(
            f"{branch} refuses the push, although nobody moved it.",
            code="push-refused",
            hint="check for a hook or branch protection; allow this account to push there, or use --pull-request",
        )
    return replace(swapped.attempt.made, attempts=swapped.pushes)


@dataclass(slots=True)
class _Wished:
    """The work for `swap`; `unsure` is a push that may have gone through."""

    manifests: Manifests
    branch: str
    wish: Wish
    start: Callable[[], Start]
    unsure: Attempt[Written] | None = None

    def look(self) -> Basis:
        """Ask where the attempt begins."""
        begin = self.start()
        return begin.parent, begin.expected

    def attempt(self, basis: Basis, *, moved: bool) -> Attempt[Written]:  # noqa: ARG002 - the loop's
        """Compute the wish on the parent, unless the branch has it by a push whose answer never came."""
        parent, expected = basis
        assert parent is not None  # noqa: S101 - a start has one
        if (settled := self._settled(expected)) is not None:
            return settled
        done = compute(self.manifests, parent, self.wish)
        if not done.files:
            return Attempt(None, expected, Written(parent, None, done, 0))
        commit = self.manifests.commit(
            parent,
            done.files,
            self.wish.message(done.changes),
            author=self.wish.author,
            committer=self.wish.committer,
            at=self.wish.at,
        )
        self.unsure = Attempt(commit, expected, Written(parent, commit, done, 0))
        return self.unsure

    def lost(self, attempt: Attempt[Written]) -> None:  # noqa: ARG002 - the loop's
        """Forget the push, because it was certainly refused."""
        self.unsure = None

    def _settled(self, tip: Sha | None) -> Attempt[Written] | None:
        """Read from the branch whether a push went through whose answer never came."""
        unsure, self.unsure = self.unsure, None
        if unsure is None or unsure.commit is None or tip is None:
            return None
        fate, _ = fate_of(self.manifests, tip, {unsure.commit}, unsure.expected)
        match fate:
            case Fate.THERE:
                return Attempt(unsure.commit, unsure.commit, unsure.made)
            case Fate.REWRITTEN:
                raise PermanentError(
                    f"{self.branch} was force-pushed meanwhile: {(unsure.expected or '')[:12]} is gone from it.",
                    code="manifest-history-rewritten",
                    hint="nothing was written again; look at the branch, then run the command again",
                )
            case Fate.ABSENT:
                return None
