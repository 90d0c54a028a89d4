"""The pull requests that a comparison's commits came with, from a forge in memory that counts its requests."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from service.core.words import Repository, Sha
from service.errors import PermanentError, RetryableError
from service.pipeline.manifest.merged_in import MOST_ASKED, MergedIn, merged_between
from service.ports import Between, ClosedPullRequests, Forge, ForgeCommit, PullRequest

REPO = Repository("acme/checkout")
BEGIN = datetime(2026, 1, 1, tzinfo=UTC)


def sha(name: str) -> Sha:
    return Sha(name.encode().hex().ljust(40, "0"))


def pull(number: int, *, commit: str = "", head: str = "feature", base: str = "main", title: str = "") -> PullRequest:
    """Give a pull request; one without a commit was closed unmerged."""
    return PullRequest(
        number, f"https://github.test/{number}", title or f"Change {number}", "", head, sha(f"head-{number}"), base,
        open=False, merged=bool(commit), merge_commit=sha(commit) if commit else None, author="ada",
    )  # fmt: skip


@dataclass
class ForgeInMemory:
    """Commits in order, one an hour, and pull requests with the commits that they had."""

    commits: list[ForgeCommit] = field(default_factory=list)
    pulls: dict[int, PullRequest] = field(default_factory=dict)
    within: dict[int, tuple[Sha, ...]] = field(default_factory=dict)
    page: int = 100
    """How many pull requests a page of the closed ones has; those that were merged last come first."""
    left_out: int = 0
    asked: list[str] = field(default_factory=list)
    error: Exception | None = None

    def commit(self, name: str, message: str, *, parents: int = 1) -> None:
        at = BEGIN + timedelta(hours=len(self.commits))
        above = tuple(sha(f"parent-{number}-of-{name}"[:20]) for number in range(parents))
        self.commits.append(ForgeCommit(sha(name), above, message, at))

    def merged(self, one: PullRequest, *within: str) -> PullRequest:
        self.pulls[one.number] = one
        self.within[one.number] = tuple(sha(name) for name in within)
        return one

    def between(self, _repository: Repository, _base: Sha, _head: Sha) -> Between:
        if self.error is not None:
            raise self.error
        return Between(tuple(self.commits), len(self.commits) + self.left_out)

    def closed_pull_requests(self, _repository: Repository, *, page: int) -> ClosedPullRequests:
        self.asked.append(f"list {page}")
        at = {one.id: one.at for one in self.commits}
        listed = sorted(self.pulls.values(), key=lambda one: at.get(one.merge_commit or Sha(""), BEGIN), reverse=True)
        these = listed[(page - 1) * self.page : page * self.page]
        full = len(these) == self.page
        return ClosedPullRequests(tuple(these), at.get(these[-1].merge_commit or Sha(""), BEGIN) if full else None)

    def pull_request(self, _repository: Repository, number: int) -> PullRequest:
        self.asked.append(f"#{number}")
        if number not in self.pulls:
            raise PermanentError("not there", code="github-not-found")
        return self.pulls[number]

    def pull_requests_of(self, _repository: Repository, commit: Sha) -> Sequence[PullRequest]:
        self.asked.append(f"of {commit}")
        return [one for one in self.pulls.values() if one.merge_commit == commit or commit in self.within[one.number]]

    def commits_of_pull_request(self, _repository: Repository, number: int) -> Sequence[Sha]:
        self.asked.append(f"within #{number}")
        return self.within[number]

    def look(self) -> MergedIn:
        return merged_between(cast("Forge", self), REPO, sha("base"), sha("head"))

    def numbers(self) -> list[int]:
        return [one.number for one in self.look().pull_requests]


@pytest.fixture
def forge() -> ForgeInMemory:
    return ForgeInMemory()


def test_merges_are_found_in_one_list_whatever_their_messages_say(forge: ForgeInMemory) -> None:
    for number in (3, 1, 2):
        forge.commit(f"c{number}", "Some words")
        forge.merged(pull(number, commit=f"c{number}"))
    assert forge.numbers() == [1, 2, 3]
    assert forge.asked == ["list 1"]


@pytest.mark.parametrize("told", ["Change 7 (#7)", "Merge pull request #7 from acme/feature\n\nChange 7"])
def test_merge_beyond_the_list_is_found_by_the_number_that_its_message_tells(forge: ForgeInMemory, told: str) -> None:
    forge.page = 1
    forge.commit("c7", told)
    for number in range(10, 15):
        forge.commit(f"c{number}", "Some words")
        forge.merged(pull(number, commit=f"c{number}"))
    forge.merged(pull(7, commit="c7"))
    assert 7 in forge.numbers()
    assert "#7" in forge.asked


def test_rebased_merge_beyond_the_list_is_found_by_its_commit(forge: ForgeInMemory) -> None:
    forge.page = 1
    forge.commit("c7", "Words without a number")
    for number in range(10, 15):
        forge.commit(f"c{number}", "Some words")
        forge.merged(pull(number, commit=f"c{number}"))
    forge.merged(pull(7, commit="c7"))
    assert forge.numbers() == [7, *range(10, 15)]


def test_number_of_an_issue_is_no_pull_request(forge: ForgeInMemory) -> None:
    forge.page = 1
    forge.commit("c1", "Mend it (#99)")
    forge.commit("c2", "Some words")
    forge.merged(pull(2, commit="c2"))
    assert forge.numbers() == [2]


def test_number_of_a_fork_is_not_taken_for_ours(forge: ForgeInMemory) -> None:
    forge.commit("c1", "Merge pull request #5 from upstream/fix\n\nTheirs")
    forge.merged(pull(5, commit="elsewhere", base="develop"))
    assert forge.numbers() == []


def test_picked_commit_tells_its_pull_request_by_title_and_number(forge: ForgeInMemory) -> None:
    forge.commit("c1", "Mend the till (#5)\n\n(cherry picked from commit 1234567)")
    forge.merged(pull(5, commit="elsewhere", base="develop", title="Mend the till"))
    assert forge.numbers() == [5]


def test_what_was_closed_unmerged_is_not_listed(forge: ForgeInMemory) -> None:
    forge.commit("c1", "Change 5 (#5)")
    forge.merged(pull(5))
    assert forge.numbers() == []


def test_promotion_of_ours_in_the_same_repository_is_no_change(forge: ForgeInMemory) -> None:
    forge.commit("c1", "Promote")
    forge.merged(pull(5, commit="c1", head="mergeport/promotion/prod/checkout"))
    assert forge.numbers() == []


@pytest.mark.parametrize("body", ["", "\n\n* Change 5 (#5)\n\n* Change 6 (#6)"])
def test_squashed_release_branch_is_opened(forge: ForgeInMemory, body: str) -> None:
    """GitHub lists the commits below the subject, unless the repository's settings change that."""
    forge.commit("c9", f"Release 1 (#9){body}")
    forge.merged(pull(5, commit="r1", base="release/1"), "f5")
    forge.merged(pull(6, commit="r2", base="release/1"), "f6")
    forge.merged(pull(9, commit="c9", head="release/1"), "r1", "r2")
    assert forge.numbers() == [5, 6, 9]


