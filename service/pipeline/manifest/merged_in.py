"""Which merged pull requests the commits between two source commits came with: a release branch carries many.

Called for a pull request's texts. What commits' messages say is a hint; a pull request is listed where the forge tells
that it was merged as one of these commits. So many requests at most, and what was not looked through is counted.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import structlog

from service.core.changes import PROMOTION_BRANCHES
from service.core.config.patterns import selects_any
from service.core.merged_in import number_told, numbers_listed
from service.core.words import Repository, Sha
from service.errors import MergeportError, RetryableError
from service.ports import Forge, ForgeCommit, PullRequest, PullRequests

MOST_PAGES, MOST_ASKED = 3, 25
"""The most pages of closed pull requests, and the most requests about single commits and pull requests."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class MergedIn:
    """The merged pull requests, by number, and how many commits were not looked through for them.

    `problem` says why the forge told nothing.
    """

    pull_requests: tuple[PullRequest, ...] = ()
    unread: int = 0
    problem: str = ""


def merged_between(forge: Forge, repository: Repository, base: Sha, head: Sha) -> MergedIn:
    """Find the pull requests whose merges `head` has and `base` has not, and those that were squashed into these.

    What the forge refuses to tell is left out, because a text must not hold up a promotion.
    """
    try:
        between = forge.between(repository, base, head)
        if between is None or not between.commits:
            return MergedIn(unread=between.total if between else 0)
        search = _Search(forge, repository, {one.id: one for one in between.commits})
        search.list_closed()
        search.ask_of_commits()
        search.open_squashed()
    except RetryableError:
        raise
    except MergeportError as error:
        log.warning("the pull requests of a promotion cannot be read", repository=repository, reason=error.message)
        return MergedIn(problem=error.message)
    left_out = between.total - len(between.commits)
    return MergedIn(tuple(search.found[number] for number in sorted(search.found)), search.unread + left_out)


def touching(
    forge: Forge, repository: Repository, some: Sequence[PullRequest], paths: Sequence[str], *, known: Collection[int]
) -> tuple[tuple[PullRequest, Collection[str] | None], ...]:
    """Leave out those that touch none of an application's paths; give the others with the paths that they change.

    `known` ones started a run, so they stay. One whose paths are unknown (None) stays. The newest ones are asked about
    first; those beyond the limit stay too.
    """
    if not paths:
        return tuple((one, None) for one in some)
    left_out: set[int] = set()
    told: dict[int, Collection[str] | None] = {}
    for one in [one for one in reversed(some) if one.number not in known][:MOST_ASKED]:
        try:
            touched = forge.paths_of_pull_request(repository, one.number)
        except RetryableError:
            raise
        except MergeportError:
            continue
        told[one.number] = touched
        if touched is not None and not selects_any(paths, touched):
            left_out.add(one.number)
    return tuple((one, told.get(one.number)) for one in some if one.number not in left_out)


def paths_of(forge: Forge, repository: Repository, numbers: Collection[int]) -> dict[int, Collection[str]]:
    """Give the paths that pull requests change, the newest ones first; those that are not told are left out.

    They only serve what people read, so no failure of the forge holds anything up.
    """
    found: dict[int, Collection[str]] = {}
    for number in sorted(numbers, reverse=True)[:MOST_ASKED]:
        try:
            touched = forge.paths_of_pull_request(repository, number)
        except MergeportError as error:
            log.info("what a pull request touches cannot be read", repository=repository, reason=error.message)
            break
        if touched is not None:
            found[number] = touched
    return found


@dataclass
class _Search:
    """One search: what is known so far, and how many requests were made."""

    forge: PullRequests
    repository: Repository
    commits: dict[Sha, ForgeCommit]
    found: dict[int, PullRequest] = field(default_factory=dict)
    unread: int = 0
    _known: dict[int, PullRequest | None] = field(default_factory=dict)
    _known_since: datetime | None = None
    _asked: int = 0

    def list_closed(self) -> None:
        """Find them in the forge's list, back to the oldest commit; a pull request is updated when it is merged."""
        oldest = min(one.at for one in self.commits.values())
        for page in range(1, MOST_PAGES + 1):
            closed = self.forge.closed_pull_requests(self.repository, page=page)
            self._known |= {one.number: one for one in closed.pull_requests}
            self._known_since = closed.since
            if closed.since is None or closed.since < oldest:
                break
        for one in self._known.values():
            if one is not None and one.merge_commit in self.commits:
                self._take(one)

    def ask_of_commits(self) -> None:
        """Find those that the list does not reach: by the number in a commit's message, else by the commit."""
        merges = {one.merge_commit for one in self.found.values()}
        for commit in reversed(self.commits.values()):
            if commit.id in merges:
                continue
            number = number_told(commit.message)
            named = self._read(number) if number is not None else None
            if named is not None and (named.merge_commit in self.commits or _is_picked(named, commit)):
                self._take(named)
            elif self._known_since is not None and commit.at <= self._known_since:
                self._ask_of(commit)

    def _ask_of(self, commit: ForgeCommit) -> None:
        if not self._may_ask():
            self.unread += 1
            return
        for one in self.forge.pull_requests_of(self.repository, commit.id):
            if one.merged and one.merge_commit in self.commits:
                self._take(one)

    def open_squashed(self) -> None:
        """Find those within a squashed or rebased pull request, whose merges are its commits and not the branch's."""
        todo = list(self.found.values())
        while todo:
            outer = todo.pop()
            commit = self.commits.get(outer.merge_commit) if outer.merge_commit else None
            if commit is not None and len(commit.parents) > 1:
                continue
            listed = [one for number in numbers_listed(commit.message if commit else "") if (one := self._read(number))]
            into = [one for one in self._known.values() if one and one.merged and one.base == outer.head != outer.base]
            inner = {one.number: one for one in (*listed, *into) if one.number not in self.found}
            if not inner:
                continue
            if not self._may_ask():
                self.unread += 1
                continue
            within = set(self.forge.commits_of_pull_request(self.repository, outer.number))
            todo += [one for one in inner.values() if one.merge_commit in within and self._take(one)]

    def _read(self, number: int) -> PullRequest | None:
        """Give a merged pull request by its number; None if it is an issue's, or no more requests are allowed."""
        if number not in self._known and self._known_since is not None and self._may_ask():
            try:
                self._known[number] = self.forge.pull_request(self.repository, number)
            except RetryableError:
                raise
            except MergeportError:
                self._known[number] = None
        told = self._known.get(number)
        return told if told is not None and told.merged else None

    def _may_ask(self) -> bool:
        self._asked += 1
        return self._asked <= MOST_ASKED

    def _take(self, one: PullRequest) -> bool:
        """Keep one, unless it is a promotion of ours: these are no changes, but may share the sources' repository."""
        if not one.merged or one.head.startswith(PROMOTION_BRANCHES):
            return False
        self.found[one.number] = one
        return True


def _is_picked(one: PullRequest, commit: ForgeCommit) -> bool:
    """Tell whether a commit is a pull request's, cherry-picked onto another branch: it has that title and number."""
    return bool(one.title) and commit.message.startswith(f"{one.title} (#{one.number})")
