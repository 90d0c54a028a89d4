"""Manifest repositories over git: a branch's tip, its ancestors, and diffs."""

from __future__ import annotations

import pytest

from service.core.words import Repository, Sha
from service.errors import PermanentError
from tests.adapters.git.served import NAME, Served

BEYOND_THE_DEPTH = 130


def test_fetch_gives_the_tip_of_the_branch(served: Served) -> None:
    assert served.manifests().fetch("main") == served.repository.tip("main")


def test_fetch_of_a_branch_that_is_not_there_is_none(served: Served) -> None:
    assert served.manifests().fetch("release/1.0") is None


def test_fetch_does_not_take_a_longer_name_for_the_branch(served: Served) -> None:
    served.repository.update_ref("refs/tags/refs/heads/x", served.repository.tip("main"))
    assert served.manifests().fetch("x") is None


def test_fetch_in_an_empty_repository_is_none(served: Served) -> None:
    served.server.create("acme/empty")
    assert served.repositories().open(Repository("acme/empty")).fetch("main") is None


def test_an_empty_repository_that_got_its_first_commit_is_fetched(served: Served) -> None:
    empty = served.server.create("acme/empty", "master")
    manifests = served.repositories().open(Repository("acme/empty"))
    manifests.fetch("master")
    tip = empty.commit_files("master", {"a": "1"})
    assert manifests.fetch("master") == tip


def test_fetch_follows_a_branch_that_moved_on(served: Served) -> None:
    manifests = served.manifests()
    manifests.fetch("main")
    tip = served.repository.commit_files("main", {"apps/a/values.yaml": "tag: three\n"})
    assert manifests.fetch("main") == tip
    assert manifests.read(Sha(tip), "apps/a/values.yaml") == b"tag: three\n"


def test_fetch_follows_a_force_push(served: Served) -> None:
    first = served.repository.tip("main")
    served.repository.commit_files("main", {"apps/a/values.yaml": "tag: removed\n"})
    manifests = served.manifests()
    manifests.fetch("main")
    served.repository.update_ref("refs/heads/main", first)
    assert manifests.fetch("main") == first


def test_fetch_after_the_branch_was_deleted_is_none(served: Served) -> None:
    served.repository.update_ref("refs/heads/old", served.repository.tip("main"))
    manifests = served.manifests()
    manifests.fetch("old")
    served.repository.delete_ref("refs/heads/old")
    assert manifests.fetch("old") is None


def test_a_branch_may_take_the_place_of_a_folder_of_branches(served: Served) -> None:
    tip = served.repository.tip("main")
    manifests = served.manifests()
    served.repository.update_ref("refs/heads/promotion/prod", tip)
    manifests.fetch("promotion/prod")
    served.repository.delete_ref("refs/heads/promotion/prod")
    served.repository.update_ref("refs/heads/promotion/prod/a", tip)
    assert manifests.fetch("promotion/prod/a") == tip


def test_fetch_when_nothing_moved_asks_only_for_the_ref(served: Served) -> None:
    manifests = served.manifests()
    manifests.fetch("main")
    before = len(served.downloads())
    manifests.fetch("main")
    assert served.downloads()[before:] == []


def test_fetch_moves_back_behind_the_shallow_boundary_without_bringing_the_history(served: Served) -> None:
    commits = served.history(BEYOND_THE_DEPTH)
    manifests = served.manifests()
    manifests.fetch("main")
    served.repository.update_ref("refs/heads/main", commits[60])
    assert manifests.fetch("main") == commits[60]
    assert len(served.mirror().joinpath("shallow").read_text().split()) == 2


@pytest.mark.parametrize("branch", ["", "-x", "a b", "a..b", "/a", "a/", "a.lock", "x:y", "a\nb", "@{u}", "a//b"])
def test_a_name_that_is_no_branch_is_refused(served: Served, branch: str) -> None:
    with pytest.raises(PermanentError) as caught:
        served.manifests().fetch(branch)
    assert caught.value.code == "branch-name-invalid"


@pytest.mark.parametrize("branch", ["feature/x", "a-b", "ä/ö", "v1.0", "a@b", "%2F", "x'y\"z$(id)"])
def test_unusual_branch_names_are_fetched(served: Served, branch: str) -> None:
    served.repository.update_ref(f"refs/heads/{branch}", served.repository.tip("main"))
    assert served.manifests().fetch(branch) == served.repository.tip("main")


@pytest.mark.parametrize("name", ["manifests", "../x/y", "acme/..", ".acme/x", "acme/a b", "a/b/c", ""])
def test_a_name_that_is_no_repository_is_refused(served: Served, name: str) -> None:
    with pytest.raises(PermanentError) as caught:
        served.repositories().open(Repository(name))
    assert caught.value.code == "git-url-refused"


def test_the_same_name_gives_the_same_port(served: Served) -> None:
    repositories = served.repositories()
    assert repositories.open(NAME) is repositories.open(NAME)


