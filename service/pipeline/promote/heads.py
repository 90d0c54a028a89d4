"""Reads from git what is on a promotion branch: nothing of interest, only our edit, or people's commits beside it.

Called by the code that pushes the branch or waits for its pull request, and by the watch. Reads only. Messages and
authors of commits do not matter: the result of our edit of a commit, and the position of the base, decide.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from service.core.values import FileEdit
from service.core.words import Sha
from service.errors import MergeportError, RetryableError
from service.pipeline.manifest.place import has_images, rewrite_at
from service.ports import Manifests

MOST_WALKED = 200
"""How many commits of a promotion branch are read; a branch with more commits is a person's work."""


class Holds(StrEnum):
    """Whose work a promotion branch is."""

    NOTHING = "nothing"
    """The base contains it all."""
    OURS = "ours"
    """A commit of the base with our edit and nothing else, or an "update branch" of that."""
    SHARED = "shared"
    """Our values as we wrote them, and work of people beside them."""
    PEOPLES = "people's"
    """Somebody has changed our values, or has put something else there."""


@dataclass(frozen=True, slots=True)
class Head:
    """What a branch holds. `base` is the newest commit of the base in it; `removed` is one that the base has lost.

    `ours` says that its tip is a commit of ours.
    """

    holds: Holds
    base: Sha | None = None
    removed: Sha | None = None
    ours: bool = False


@dataclass(slots=True)
class Base:
    """The base's tip during one look; it remembers which commits are behind the tip."""

    manifests: Manifests
    tip: Sha
    _behind: set[Sha] = field(default_factory=set)
    _not: set[Sha] = field(default_factory=set)

    def has(self, commits: Collection[Sha]) -> frozenset[Sha]:
        """Give those of these commits that are the tip or behind it."""
        asked = {one for one in commits if one != self.tip} - self._behind - self._not
        if asked:
            found = self.manifests.ancestors(self.tip, asked)
            self._behind |= found
            self._not |= asked - found
        return frozenset(one for one in commits if one == self.tip or one in self._behind)

    def fits(self, wanted: Iterable[FileEdit], since: Sha) -> bool:
        """Tell whether the base still has the edited files as they were at one of its commits."""
        if since == self.tip:
            return True
        return all(self._file(since, one.file) == self._file(self.tip, one.file) for one in wanted)

    def says(self, commit: Sha, wanted: tuple[FileEdit, ...]) -> bool:
        """Tell whether a commit has our values."""
        return says(self.manifests, commit, wanted)

    def _file(self, commit: Sha, file: str) -> bytes | None:
        try:
            return self.manifests.read(commit, file)
        except RetryableError:
            raise
        except MergeportError:
            return None


def read_head(
    base: Base, tip: Sha, wanted: tuple[FileEdit, ...] | None, *, known: Collection[Sha | None] = (), own: bool = False
) -> Head:
    """Read what a branch's tip holds, compared with the base.

    `wanted` is what our last commit there wrote, None if that is unknown. `known` are commits that the base is known to
    have had; `own` says that the tip is a commit of ours.
    """
    parents = base.manifests.describe(tip).parents
    if own and len(parents) == 1 and base.has(parents):
        return Head(Holds.OURS, parents[0], ours=True)
    if base.has({tip}):
        return Head(Holds.NOTHING, tip)
    had = {one for one in known if one is not None}
    lost = had - base.has(had)
    lost &= base.manifests.ancestors(tip, lost) if lost else set()
    _, edge = walk(base, tip)
    removed = _newest(base.manifests, lost)
    origin = next(iter(removed), None)
    if wanted is None or not says(base.manifests, tip, wanted):
        holds = Holds.PEOPLES
    elif any(_comes_to(base.manifests, start, tip, wanted) for start in removed or edge):
        holds = Holds.OURS
    else:
        holds = Holds.SHARED
    return Head(holds, next(iter(edge), None), origin, ours=own)


def walk(base: Base, tip: Sha) -> tuple[list[Sha], list[Sha]]:
    """Give a branch's commits that the base does not have, newest first, and the newest of the base that it contains.

    The latter is one commit, unless histories cross.
    """
    seen, todo, edge, beyond = {tip}, [tip], set[Sha](), list[Sha]()
    while todo and len(seen) <= MOST_WALKED:
        beyond += todo
        parents = {parent for commit in todo for parent in base.manifests.describe(commit).parents} - seen
        inside = base.has(parents)
        edge |= inside
        seen |= parents
        todo = sorted(parents - inside)
    return beyond, _newest(base.manifests, edge)


def _newest(manifests: Manifests, commits: Collection[Sha]) -> list[Sha]:
    """Leave out the commits that are behind another one of them."""
    if len(commits) < 2:  # noqa: PLR2004 - one is its own newest
        return list(commits)
    behind = {other for one in commits for other in manifests.ancestors(one, set(commits) - {one})}
    return sorted(set(commits) - behind)


def says(manifests: Manifests, commit: Sha, wanted: tuple[FileEdit, ...]) -> bool:
    """Tell whether a commit has our values; False if a file can no longer be read."""
    try:
        return has_images(manifests, commit, wanted)
    except RetryableError:
        raise
    except MergeportError:
        return False


def _comes_to(manifests: Manifests, start: Sha, tip: Sha, wanted: tuple[FileEdit, ...]) -> bool:
    """Tell whether our edit of one commit gives exactly the files of another."""
    try:
        done = rewrite_at(manifests, start, wanted)
        told = manifests.describe(tip)
        made = (
            manifests.commit(start, done.files, told.message, author=told.author, committer=told.committer, at=told.at)
            if done.files
            else start
        )
    except RetryableError:
        raise
    except MergeportError:
        return False
    return manifests.describe(made).tree == told.tree
