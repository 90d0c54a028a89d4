"""Git itself lists the changes between two commits, however many, and whatever the shape of the history."""

from __future__ import annotations

import pytest

from service.adapters.source_trees import GitSourceTrees
from service.core.words import Repository, Sha
from service.errors import PermanentError
from tests.adapters.git.served import NAME, Served


@pytest.fixture
def trees(served: Served) -> GitSourceTrees:
    return GitSourceTrees(served.directory / "sources", served.url, served.credentials)


def changed(trees: GitSourceTrees, before: str, after: str) -> frozenset[str] | None:
    return trees.changed_paths(Repository(NAME), Sha(before), Sha(after))


def test_each_of_very_many_files_is_told(served: Served, trees: GitSourceTrees) -> None:
    before = served.repository.tip("main")
    files = {f"made/{number}.txt": f"{number}\n" for number in range(2_000)}
    after = served.repository.commit_files("main", files)
    assert changed(trees, before, after) == frozenset(files)
    assert changed(trees, after, before) == frozenset(files)


def test_rename_is_told_by_both_names_and_odd_names_as_they_are(served: Served, trees: GitSourceTrees) -> None:
    before = served.repository.commit_files("main", {"old": "same\n" * 50})
    after = served.repository.commit_files("main", {"old": None, "new": "same\n" * 50, 'dir/ü "b"\tc': "x"})
    assert changed(trees, before, after) == frozenset({"old", "new", 'dir/ü "b"\tc'})


def test_what_a_force_push_lost_is_told(served: Served, trees: GitSourceTrees) -> None:
    base = served.repository.tip("main")
    lost = served.repository.commit_files("main", {"lost": "1"})
    came = served.repository.commit_files("aside", {"came": "1"}, start=base)
    assert changed(trees, lost, came) == frozenset({"lost", "came"})


def test_same_files_are_no_change(served: Served, trees: GitSourceTrees) -> None:
    one = served.repository.tip("main")
    assert changed(trees, one, one) == frozenset()


def test_commit_that_is_gone_is_not_compared_with(served: Served, trees: GitSourceTrees) -> None:
    assert changed(trees, "1" * 40, served.repository.tip("main")) is None


def test_what_is_no_commit_is_refused(served: Served, trees: GitSourceTrees) -> None:
    with pytest.raises(PermanentError):
        changed(trees, "--output=/tmp/x", served.repository.tip("main"))


def test_no_file_is_brought(served: Served, trees: GitSourceTrees) -> None:
    before = served.repository.tip("main")
    after = served.repository.commit_files("main", {"large": "x" * 2_000_000})
    changed(trees, before, after)
    packs = (served.directory / "sources").rglob("*.pack")
    assert sum(pack.stat().st_size for pack in packs) < 20_000


def test_spoiled_mirror_is_made_anew(served: Served, trees: GitSourceTrees) -> None:
    before = served.repository.tip("main")
    after = served.repository.commit_files("main", {"a": "1"})
    changed(trees, before, after)
    for pack in (served.directory / "sources").rglob("*.pack"):
        pack.chmod(0o644)
        pack.write_bytes(b"spoiled")
    assert changed(trees, before, after) == frozenset({"a"})
