"""What others say of commits and pull requests, read from the GitHub double to the last page."""

from __future__ import annotations

import json
import re

import pytest

from devstack.faults import Answer, Fault
from devstack.github.server import GitHub as GitHubDouble
from service.adapters.forges.github import GitHub, TokenLogin
from service.adapters.forges.github.judging import MOST_PAGES, PAGE
from service.core.gates.reviews import ReviewState
from service.core.gates.seen_checks import CheckState
from service.errors import MergeportError, PermanentError
from tests.adapters.forges.test_github_contract import DRAFT, REPO, forge, github, promote, tip

__all__ = ["forge", "github"]


def states(forge: GitHub, github: GitHubDouble) -> dict[str, CheckState]:
    return {one.name: one.state for one in forge.checks_of(REPO, tip(github))}


def test_statuses_and_check_runs_are_read_as_one_kind(github: GitHubDouble, forge: GitHub) -> None:
    for context, state in {"a": "success", "b": "pending", "c": "failure", "d": "error"}.items():
        github.report_status(REPO, tip(github), context, state)
    for name, conclusion in {"e": "success", "f": "neutral", "g": "skipped", "h": "timed_out", "i": None}.items():
        github.report_check(REPO, tip(github), name, conclusion)
    assert states(forge, github) == {
        "a": CheckState.PASSED,
        "b": CheckState.RUNNING,
        "c": CheckState.FAILED,
        "d": CheckState.FAILED,
        "e": CheckState.PASSED,
        "f": CheckState.SKIPPED,
        "g": CheckState.SKIPPED,
        "h": CheckState.FAILED,
        "i": CheckState.RUNNING,
    }


def test_newest_status_of_a_context_counts(github: GitHubDouble, forge: GitHub) -> None:
    github.report_status(REPO, tip(github), "ci", "failure")
    github.report_status(REPO, tip(github), "ci", "success", by="another-bot")
    assert states(forge, github) == {"ci": CheckState.PASSED}


def test_checks_beyond_the_first_page_are_read(github: GitHubDouble, forge: GitHub) -> None:
    for number in range(PAGE + 1):
        github.report_status(REPO, tip(github), f"s{number}", "success")
        github.report_check(REPO, tip(github), f"r{number}")
    github.report_status(REPO, tip(github), "last", "failure")
    assert len(states(forge, github)) == 2 * (PAGE + 1) + 1


def test_same_name_of_two_suites_is_two_checks(github: GitHubDouble, forge: GitHub) -> None:
    github.report_check(REPO, tip(github), "build", "failure", suite=1)
    github.report_check(REPO, tip(github), "build", "success", suite=2)
    found = forge.checks_of(REPO, tip(github))
    assert {(one.state, one.producer) for one in found} == {
        (CheckState.FAILED, "github-actions/1"),
        (CheckState.PASSED, "github-actions/2"),
    }


def test_queued_rerun_is_newer_than_what_has_passed(github: GitHubDouble, forge: GitHub) -> None:
    github.report_check(REPO, tip(github), "build", "success")
    first = forge.checks_of(REPO, tip(github))[0]
    github.report_check(REPO, tip(github), "build", None, queued=True)
    again = forge.checks_of(REPO, tip(github))[0]
    assert (first.state, again.state) == (CheckState.PASSED, CheckState.RUNNING)
    assert first.at is not None
    assert again.at is not None
    assert again.at > first.at


def test_conclusion_that_nobody_knows_has_not_passed(github: GitHubDouble, forge: GitHub) -> None:
    run = {"name": "build", "status": "completed", "conclusion": "delighted", "started_at": "2026-01-01T00:00:00Z"}
    answer = Answer(
        "200 OK", (("Content-Type", "application/json"),), json.dumps({"total_count": 1, "check_runs": [run]}).encode()
    )
    github.faults.plant(Fault("GET", re.compile("/check-runs"), 1, answer=answer))
    assert states(forge, github) == {"build": CheckState.FAILED}


def test_more_checks_than_are_read_are_no_evidence(github: GitHubDouble, forge: GitHub) -> None:
    page = json.dumps({"statuses": [{"context": str(one), "state": "success"} for one in range(PAGE)]}).encode()
    github.faults.answer("200 OK", body=page, path="/status$", times=MOST_PAGES)
    with pytest.raises(PermanentError) as caught:
        forge.checks_of(REPO, tip(github))
    assert caught.value.code == "github-list-too-long"


def test_missing_permission_for_checks_is_named(github: GitHubDouble) -> None:
    github.add_token("ghp_little", permissions={"metadata": "read", "contents": "read", "statuses": "read"})
    little = GitHub(TokenLogin("ghp_little"), api_url=github.api_url, git_url=github.git.url)
    with pytest.raises(MergeportError) as caught:
        little.checks_of(REPO, tip(github))
    assert "checks: read" in f"{caught.value} {caught.value.hint}"


@pytest.fixture
def number(github: GitHubDouble, forge: GitHub) -> int:
    """Open a promotion's pull request."""
    promote(github)
    return forge.open_pull_request(REPO, DRAFT).number


def test_reviews_stay_with_the_head_that_was_seen(github: GitHubDouble, forge: GitHub, number: int) -> None:
    seen = promote(github)
    github.review_pull(REPO, number, by="grace")
    moved = github.push(REPO, DRAFT.head, {"a.txt": "changed\n"})
    github.review_pull(REPO, number, "CHANGES_REQUESTED", by="ann")
    github.review_pull(REPO, number, "COMMENTED", by="bob")
    found = forge.reviews_of(REPO, number)
    assert [(one.login, one.state, one.head) for one in found] == [
        ("grace", ReviewState.APPROVED, seen),
        ("ann", ReviewState.CHANGES_REQUESTED, moved),
    ]


def test_dismissed_review_is_told_as_such(github: GitHubDouble, forge: GitHub, number: int) -> None:
    github.dismiss_review(REPO, number, github.review_pull(REPO, number, by="grace"))
    assert [one.state for one in forge.reviews_of(REPO, number)] == [ReviewState.DISMISSED]


def test_reviews_beyond_the_first_page_are_read(github: GitHubDouble, forge: GitHub, number: int) -> None:
    for one in range(PAGE + 2):
        github.review_pull(REPO, number, by=f"person-{one}")
    assert len(forge.reviews_of(REPO, number)) == PAGE + 2


def test_members_of_a_team_are_read_in_small_letters(github: GitHubDouble, forge: GitHub) -> None:
    github.add_team("acme", "release-managers", ["Grace", "ann"])
    assert forge.members_of(REPO, "release-managers") == frozenset({"grace", "ann"})


def test_team_that_cannot_be_seen_is_an_error_and_not_empty(github: GitHubDouble, forge: GitHub) -> None:
    with pytest.raises(MergeportError) as caught:
        forge.members_of(REPO, "release-managers")
    assert (caught.value.code, "members: read" in caught.value.hint) == ("github-team-unseen", True)
