"""GitHub lags, moves and refuses things: what is asked again, what is followed, and what is reported."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from devstack.faults import Answer, Fault
from devstack.github.server import Forbidden
from devstack.github.server import GitHub as GitHubDouble
from service.adapters.forges.github import AppLogin, GitHub
from service.core.order import Relation
from service.core.words import Sha
from service.errors import DoubtfulError, RetryableError
from service.ports import PullRequestDraft
from tests.adapters.forges.test_github_contract import HEAD, REPO, TOKEN, app, forge, github, private_key, promote, tip

__all__ = ["app", "forge", "github", "private_key"]

DRAFT = PullRequestDraft(head=HEAD, base="main", title="Promote", body="b")


# GitHub has not heard of it yet


@pytest.mark.parametrize(
    ("path", "ask", "right"),
    [
        ("/git/ref/", lambda forge, _: forge.head(REPO, "main"), lambda tip: tip),
        ("/contents/", lambda forge, tip: forge.file_at(REPO, "a.txt", tip) is not None, lambda _: True),
        ("/git/commits/", lambda forge, tip: forge.commit_time(REPO, tip) is not None, lambda _: True),
        ("/compare/", lambda forge, tip: forge.relation(REPO, Sha("0" * 40), tip), lambda _: Relation.GONE),
    ],
)
def test_what_one_replica_does_not_have_yet_is_asked_for_again(
    github: GitHubDouble,
    forge: GitHub,
    path: str,
    ask: Callable[[GitHub, Sha], object],
    right: Callable[[Sha], object],
) -> None:
    github.faults.lag(path=path)
    assert ask(forge, tip(github)) == right(tip(github))


def test_file_of_a_commit_that_github_does_not_know_yet_is_not_missing(github: GitHubDouble, forge: GitHub) -> None:
    github.faults.lag(path="/contents/|/git/commits/", times=2)
    with pytest.raises(DoubtfulError):
        forge.file_at(REPO, "a.txt", tip(github))


def test_pull_request_that_was_just_made_may_be_asked_for_again(github: GitHubDouble, forge: GitHub) -> None:
    promote(github)
    number = forge.open_pull_request(REPO, DRAFT).number
    github.faults.lag(path=f"/pulls/{number}$")
    with pytest.raises(RetryableError):
        forge.pull_request(REPO, number)
    assert forge.pull_request(REPO, number).open


def test_branch_that_github_does_not_see_yet_may_be_proposed_again(github: GitHubDouble, forge: GitHub) -> None:
    with pytest.raises(RetryableError) as caught:
        forge.open_pull_request(REPO, DRAFT)
    assert "head" in caught.value.message
    promote(github)
    assert forge.open_pull_request(REPO, DRAFT).open


def test_token_that_was_revoked_is_made_anew_for_a_write(github: GitHubDouble, app: GitHub) -> None:
    promote(github)
    app.head(REPO, "main")
    github.revoke_tokens()
    assert app.open_pull_request(REPO, DRAFT).open


def test_token_that_git_was_refused_is_not_given_again(github: GitHubDouble, app: GitHub) -> None:
    old = app.git_credentials(REPO, write=True)
    app.forget_git_credentials(REPO)
    new = app.git_credentials(REPO, write=True)
    assert new is not None
    assert old is not None
    assert new.secret != old.secret


def test_token_that_is_refused_again_and_again_may_be_tried_later(github: GitHubDouble, app: GitHub) -> None:
    github.faults.answer("401 Unauthorized", path="/git/ref/", times=2, body=b'{"message": "Bad credentials"}')
    with pytest.raises(DoubtfulError):
        app.head(REPO, "main")
    assert app.head(REPO, "main") == tip(github)


def test_installation_that_is_not_seen_once_may_be_tried_later(github: GitHubDouble, app: GitHub) -> None:
    github.faults.lag(path="/installation$")
    with pytest.raises(DoubtfulError):
        app.head(REPO, "main")
    assert app.head(REPO, "main") == tip(github)


# what is not GitHub's answer


@pytest.mark.parametrize("status", ["200 OK", "401 Unauthorized", "404 Not Found", "403 Forbidden"])
def test_page_in_place_of_an_answer_may_be_gone_later(github: GitHubDouble, forge: GitHub, status: str) -> None:
    github.faults.page(path="/git/ref/", status=status)
    with pytest.raises(RetryableError) as caught:
        forge.head(REPO, "main")
    assert not isinstance(caught.value, DoubtfulError)
    assert forge.head(REPO, "main") == tip(github)


@pytest.mark.parametrize("to", ["https://maintenance.example.com/", "http://127.0.0.1:9/api/v3/x", "/elsewhere"])
def test_token_is_not_taken_to_another_address(github: GitHubDouble, forge: GitHub, to: str) -> None:
    github.faults.send_away(to, path="/git/ref/")
    with pytest.raises(RetryableError) as caught:
        forge.head(REPO, "main")
    assert caught.value.code == "github-redirected"
    assert forge.head(REPO, "main") == tip(github)


def test_circle_of_redirects_ends(github: GitHubDouble, forge: GitHub) -> None:
    github.faults.send_away(f"{github.api_url}/repos/{REPO}/git/ref/heads/main", path="/git/ref/", times=50)
    with pytest.raises(RetryableError) as caught:
        forge.head(REPO, "main")
    assert caught.value.code == "github-redirected"


@pytest.mark.parametrize("status", ["301 Moved Permanently", "302 Found", "307 Temporary", "308 Permanent"])
def test_redirect_is_followed_with_its_question(github: GitHubDouble, forge: GitHub, status: str) -> None:
    there = f"{github.api_url}/repos/{REPO}/contents/a.txt?ref={tip(github)}"
    answer = Answer(status, (("Location", there),))
    github.faults.plant(Fault("GET", re.compile("/contents/"), 1, answer=answer))
    forge.file_at(REPO, "a.txt", tip(github))
    assert github.faults.requests("GET", "/contents/")[-1].query == f"ref={tip(github)}"


# doors that no permission opens


@pytest.mark.parametrize(
    ("kind", "code", "word"),
    [
        ("address", "github-address-refused", "IP allow list"),
        ("saml", "github-sign-on-missing", "single sign-on"),
        ("archived", "github-repository-archived", "unarchive"),
        ("suspended", "github-app-suspended", "unsuspend"),
    ],
)
def test_closed_door_is_told_by_what_closes_it(
    github: GitHubDouble, forge: GitHub, kind: Forbidden, code: str, word: str
) -> None:
    github.forbid(kind, path="/pulls")
    with pytest.raises(DoubtfulError) as caught:
        forge.open_pull_request(REPO, DRAFT)
    assert caught.value.code == code
    assert word in caught.value.hint
    assert "pull requests: write" not in str(caught.value)


def test_app_that_is_suspended_says_so(github: GitHubDouble, private_key: str) -> None:
    github.install_app(4711, "acme")
    github.forbid("suspended", path="/access_tokens")
    with pytest.raises(DoubtfulError) as caught:
        GitHub(AppLogin("4711", private_key), api_url=github.api_url).head(REPO, "main")
    assert caught.value.code == "github-app-suspended"


def test_token_shows_in_no_error(github: GitHubDouble, forge: GitHub) -> None:
    github.faults.send_away("https://elsewhere.example.com/", path="/git/ref/")
    with pytest.raises(RetryableError) as caught:
        forge.head(REPO, "main")
    assert TOKEN not in f"{caught.value} {caught.value.fields}"
