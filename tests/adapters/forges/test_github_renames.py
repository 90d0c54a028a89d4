"""A repository is renamed, or goes to another owner: everything goes on under the old name."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from devstack.github.server import GitHub as GitHubDouble
from service.adapters.forges.github import AppLogin, GitHub, TokenLogin
from service.ports import CommitState, CommitStatus, PullRequestDraft
from tests.adapters.forges.test_github_contract import HEAD, REPO, TOKEN, app, github, private_key, promote, tip

__all__ = ["app", "github", "private_key"]

DRAFT = PullRequestDraft(head=HEAD, base="main", title="Promote", body="b", labels=("release",))
NEW_NAMES = ["acme/deployments", "umbrella/manifests", "umbrella/deployments"]


@pytest.fixture(params=["token", "app"])
def either(request: pytest.FixtureRequest, github: GitHubDouble, private_key: str) -> GitHub:
    """Give GitHub with a token, and with an App that is installed for both owners and whose tokens are not new."""
    for owner in ("acme", "umbrella"):
        github.install_app(4711, owner)
    login = TokenLogin(TOKEN) if request.param == "token" else AppLogin("4711", private_key)
    late = timedelta(minutes=2)
    return GitHub(login, api_url=github.api_url, git_url=github.git.url, now=lambda: datetime.now(UTC) + late)


READS: dict[str, Callable[[GitHub, str], object]] = {
    "default_branch": lambda forge, _: forge.default_branch(REPO),
    "head": lambda forge, _: forge.head(REPO, "main"),
    "file_at": lambda forge, tip: forge.file_at(REPO, "a.txt", tip),
    "commit_time": lambda forge, tip: forge.commit_time(REPO, tip),  # type: ignore[arg-type] # a tip is a Sha
    "pull_requests_of": lambda forge, tip: forge.pull_requests_of(REPO, tip),  # type: ignore[arg-type] # a tip is a Sha
}


@pytest.mark.parametrize("new", NEW_NAMES)
@pytest.mark.parametrize("read", READS)
def test_reads_go_on(github: GitHubDouble, either: GitHub, new: str, read: str) -> None:
    before = READS[read](either, tip(github))
    there = tip(github)
    github.rename(REPO, new)
    assert READS[read](either, there) == before


@pytest.mark.parametrize("new", NEW_NAMES)
def test_pull_request_is_opened_found_and_updated(github: GitHubDouble, either: GitHub, new: str) -> None:
    promote(github)
    github.rename(REPO, new)
    opened = either.open_pull_request(REPO, DRAFT)
    found = either.find_pull_request(REPO, head=HEAD, base="main")
    again = either.open_pull_request(REPO, DRAFT)
    assert found is not None
    assert (found.number, again.number) == (opened.number, opened.number)
    assert [pull.labels for pull in github.pulls(new, "open")] == [["release"]]


@pytest.mark.parametrize("new", NEW_NAMES)
def test_status_is_put_on_the_commit(github: GitHubDouble, either: GitHub, new: str) -> None:
    commit = tip(github)
    github.rename(REPO, new)
    either.set_commit_status(REPO, commit, CommitStatus("mergeport/dev", CommitState.SUCCESS, "live"))
    assert [one.context for one in github.statuses(new, commit)] == ["mergeport/dev"]


@pytest.mark.parametrize("new", NEW_NAMES)
def test_app_makes_a_git_token_for_the_renamed_one_alone(github: GitHubDouble, app: GitHub, new: str) -> None:
    github.install_app(4711, "umbrella")
    github.rename(REPO, new)
    credentials = app.git_credentials(REPO, write=True)
    assert credentials is not None
    assert github.git.tokens[credentials.secret].repositories == frozenset({new})
