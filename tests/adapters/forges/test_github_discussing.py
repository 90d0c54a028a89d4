"""Comments, permissions and former heads are what GitHub says they are, or are said to be unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from devstack.github.server import GitHub as GitHubDouble
from service.adapters.forges.github import GitHub, TokenLogin
from service.core.roles import Permission
from service.core.words import Repository
from service.errors import MergeportError
from tests.adapters.forges.test_github_contract import DRAFT, REPO, forge, github, promote

__all__ = ["forge", "github"]


@pytest.mark.parametrize(
    ("role", "permission"),
    [
        ("read", Permission.READ),
        ("triage", Permission.TRIAGE),
        ("write", Permission.WRITE),
        ("maintain", Permission.MAINTAIN),
        ("admin", Permission.ADMIN),
        ("none", Permission.NONE),
        ("deployers", Permission.WRITE),  # a custom role
    ],
)
def test_permission_is_told_as_fine_as_github_knows_it(
    github: GitHubDouble, forge: GitHub, role: str, permission: Permission
) -> None:
    github.grant(REPO, "Octocat", role)
    assert forge.permission_of(REPO, "octoCAT") is permission


def test_login_that_nobody_has_may_nothing_and_a_repository_that_is_unseen_tells_nothing(forge: GitHub) -> None:
    assert forge.permission_of(REPO, "nobody-of-that-name") is Permission.NONE
    with pytest.raises(MergeportError):
        forge.permission_of(Repository("acme/nowhere"), "nobody-of-that-name")


def test_permission_that_we_may_not_read_is_an_error(github: GitHubDouble) -> None:
    github.grant(REPO, "octocat", "admin")
    github.add_token("ghp_little", permissions={"metadata": "read"})
    little = GitHub(TokenLogin("ghp_little"), api_url=github.api_url, git_url=github.git.url)
    with pytest.raises(MergeportError) as caught:
        little.permission_of(REPO, "octocat")
    assert "Must have push access" in str(caught.value)


def test_permission_for_pull_requests_is_enough_for_their_comments(github: GitHubDouble) -> None:
    github.push(REPO, "feature", {"a": "1"})
    number = github.open_pull(REPO, "feature", "main").number
    github.add_token("ghp_enough", permissions={"pull_requests": "write"})
    enough = GitHub(TokenLogin("ghp_enough"), api_url=github.api_url, git_url=github.git.url)
    made = enough.tell(REPO, number, "<!-- ours --> one", mark="<!-- ours -->")
    assert enough.tell(REPO, number, "<!-- ours --> two", mark="<!-- ours -->") == made
    assert [one.body for one in github.comments(REPO, number)] == ["<!-- ours --> two"]


def test_comment_that_answers_404_once_is_found_and_not_written_again(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    made = forge.tell(REPO, number, "<!-- ours --> one", mark="<!-- ours -->")
    github.faults.answer("404 Not Found", body=b'{"message": "Not Found"}', method="PATCH", path="/issues/comments/")
    assert forge.tell(REPO, number, "<!-- ours --> two", mark="<!-- ours -->", comment=made) == made


def test_our_comment_is_found_behind_a_page_of_others(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    for count in range(100):
        github.comment(REPO, number, f"comment {count}")
    made = forge.tell(REPO, number, "<!-- ours --> one", mark="<!-- ours -->")
    assert forge.tell(REPO, number, "<!-- ours --> two", mark="<!-- ours -->") == made


def test_former_head_is_the_one_before_that_second(github: GitHubDouble, forge: GitHub) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    first, second = (github.push(REPO, "feature", {"a": text}) for text in ("1", "2"))
    moves = github.repository(REPO).activity
    moves[-2].timestamp, moves[-1].timestamp = (f"{at + timedelta(minutes=one):%Y-%m-%dT%H:%M:%SZ}" for one in (0, 5))
    assert [
        forge.head_at(REPO, "feature", at + timedelta(minutes=one)) for one in (0, 1, 5, 6)
    ] == [None, first, first, second]  # fmt: skip
    assert forge.head_at(REPO, "never", at) is None