def test_squashed_branch_within_a_squashed_branch_is_opened(forge: ForgeInMemory) -> None:
    forge.commit("c9", "Release 1 (#9)")
    forge.merged(pull(4, commit="e1", base="epic"), "f4")
    forge.merged(pull(5, commit="r1", base="release/1", head="epic"), "e1")
    forge.merged(pull(9, commit="c9", head="release/1"), "r1")
    assert forge.numbers() == [4, 5, 9]


def test_earlier_release_of_the_same_branch_name_is_not_listed_again(forge: ForgeInMemory) -> None:
    forge.commit("c9", "Release 2 (#9)")
    forge.merged(pull(4, commit="old", base="release"))
    forge.merged(pull(5, commit="r1", base="release"))
    forge.merged(pull(9, commit="c9", head="release"), "r1")
    assert forge.numbers() == [5, 9]


def test_merge_commit_needs_no_look_into_its_pull_request(forge: ForgeInMemory) -> None:
    forge.commit("r1", "Change 5 (#5)")
    forge.commit("c9", "Merge pull request #9 from acme/release", parents=2)
    forge.merged(pull(5, commit="r1", base="release"))
    forge.merged(pull(9, commit="c9", head="release"), "r1")
    assert forge.numbers() == [5, 9]
    assert forge.asked == ["list 1"]


def test_questions_are_bounded_and_what_was_not_looked_through_is_counted(forge: ForgeInMemory) -> None:
    forge.page, forge.left_out = 1, 200
    for number in range(100):
        forge.commit(f"c{number}", "Words without a number")
    for number in range(96, 100):
        forge.merged(pull(number, commit=f"c{number}"))
    told = forge.look()
    assert len(forge.asked) == 3 + MOST_ASKED
    assert told.unread == 200 + 97 - MOST_ASKED


def test_refusal_is_told_and_holds_nothing_up(forge: ForgeInMemory) -> None:
    forge.error = PermanentError("give `pull requests: read`", code="github-permission-missing")
    assert forge.look().problem == "give `pull requests: read`"


def test_wobble_is_tried_again_by_who_calls(forge: ForgeInMemory) -> None:
    forge.error = RetryableError("away", code="github-away")
    with pytest.raises(RetryableError):
        forge.look()
