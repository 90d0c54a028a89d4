"""Manifest repositories over git: commits are exact, repeatable, and made along the edited paths only."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from devstack.bare import Entry
from service.adapters.manifests.git import GitManifests
from service.core.words import Actor, Sha
from service.errors import PermanentError
from tests.adapters.git.served import AT, WRITER, Served

AUTHOR = Actor("Zoë Ünal", "zoe@example.invalid")


def fetched(manifests: GitManifests) -> Sha:
    tip = manifests.fetch("main")
    assert tip is not None
    return tip


def pushed(served: Served, manifests: GitManifests, commit: Sha, parent: Sha) -> Sha:
    assert manifests.push("main", commit, expected=parent)
    served.repository.git("fsck", "--strict", "--no-dangling")
    return commit


def test_the_same_arguments_give_the_same_commit_in_any_mirror(served: Served) -> None:
    one, other = served.manifests("one"), served.manifests("other")
    tip = fetched(one)
    fetched(other)
    assert served.write(one, tip, "apps/a/values.yaml", b"x: 1\n") == served.write(
        other, tip, "apps/a/values.yaml", b"x: 1\n"
    )


def test_several_files_in_several_directories_change_and_nothing_else(served: Served) -> None:
    served.repository.commit_files("main", {"top.yaml": "t: 1\n", "apps/a/deep/er/values.yaml": "d: 1\n", "z": "z"})
    manifests = served.manifests()
    tip = fetched(manifests)
    before = served.repository.git("ls-tree", "-r", tip).splitlines()
    wanted = {"apps/a/values.yaml": b"a: 2\n", "apps/a/deep/er/values.yaml": b"d: 2\n", "top.yaml": b"t: 2\n"}
    commit = manifests.commit(tip, wanted, "Change three", author=WRITER, committer=WRITER, at=AT)
    pushed(served, manifests, commit, tip)
    after = served.repository.git("ls-tree", "-r", commit).splitlines()
    changed = {line.split("\t")[1] for line in set(before) ^ set(after)}
    assert changed == set(wanted)
    assert {path: served.repository.read(commit, path) for path in wanted} == wanted


def test_a_file_keeps_its_executable_bit(served: Served) -> None:
    served.repository.commit_files("main", {"run.yaml": Entry(b"x: 1\n", "100755")})
    manifests = served.manifests()
    tip = fetched(manifests)
    commit = pushed(served, manifests, served.write(manifests, tip, "run.yaml", b"x: 2\n"), tip)
    assert served.repository.git("ls-tree", commit, "run.yaml").startswith("100755")


def test_new_files_and_directories_are_added_where_git_sorts_them(served: Served) -> None:
    served.repository.commit_files("main", {"a.b": "1", "a0": "1", "b/c": "1"})
    manifests = served.manifests()
    tip = fetched(manifests)
    wanted = {"a/new.yaml": b"n: 1\n", "b-c": b"2", "b/0/1/2": b"3"}
    commit = manifests.commit(tip, wanted, "Add", author=WRITER, committer=WRITER, at=AT)
    pushed(served, manifests, commit, tip)
    assert {path: served.repository.read(commit, path) for path in wanted} == wanted


def test_people_message_and_date_are_kept_as_given(served: Served) -> None:
    manifests = served.manifests()
    tip = fetched(manifests)
    message = "Promote ä to stage\n\n- a: 1 -> 2\n# no comment\n\nMergeport-Run: 1\n"
    at = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=timezone(timedelta(hours=9)))
    commit = manifests.commit(tip, {"apps/a/values.yaml": b"x"}, message, author=AUTHOR, committer=WRITER, at=at)
    pushed(served, manifests, commit, tip)
    raw = served.repository.git_bytes("cat-file", "commit", commit).decode()
    stamp = int(datetime(2026, 1, 1, 18, 4, 5, tzinfo=UTC).timestamp())
    assert raw.split("\n", 2)[2] == (
        f"author Zoë Ünal <zoe@example.invalid> {stamp} +0000\n"
        f"committer Mergeport <mergeport@example.invalid> {stamp} +0000\n\n{message}"
    )


def test_the_parent_is_the_commit_that_was_given(served: Served) -> None:
    manifests = served.manifests()
    first = fetched(manifests)
    served.repository.commit_files("main", {"later": "1"})
    fetched(manifests)
    commit = served.write(manifests, first, "apps/a/values.yaml", b"x")
    assert manifests.push("side", commit, expected=None)
    assert served.repository.commit(commit).parents == (first,)


def test_a_commit_on_a_parent_that_the_mirror_lost_brings_it_again(served: Served) -> None:
    commits = served.history(60)
    manifests = served.manifests()
    fetched(manifests)
    commit = served.write(manifests, commits[2], "apps/a/values.yaml", b"x")
    assert manifests.push("side", commit, expected=None)


@pytest.mark.parametrize(
    "path",
    [
        "mergeport.yaml", "mergeport.d/team.yaml", ".mergeport/x", ".github/workflows/x.yaml", ".GitHub/x",
        "Mergeport.yaml", "../x", "/x", "a/../mergeport.yaml", ".git/config", "a/.git/hooks/post-update", "",
    ],
)  # fmt: skip
def test_files_that_configure_us_or_leave_the_repository_are_not_written(served: Served, path: str) -> None:
    manifests = served.manifests()
    tip = fetched(manifests)
    with pytest.raises(PermanentError) as caught:
        served.write(manifests, tip, path, b"x")
    assert caught.value.code == "values-file-forbidden"


def test_holds_and_files_that_only_look_forbidden_are_written(served: Served) -> None:
    manifests = served.manifests()
    tip = fetched(manifests)
    wanted = {"holds.yaml": b"1", "apps/mergeport.yaml": b"2", "github/x": b"3"}
    commit = manifests.commit(tip, wanted, "m", author=WRITER, committer=WRITER, at=AT)
    pushed(served, manifests, commit, tip)
    assert {path: served.repository.read(commit, path) for path in wanted} == wanted


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("link.yaml", "values-file-symlink"),
        ("folder/values.yaml", "values-file-symlink"),
        ("apps", "values-file-clash"),
        ("apps/a/values.yaml/x", "values-file-clash"),
    ],
)
def test_links_directories_and_files_in_the_way_are_not_overwritten(served: Served, path: str, code: str) -> None:
    served.repository.commit_files(
        "main", {"link.yaml": Entry(b"apps/a/values.yaml", "120000"), "folder": Entry(b"apps/a", "120000")}
    )
    manifests = served.manifests()
    tip = fetched(manifests)
    with pytest.raises(PermanentError) as caught:
        served.write(manifests, tip, path, b"x")
    assert caught.value.code == code


def test_a_file_above_five_megabytes_is_not_written(served: Served) -> None:
    manifests = served.manifests()
    tip = fetched(manifests)
    with pytest.raises(PermanentError) as caught:
        served.write(manifests, tip, "apps/a/values.yaml", b"#" * (5 * 1024 * 1024 + 1))
    assert caught.value.code == "values-file-too-large"


@pytest.mark.parametrize("order", [("a", "a/b"), ("a/b", "a")])
def test_a_commit_with_a_file_below_a_file_is_refused(served: Served, order: tuple[str, str]) -> None:
    manifests = served.manifests()
    tip = fetched(manifests)
    with pytest.raises(PermanentError) as caught:
        manifests.commit(tip, dict.fromkeys(order, b"x"), "m", author=WRITER, committer=WRITER, at=AT)
    assert caught.value.code == "values-file-forbidden"


def test_writing_in_a_large_repository_downloads_nothing(served: Served) -> None:
    files: dict[str, str | bytes] = {f"apps/g{n % 40}/a{n}/values.yaml": f"tag: {n}\n" for n in range(2_000)}
    # The mirror leaves out blobs of this size; making an index or reading whole trees would fetch them.
    large = [f"apps/g{n}/model.bin" for n in range(3)]
    served.repository.commit_files("main", {**files, **{path: path.encode() * 100_000 for path in large}})
    manifests = served.manifests()
    tip = fetched(manifests)
    before = len(served.downloads())
    content = manifests.read(tip, "apps/g1/a1/values.yaml")
    commit = served.write(manifests, tip, "apps/g1/a1/values.yaml", content + b"x: 1\n")
    assert manifests.push("main", commit, expected=tip)
    assert manifests.fetch("main") == commit
    assert served.downloads()[before:] == []
    assert served.repository.read("main", "apps/g1/a1/values.yaml") == b"tag: 1\nx: 1\n"
