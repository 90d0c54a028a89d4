"""How we are set up, read from the GitHub double: permissions, web hooks, rules of branches, the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from devstack.github.server import GitHub as GitHubDouble
from service.adapters.forges.github import GitHub, TokenLogin
from service.core.words import Repository
from service.errors import DoubtfulError, RetryableError
from service.ports.forge_setup import Access, BranchRules
from tests.adapters.forges.test_github_contract import REPO, TOKEN, app, forge, github, private_key

__all__ = ["app", "forge", "github", "private_key"]

ADDRESS = "http://127.0.0.1:9/webhooks/github"


def test_access_of_an_app_is_that_of_its_installation(github: GitHubDouble, app: GitHub) -> None:
    (installation,) = github.state.installations.values()
    installation.permissions = {"contents": "write", "statuses": "write"}
    installation.events, installation.suspended = ("push", "status"), True
    assert app.access(REPO) == Access(
        can_push=True, permissions={"contents": "write", "statuses": "write"}, events=frozenset({"push", "status"}),
        suspended=True,
    )  # fmt: skip


def test_access_where_the_app_is_not_installed_is_an_error(app: GitHub) -> None:
    with pytest.raises(DoubtfulError):
        app.access(Repository("stranger/secret"))


def test_access_of_a_token_tells_only_whether_it_may_push(forge: GitHub) -> None:
    assert forge.access(REPO) == Access(can_push=True)


def test_hooks_of_a_repository_are_read_with_what_was_answered(github: GitHubDouble, forge: GitHub) -> None:
    github.add_hook(REPO, ADDRESS, "secret-of-the-hook")
    github.push(REPO, "main", {"a.txt": "b\n"})
    github.wait_delivered()
    (hook,) = forge.hooks(REPO) or ()
    assert (hook.of, hook.address, hook.is_json, hook.active) == (REPO, ADDRESS, True, True)
    assert [(one.event, one.status) for one in hook.attempts] == [("push", 0), ("ping", 0)]
    assert hook.attempts[0].words == "failed to connect to host"


def test_hooks_that_we_may_not_read_are_none(github: GitHubDouble) -> None:
    github.add_token("ghp_narrow", permissions={"metadata": "read", "contents": "write"})
    assert GitHub(TokenLogin("ghp_narrow"), api_url=github.api_url).hooks(REPO) is None


def test_hooks_that_github_does_not_tell_now_are_no_missing_right(github: GitHubDouble, forge: GitHub) -> None:
    github.faults.answer("503 Service Unavailable", path="/hooks$", times=9)
    with pytest.raises(RetryableError):
        forge.hooks(REPO)


def test_hook_of_the_app_comes_before_those_of_repositories(github: GitHubDouble, app: GitHub) -> None:
    github.add_hook(REPO, ADDRESS, "secret-of-the-hook")
    github.state.app_hook = next(iter(github.repository(REPO).hooks.values()))
    github.wait_delivered()
    (hook,) = app.hooks(REPO) or ()
    assert (hook.of, hook.address, hook.events) == ("the App", ADDRESS, None)
    assert [one.event for one in hook.attempts] == ["ping"]


def test_app_without_a_hook_has_those_of_repositories(github: GitHubDouble, app: GitHub) -> None:
    github.add_hook(REPO, ADDRESS, "secret-of-the-hook")
    assert [hook.of for hook in app.hooks(REPO) or ()] == [REPO]


def test_rules_of_rulesets_are_read_and_of_classic_protection_its_checks(github: GitHubDouble, forge: GitHub) -> None:
    repository = github.repository(REPO)
    assert forge.rules(REPO, "main") == BranchRules()
    repository.rules["main"] = ("pull_request", "required_signatures")
    repository.required["main"] = ("mergeport/gate/soak",)
    assert forge.rules(REPO, "main") == BranchRules(
        pull_request=True, signatures=True, checks=frozenset({"mergeport/gate/soak"})
    )
    repository.rules.clear()
    repository.classic, repository.queues["main"] = frozenset({"main"}), []
    assert forge.rules(REPO, "main") == BranchRules(queue=True, checks=frozenset({"mergeport/gate/soak"}), whole=False)


def test_clock_of_github_is_compared_whatever_it_answers(github: GitHubDouble) -> None:
    late = GitHub(TokenLogin("ghp_wrong"), api_url=github.api_url, now=lambda: datetime.now(UTC) - timedelta(minutes=9))
    assert timedelta(minutes=8, seconds=55) < late.ahead() < timedelta(minutes=9, seconds=5)
    assert TOKEN != "ghp_wrong"
