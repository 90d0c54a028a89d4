"""The history of manifest repositories over git: which commits changed a file, what it said, and where a branch was."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from service.adapters.git_histories import GitHistories, GitHistory
from service.core.words import Sha
from service.errors import NotFoundError
from tests.adapters.git.served import NAME, Served

FILE = "apps/a/values.yaml"
LONG = 120


@pytest.fixture
def history(served: Served) -> GitHistory:
    return GitHistories(served.repositories("histories")).open(NAME)


def tip(history: GitHistory, most: int = 1_000) -> Sha:
    found = history.fetch("main", most=most)
    assert found is not None
    return found


def test_every_version_of_a_file_is_told_newest_first_and_brought_at_once(served: Served, history: GitHistory) -> None:
    commits = served.history(LONG, FILE)
    served.repository.commit_files("main", {"other": "x\n"}, "Something else")
    changes = history.changes(tip(history), {FILE}, most=1_000)
    assert [one.commit for one in changes[:-1]] == [*reversed(commits)]
    assert (changes[-1].before, changes[-1].cut_off) == ("", False)
    brought = len(served.downloads())
    assert [history.read(one.commit, FILE) for one in changes[:3]] == [b"119\n", b"118\n", b"117\n"]
    assert (brought <= 3, len(served.downloads())) == (True, brought)


def test_oldest_commit_that_was_brought_is_told_as_that(served: Served, history: GitHistory) -> None:
    served.history(LONG, FILE)
    changes = history.changes(tip(history, most=60), {FILE}, most=1_000)
    assert ([one.cut_off for one in changes[-2:]], len(changes)) == ([False, True], 60)


def test_branch_is_found_where_it_was_at_a_time_and_by_a_commit(served: Served, history: GitHistory) -> None:
    for number in (1, 2, 3):
        served.repository.commit_files("main", {FILE: f"{number}\n"}, "Change", date=number * 1_000_000)
    newest = tip(history)
    found = history.at(newest, datetime.fromtimestamp(2_500_000, UTC))
    assert found is not None
    assert history.read(found, FILE) == b"2\n"
    assert history.at(newest, datetime.fromtimestamp(10, UTC)) is None
    assert history.named(newest, found[:8]) == found
    with pytest.raises(NotFoundError, match="no commit of the manifest branch begins with 0000000"):
        history.named(newest, "0000000")


def test_deleted_file_and_names_with_signs_of_patterns_are_told(served: Served, history: GitHistory) -> None:
    odd = "apps/*/värde [1].yaml"
    served.repository.commit_files("main", {odd: "1\n"}, "Odd")
    served.repository.commit_files("main", {odd: None}, "Delete it")
    deleted, made = history.changes(tip(history), {odd}, most=10)
    assert (deleted.path, deleted.after, made.before, made.after == deleted.before) == (odd, "", "", True)


def test_branch_that_does_not_exist_has_no_history(history: GitHistory) -> None:
    assert history.fetch("gone", most=10) is None
