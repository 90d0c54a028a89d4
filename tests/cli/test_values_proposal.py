"""`mergeport values commit --pull-request` on the GitHub double: one branch, one pull request, nobody's work lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from devstack.bare import BareRepository
from devstack.git_http import GitServer
from devstack.github.server import GitHub
from devstack.github.state import Pull
from tests.cli.calling import Call, Called
from tests.cli.committing import TOKEN, VALUES, A, call
from tests.fixtures.github_openapi import GitHubDescription

__all__ = ["call"]

NAME = "acme/manifests"
HEAD = "bump/a"


@dataclass
class World:
    """A GitHub with one repository, and the command."""

    github: GitHub
    call: Call

    @property
    def repository(self) -> BareRepository:
        return self.github.repository(NAME).bare

    def propose(self, *words: str, head: str = HEAD) -> Called:
        address = ("--repo", f"{self.github.url}/{NAME}.git", "--branch", "main")
        extra = ("--pull-request", *(("--head", head) if head else ()))
        return self.call("values", "commit", *address, *extra, A, *words)

    def pulls(self, state: str = "all") -> list[Pull]:
        return self.github.pulls(NAME, state)


@pytest.fixture
def world(
    tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch, github_description: GitHubDescription
) -> Iterator[World]:
    git = GitServer(tmp_path / "git")
    github = GitHub(git, validator=github_description)
    github.add_token(TOKEN)
    github.create_repository(NAME, {A: VALUES})
    monkeypatch.setenv("MERGEPORT_GIT_TOKEN", TOKEN)
    yield World(github, call)
    github.stop()
    git.stop()
    assert github.violations == []


def test_a_pull_request_is_opened_and_the_base_stays(world: World) -> None:
    before = world.repository.tip("main")
    told = world.propose("image.tag=v2")
    assert told.status == 0, told.err
    (pull,) = world.pulls()
    assert (pull.base, pull.head, pull.title) == ("main", HEAD, f"Set image.tag to v2 in {A}")
    assert pull.body == f"- `{A}`: `image.tag v1 -> v2`\n"
    assert world.repository.tip("main") == before
    assert "tag: v2  # ours" in world.repository.text(HEAD, A)
    assert f"pull request #{pull.number}: " in told.out


def test_the_same_call_again_changes_nothing(world: World) -> None:
    world.propose("image.tag=v2")
    tip = world.repository.tip(HEAD)
    told = world.propose("image.tag=v2")
    assert (told.status, len(world.pulls()), world.repository.tip(HEAD)) == (0, 1, tip)
    assert "nothing to push" in told.out


def test_a_newer_value_comes_to_the_same_pull_request(world: World) -> None:
    world.propose("image.tag=v2", head="")
    told = world.propose("image.tag=v3", head="")
    assert told.status == 0, told.err
    (pull,) = world.pulls()
    assert pull.head.startswith("mergeport/values/")
    assert (pull.title, pull.body) == (f"Set image.tag to v3 in {A}", f"- `{A}`: `image.tag v1 -> v3`\n")
    assert "tag: v3" in world.repository.text(pull.head, A)


def test_what_a_person_added_to_the_pull_request_stays(world: World) -> None:
    world.propose("image.tag=v2")
    persons = world.github.push(NAME, HEAD, {"notes.md": "mine\n"})
    assert world.propose("image.tag=v3").status == 0
    assert world.repository.commit(HEAD).parents == (persons,)
    assert world.repository.text(HEAD, "notes.md") == "mine\n"


@pytest.mark.parametrize("method", ["merge", "squash"])
def test_a_merged_pull_requests_branch_begins_anew(world: World, method: str) -> None:
    world.propose("image.tag=v2")
    world.github.merge_pull(NAME, world.pulls()[0].number, method=method)  # type: ignore[arg-type] # one of its words
    base = world.repository.tip("main")
    told = world.propose("image.tag=v3")
    assert told.status == 0, told.err
    assert world.repository.commit(HEAD).parents == (base,)
    assert [pull.state for pull in world.pulls()] == ["closed", "open"]


def test_a_closed_pull_requests_branch_begins_anew(world: World) -> None:
    world.propose("image.tag=v2")
    world.github.close_pull(NAME, world.pulls()[0].number)
    assert world.propose("image.tag=v3").status == 0
    assert world.repository.commit(HEAD).parents == (world.repository.tip("main"),)
    assert [pull.state for pull in world.pulls()] == ["closed", "open"]


def test_a_branch_without_a_pull_request_is_built_on_and_not_overwritten(world: World) -> None:
    world.repository.update_ref(f"refs/heads/{HEAD}", world.repository.tip("main"))
    persons = world.github.push(NAME, HEAD, {"notes.md": "mine\n"})
    assert world.propose("image.tag=v2").status == 0
    assert world.repository.commit(HEAD).parents == (persons,)
    assert len(world.pulls("open")) == 1


def test_what_the_base_says_already_needs_no_pull_request(world: World) -> None:
    told = world.propose("image.tag=v1")
    assert (told.status, world.pulls(), list(world.repository.branches())) == (0, [], ["main"])
    assert "nothing to change: main has these values already" in told.out


def test_json_names_the_pull_request(world: World) -> None:
    told = world.propose("image.tag=v2", "--json")
    (pull,) = world.pulls()
    assert told.json["pull_request"]["number"] == pull.number
    assert told.json["pull_request"]["url"].endswith(f"/{NAME}/pull/{pull.number}")
    assert (told.json["branch"], told.json["commit"]) == (HEAD, world.repository.tip(HEAD))


def test_without_a_token_it_says_which(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MERGEPORT_GIT_TOKEN")
    told = world.propose("image.tag=v2")
    assert told.status == 1
    assert "MERGEPORT_GIT_TOKEN" in told.err


def test_an_address_without_owner_and_name_is_a_wrong_usage(world: World) -> None:
    told = world.call(
        "values", "commit", "--repo", "https://h/a", "--branch", "main", "--pull-request", A, "image.tag=v2"
    )
    assert told.status == 2
