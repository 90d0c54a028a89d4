"""Merges on the GitHub double make the commits and send the events that GitHub does."""

from __future__ import annotations

import pytest

from devstack.bare import BareRepository
from devstack.github import Sending
from devstack.github.refusal import RefusalError
from devstack.github.state import MergeMethod
from devstack.stack import Devstack

REPOSITORY = "acme/checkout"


@pytest.fixture
def bare(stack: Devstack) -> BareRepository:
    files = {"app.py": "one\n", "docs/readme.md": "hello\n"}
    return stack.create_repository(REPOSITORY, files, branches=["develop"]).bare


def _parents(bare: BareRepository, sha: str) -> int:
    return len(bare.commit(sha).parents)


def test_squash_makes_one_commit_named_after_the_pull_request(stack: Devstack, bare: BareRepository) -> None:
    before = bare.tip("develop")
    pull = stack.github.merge(REPOSITORY, "develop", {"app.py": "two\n"}, title="Add tea", author="ada", by="grace")
    commit = bare.commit(bare.tip("develop"))
    assert commit.sha == pull.merge_commit_sha
    assert commit.parents == (before,)
    assert commit.message == f"Add tea (#{pull.number})"
    assert (commit.author.name, commit.committer.name) == ("ada", "GitHub")
    assert bare.text("develop", "app.py") == "two\n"


def test_squash_of_several_commits_lists_them(stack: Devstack, bare: BareRepository) -> None:
    pull = stack.github.merge(REPOSITORY, "develop", {"app.py": "two\n"}, title="Add tea", commits=3)
    assert bare.commit("develop").message == f"Add tea (#{pull.number})\n\n* Add tea\n\n* Note 1\n\n* Note 2"


def test_merge_commit_has_both_parents(stack: Devstack, bare: BareRepository) -> None:
    before = bare.tip("develop")
    pull = stack.github.merge(REPOSITORY, "develop", {"app.py": "two\n"}, title="Add tea", method="merge")
    commit = bare.commit("develop")
    assert commit.parents == (before, pull.head_sha)
    assert commit.message == f"Merge pull request #{pull.number} from acme/{pull.head}\n\nAdd tea"


def test_rebase_recommits_each_commit_with_a_new_committer(stack: Devstack, bare: BareRepository) -> None:
    base = bare.tip("develop")
    stack.github.push(REPOSITORY, "tea", {"app.py": "two\n"}, "First", author="ada")
    stack.github.push(REPOSITORY, "tea", {"docs/readme.md": "bye\n"}, "Second", author="ada")
    elsewhere = stack.github.push(REPOSITORY, "develop", {"other.txt": "x"}, "Between")
    pull = stack.github.open_pull(REPOSITORY, "tea", "develop", author="ada")
    stack.github.merge_pull(REPOSITORY, pull.number, method="rebase", by="grace")
    commits = bare.log("develop", without=[base])[::-1]
    assert [(one.message, one.author.name, one.committer.name) for one in commits[1:]] == [
        ("First", "ada", "grace"),
        ("Second", "ada", "grace"),
    ]
    assert commits[1].parents == (elsewhere,)
    assert pull.head_sha not in {one.sha for one in commits}
    assert bare.files("develop") == ["app.py", "docs/readme.md", "other.txt"]


@pytest.mark.parametrize("method", ["merge", "squash", "rebase"])
def test_conflict_is_refused_and_moves_nothing(stack: Devstack, bare: BareRepository, method: MergeMethod) -> None:
    stack.github.push(REPOSITORY, "tea", {"app.py": "tea\n"})
    before = stack.github.push(REPOSITORY, "develop", {"app.py": "coffee\n"})
    pull = stack.github.open_pull(REPOSITORY, "tea", "develop")
    assert pull.mergeable is False
    with pytest.raises(RefusalError, match="405"):
        stack.github.merge_pull(REPOSITORY, pull.number, method=method)
    assert bare.tip("develop") == before


def test_open_pull_request_has_a_test_merge_that_is_not_on_the_branch(stack: Devstack, bare: BareRepository) -> None:
    stack.github.push(REPOSITORY, "tea", {"app.py": "tea\n"})
    pull = stack.github.open_pull(REPOSITORY, "tea", "develop")
    assert pull.merge_commit_sha is not None
    assert _parents(bare, pull.merge_commit_sha) == 2
    assert not bare.is_ancestor(pull.merge_commit_sha, "develop")


def test_head_pushed_to_the_base_counts_as_merged(stack: Devstack, bare: BareRepository) -> None:
    tip = stack.github.push(REPOSITORY, "tea", {"app.py": "tea\n"})
    bare.update_ref("refs/heads/tea", tip)
    pull = stack.github.open_pull(REPOSITORY, "tea", "main")
    stack.github.force_push(REPOSITORY, "main", tip)
    assert (pull.merged, pull.merge_commit_sha) == (True, tip)


def test_deleted_head_closes_the_pull_request(stack: Devstack, bare: BareRepository) -> None:
    stack.github.push(REPOSITORY, "tea", {"app.py": "tea\n"})
    pull = stack.github.open_pull(REPOSITORY, "tea", "develop")
    stack.github.delete_branch(REPOSITORY, "tea")
    assert (pull.state, pull.merged) == ("closed", False)


def test_second_pull_request_of_a_branch_is_refused(stack: Devstack, bare: BareRepository) -> None:
    stack.github.push(REPOSITORY, "tea", {"app.py": "tea\n"})
    stack.github.open_pull(REPOSITORY, "tea", "develop")
    with pytest.raises(RefusalError) as caught:
        stack.github.open_pull(REPOSITORY, "tea", "develop")
    assert caught.value.errors is not None
    assert caught.value.errors[0]["message"] == "A pull request already exists for acme:tea."


@pytest.mark.parametrize(
    ("sending", "events"),
    [
        (Sending(), ["push", "pull_request"]),
        (Sending("pull-request-first"), ["pull_request", "push"]),
        (Sending(twice=("push",)), ["push", "push", "pull_request"]),
    ],
)
def test_events_of_a_merge_come_in_the_order_that_is_set(
    stack: Devstack, bare: BareRepository, sending: Sending, events: list[str]
) -> None:
    stack.github.add_hook(REPOSITORY, stack.git.url, None)
    pull = stack.github.merge(REPOSITORY, "develop", {"app.py": "two\n"}, sending=sending)
    last = stack.github.deliveries[-len(events) :]
    assert [delivery.event for delivery in last] == events
    assert len({delivery.guid for delivery in last}) == 2
    assert pull.merged
