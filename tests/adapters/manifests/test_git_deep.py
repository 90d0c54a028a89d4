"""A history of 30,000 commits: what is behind a tip is found, and what that costs is bounded."""

from __future__ import annotations

import pytest

from service.adapters.git.driver import Git
from service.core.words import Sha
from tests.adapters.git.served import Served

LENGTH = 30_000
COMMITS_ALONE = 8 * 1024 * 1024
"""The most bytes that so many commits may take, with their index."""
OLD = "x" * 900_000


@pytest.fixture
def first(served: Served) -> Sha:
    """Make `main` 30,000 commits long, the first of them with a large file; give that commit."""
    person = "committer P <p@example.invalid> 1 +0000\ndata 4\nmore\n"
    begin = f"commit refs/heads/main\nmark :1\n{person}from {served.repository.tip('main')}\n"
    stream = [f"reset refs/heads/main\n{begin}M 100644 inline old\ndata {len(OLD)}\n{OLD}\nget-mark :1\n"]
    stream += [f"commit refs/heads/main\n{person}D old\n"]
    stream += [f"commit refs/heads/main\n{person}\n"] * (LENGTH - 2)
    return Sha(served.repository.git("fast-import", "--quiet", data="".join(stream).encode()))


def size(served: Served) -> int:
    return sum(file.stat().st_size for file in served.mirror().rglob("*") if file.is_file())


def test_a_commit_at_the_far_end_of_a_long_history_is_found_by_commits_alone(served: Served, first: Sha) -> None:
    manifests = served.manifests(timeout=60)
    tip = manifests.fetch("main")
    assert tip
    shallow = size(served)
    assert manifests.ancestors(tip, {first}) == {first}
    file = served.repository.git("rev-parse", f"{first}:old")
    assert not Git(served.mirror()).run("cat-file", "-e", file).ok
    assert shallow < COMMITS_ALONE // 50
    assert size(served) < COMMITS_ALONE


def test_a_branch_that_was_forced_far_back_costs_a_long_history_once(served: Served, first: Sha) -> None:
    manifests = served.manifests(timeout=60)
    tip = manifests.fetch("main")
    assert tip
    served.repository.update_ref("refs/heads/main", served.repository.git("rev-parse", f"{tip}~20000"))
    back = manifests.fetch("main")
    assert back
    assert manifests.ancestors(back, {tip, first}) == {first}
    downloads = len(served.downloads())
    assert manifests.ancestors(back, {tip}) == frozenset()
    assert len(served.downloads()) == downloads <= 8
    assert size(served) < COMMITS_ALONE