# ancestors


def test_ancestors_near_the_tip_need_no_download(served: Served) -> None:
    first = Sha(served.repository.tip("main"))
    served.repository.commit_files("main", {"n": "1"})
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    before = len(served.downloads())
    assert manifests.ancestors(tip, {first, tip}) == {first, tip}
    assert served.downloads()[before:] == []


def test_ancestors_behind_the_shallow_boundary_are_found(served: Served) -> None:
    first = Sha(served.repository.tip("main"))
    served.history(BEYOND_THE_DEPTH)
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    assert manifests.ancestors(tip, {first}) == {first}


def test_a_commit_that_was_force_removed_is_no_ancestor(served: Served) -> None:
    first = served.repository.tip("main")
    removed = Sha(served.repository.commit_files("main", {"n": "removed"}))
    served.repository.update_ref("refs/heads/main", first)
    served.history(BEYOND_THE_DEPTH)
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    assert manifests.ancestors(tip, {removed, Sha(first)}) == {first}


def test_ancestors_through_the_second_parent_of_a_merge_count(served: Served) -> None:
    base = served.repository.tip("main")
    side = Sha(served.repository.commit_files("side", {"s": "1"}, start="main"))
    merge = served.repository.commit_tree(f"{side}^{{tree}}", [base, side], "Merge")
    served.repository.update_ref("refs/heads/main", merge)
    manifests = served.manifests()
    manifests.fetch("main")
    assert manifests.ancestors(Sha(merge), {side}) == {side}


def test_ancestors_of_a_tip_that_was_never_fetched_are_found(served: Served) -> None:
    first = Sha(served.repository.tip("main"))
    tip = Sha(served.repository.commit_files("main", {"n": "1"}))
    assert served.manifests().ancestors(tip, {first}) == {first}


def test_a_tip_that_brings_back_old_files_is_read_after_deepening(served: Served) -> None:
    first = served.repository.tip("main")
    served.history(BEYOND_THE_DEPTH, "apps/a/values.yaml")
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    manifests.ancestors(tip, {Sha(first)})
    revert = served.repository.commit_tree(f"{first}^{{tree}}", [tip], "Bring back the first")
    served.repository.update_ref("refs/heads/main", revert)
    assert manifests.read(manifests.fetch("main") or tip, "apps/a/values.yaml") == b"tag: one\n"


# diff


def test_diff_shows_the_lines_that_changed(served: Served) -> None:
    tip = served.repository.commit_files("main", {"apps/a/values.yaml": "tag: three\n"})
    manifests = served.manifests()
    manifests.fetch("main")
    assert "\n-tag: one\n+tag: three\n" in manifests.diff(Sha(tip))


def test_changed_paths_of_two_branches_are_told_by_a_new_mirror(served: Served) -> None:
    before = Sha(served.repository.tip("main"))
    after = Sha(served.repository.commit_files("main", {"apps/a/values.yaml": "tag: three\n", "new.yaml": "a: 1\n"}))
    assert served.manifests().changed(before, after) == {"apps/a/values.yaml", "new.yaml"}


def test_diff_at_the_shallow_boundary_is_against_the_parent(served: Served) -> None:
    served.history(BEYOND_THE_DEPTH)
    manifests = served.manifests()
    manifests.fetch("main")
    boundary = Sha(served.mirror().joinpath("shallow").read_text().strip())
    assert "apps/a/values.yaml" not in manifests.diff(boundary)


def test_diff_of_the_first_commit_is_all_of_it(served: Served) -> None:
    first = Sha(served.repository.tip("main"))
    manifests = served.manifests()
    manifests.fetch("main")
    assert "+tag: one\n" in manifests.diff(first)
    assert "+tag: two\n" in manifests.diff(first)


def test_diff_of_a_merge_is_against_its_first_parent(served: Served) -> None:
    base = served.repository.tip("main")
    side = served.repository.commit_files("side", {"s": "from the side\n"}, start="main")
    merge = served.repository.commit_tree(f"{side}^{{tree}}", [base, side], "Merge")
    served.repository.update_ref("refs/heads/main", merge)
    manifests = served.manifests()
    manifests.fetch("main")
    assert "+from the side\n" in manifests.diff(Sha(merge))


def test_diff_of_a_commit_far_behind_the_boundary_is_brought(served: Served) -> None:
    commits = served.history(BEYOND_THE_DEPTH)
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    manifests.ancestors(tip, {commits[0]})
    assert "\n-4\n+5\n" in manifests.diff(commits[5])


def test_a_very_long_diff_is_cut(served: Served) -> None:
    tip = served.repository.commit_files("main", {"long.yaml": "line: value\n" * 100_000})
    manifests = served.manifests()
    manifests.fetch("main")
    text = manifests.diff(Sha(tip))
    assert len(text) < 1_001_000
    assert text.endswith("(the rest is left out)\n")
