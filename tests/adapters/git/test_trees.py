"""Directories in git's own bytes: whatever is put in, the result is the one that git's `mktree` makes."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from devstack.bare import BareRepository
from service.adapters.git import loose
from service.adapters.git.objects import CommitText
from service.adapters.git.running import BrokenRepositoryError
from service.adapters.git.trees import DIRECTORY, EXECUTABLE, FILE, LINK, SUBMODULE, Entry, Made, find, put
from service.core.words import Actor, Sha

KINDS = {DIRECTORY: b"tree", SUBMODULE: b"commit"}
LOOKS_LIKE_AN_ENTRY = b"\x0040000 a\x00100644 a.b\x00"
"""A SHA may have any bytes; these contain whole names."""

names = st.one_of(
    st.text("ab.-0/ é(|", min_size=1, max_size=4).map(str.encode),
    st.binary(min_size=1, max_size=6),
    st.sampled_from([b"a", b"a.b", b"a-", b"a0", b"40000 a", b"100644 a.b"]),
).map(lambda name: name.replace(b"\0", b"_").replace(b"/", b"+"))
shas = st.one_of(st.binary(min_size=20, max_size=20), st.just(LOOKS_LIKE_AN_ENTRY[:20].ljust(20, b"\0")))
entries = st.builds(
    Entry, st.sampled_from([FILE, EXECUTABLE, LINK, SUBMODULE, DIRECTORY]), shas.map(lambda sha: sha.hex())
)
directories = st.dictionaries(names, entries, max_size=25)


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> BareRepository:
    return BareRepository.create(tmp_path_factory.mktemp("trees") / "r.git")


def made_by_git(repository: BareRepository, entries: Mapping[bytes, Entry]) -> str:
    lines = [
        b"%s %s %s\t%s\0" % (entry.mode.encode(), KINDS.get(entry.mode, b"blob"), entry.sha.encode(), name)
        for name, entry in entries.items()
    ]
    return repository.git("mktree", "-z", "--missing", data=b"".join(lines))


@settings(max_examples=120, deadline=None)
@given(before=directories, new=directories, replaced=st.data())
def test_the_result_is_the_one_that_git_makes(
    repository: BareRepository, before: dict[bytes, Entry], new: dict[bytes, Entry], replaced: st.DataObject
) -> None:
    """An existing entry keeps its mode; a new one goes where git sorts it, a directory as if it ended in a slash."""
    raw = put(b"", before)
    wanted = {name: entry._replace(mode=before[name].mode) if name in before else entry for name, entry in new.items()}
    if before:
        name = replaced.draw(st.sampled_from(sorted(before)))
        wanted[name] = Entry(before[name].mode, "42" * 20)
    after = put(raw, wanted)
    assert Made("tree", raw).sha == made_by_git(repository, before)
    assert Made("tree", after).sha == made_by_git(repository, {**before, **wanted})


@settings(max_examples=150, deadline=None)
@given(directories, st.lists(names, max_size=5))
def test_every_entry_is_found_and_no_other(directory: dict[bytes, Entry], others: list[bytes]) -> None:
    raw, asked = put(b"", directory), {*list(directory)[::2], *others}
    assert find(raw, asked) == {name: entry for name, entry in directory.items() if name in asked}


@pytest.mark.parametrize("name", [b"a", b"a.b"])
def test_a_name_inside_a_sha_is_no_entry(name: bytes) -> None:
    raw = put(b"", {b"x": Entry(FILE, LOOKS_LIKE_AN_ENTRY[:20].ljust(20, b"\0").hex())})
    assert find(raw, [name]) == {}


def test_one_entry_of_very_many_is_replaced() -> None:
    many = {b"app%d" % number: Entry(DIRECTORY, f"{number:040x}") for number in range(30_000)}
    raw = put(b"", many)
    after = put(raw, {b"app777": Entry(DIRECTORY, "f" * 40)})
    assert after == raw.replace((777).to_bytes(20, "big"), b"\xff" * 20)
    assert find(after, [b"app777", b"nobody"]) == {b"app777": Entry(DIRECTORY, "f" * 40)}


@pytest.mark.parametrize("raw", [b"x", b"100644 a", b"100644 a\0short", b"100644 a\0" + b"1" * 20 + b"rest"])
def test_a_directory_that_is_cut_short_is_no_directory(raw: bytes) -> None:
    with pytest.raises(BrokenRepositoryError):
        put(raw, {b"b": Entry(FILE, "0" * 40)})


@pytest.mark.parametrize("size", [0, 1, 15, 16, 17, 2047, 2048, 262_143, 262_144, 700_000])
def test_objects_of_any_size_are_written_as_they_are(repository: BareRepository, size: int) -> None:
    blob = Made("blob", b"x" * size)
    tree = Made("tree", put(b"", {b"f": Entry(FILE, blob.sha)}))
    loose.write(repository.path, [blob, tree, blob])
    assert repository.git_bytes("cat-file", "blob", f"{tree.sha}:f") == blob.content


def test_written_objects_are_sound(tmp_path: Path) -> None:
    repository = BareRepository.create(tmp_path / "r.git")
    blob = Made("blob", b"tag: one\n")
    tree = Made("tree", put(b"", {b"a": Entry(FILE, blob.sha), b"a.b": Entry(EXECUTABLE, blob.sha)}))
    top = Made("tree", put(b"", {b"a-": Entry(FILE, blob.sha), b"a": Entry(DIRECTORY, tree.sha)}))
    loose.write(repository.path, [blob, tree, top])
    assert repository.git("fsck", "--strict", "--no-dangling") == ""


def test_git_reads_a_ref_that_is_written_here_and_one_that_is_locked_stays(tmp_path: Path) -> None:
    repository = BareRepository.create(tmp_path / "r.git")
    commit = repository.commit_files("main", {"a": "1"}, "Begin")
    loose.write_ref(repository.path / "refs/tips/one", commit)
    assert repository.git("rev-parse", "refs/tips/one") == commit
    (repository.path / "refs/tips/one.lock").touch()
    with pytest.raises(FileExistsError):
        loose.write_ref(repository.path / "refs/tips/one", "0" * 40)
    assert repository.git("rev-parse", "refs/tips/one") == commit


def test_where_the_repository_is_gone_nothing_is_written(tmp_path: Path) -> None:
    with pytest.raises(BrokenRepositoryError):
        loose.write(tmp_path / "gone.git", [Made("blob", b"")])
    assert list(tmp_path.iterdir()) == []


texts = st.text(
    st.one_of(st.sampled_from(" .,:;<>\"\\'\n\t[]@é"), st.characters(codec="utf-8", exclude_characters="\0"))
)


@settings(max_examples=60, deadline=None)
@given(name=texts, email=texts, message=texts, seconds=st.integers(0, 2**31 - 1))
@example(name="Ada", email="ada@example.org", message="Promote", seconds=0)
@example(name="J. R. Jr.", email="<j@example.org>", message="", seconds=1)
def test_commit_is_the_one_that_git_makes(
    repository: BareRepository, name: str, email: str, message: str, seconds: int
) -> None:
    """This holds for commits that we make ourselves: git refuses a person without a name, and makes signed ones."""
    tree, parent = "4b825dc642cb6eb9a060e54bf8d69288fbee4904", Sha("1" * 40)
    person, at = Actor(name, email), datetime.fromtimestamp(seconds, UTC)
    text = CommitText(message, person, Actor("Mergeport", "mergeport@example.org"), at)
    made = text.whole(tree, parent)
    if made is None:
        return
    loose.write(repository.path, [Made("tree", b"")])
    told = repository.git("commit-tree", tree, data=message.encode(), env=text.environment()).strip()
    by_git = repository.git_bytes("cat-file", "commit", told)
    assert made.content.replace(f"parent {parent}\n".encode(), b"") == by_git
