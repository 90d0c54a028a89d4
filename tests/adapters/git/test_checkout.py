"""A checkout is one commit's files and nothing else."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from devstack.bare import Entry
from service.adapters.checkout import GitCheckout
from service.core.words import Repository, Sha
from service.errors import DoubtfulError, PermanentError, RetryableError
from service.ports import Checkout
from tests.adapters.git.served import NAME, Served


def checkout(served: Served, commit: str, *, repository: str = NAME, timeout: float = 20) -> Path:
    directory = served.directory / "source"
    directory.mkdir(exist_ok=True)
    fetch: Checkout = GitCheckout(served.url, served.credentials, timeout=timeout)
    fetch(Repository(repository), Sha(commit), directory)
    return directory


def files(directory: Path) -> set[str]:
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if not path.is_dir() or path.is_symlink()}


def test_the_files_of_the_commit_are_there_and_no_others(served: Served) -> None:
    commit = served.repository.commit_files("main", {"Dockerfile": "FROM scratch\n"})
    directory = checkout(served, commit)
    assert files(directory) == {"Dockerfile", "apps/a/values.yaml", "apps/b/values.yaml"}
    assert (directory / "apps/a/values.yaml").read_text() == "tag: one\n"


def test_nothing_is_left_beside_the_directory(served: Served) -> None:
    checkout(served, served.repository.tip("main"))
    assert {path.name for path in served.directory.iterdir()} == {"served", "source"}


def test_an_older_commit_that_no_branch_ends_at_is_fetched(served: Served) -> None:
    commits = served.history(5)
    assert (checkout(served, commits[1]) / "n").read_text() == "1\n"


def test_modes_and_links_are_kept_and_links_are_not_followed(served: Served) -> None:
    outside = served.directory / "outside"
    outside.write_text("safe")
    commit = served.repository.commit_files(
        "main",
        {
            "run.sh": Entry(b"#!/bin/sh\n", "100755"),
            "absolute": Entry(str(outside).encode(), "120000"),
            "upward": Entry(b"../outside", "120000"),
        },
    )
    directory = checkout(served, commit)
    assert os.access(directory / "run.sh", os.X_OK)
    assert str((directory / "upward").readlink()) == "../outside"
    assert (directory / "absolute").readlink() == outside
    assert outside.read_text() == "safe"


def test_filters_and_attributes_of_the_repository_run_nothing(served: Served) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:" + "0" * 64 + "\nsize 5\n"
    commit = served.repository.commit_files(
        "main",
        {
            ".gitattributes": "*.bin filter=lfs diff=lfs merge=lfs -text\n* export-ignore\n",
            ".gitmodules": f'[submodule "s"]\n\tpath = s\n\turl = {served.url("acme/other")}\n',
            "model.bin": pointer,
        },
    )
    directory = checkout(served, commit)
    assert (directory / "model.bin").read_text() == pointer
    assert {seen.repository for seen in served.server.log} == {NAME}


def test_a_submodule_is_an_empty_directory(served: Served) -> None:
    tree = served.repository.git("mktree", "--missing", data=f"160000 commit {'1' * 40}\tsub\n".encode())
    commit = served.repository.commit_tree(tree, [], "A submodule")
    served.repository.update_ref("refs/heads/main", commit)
    assert list((checkout(served, commit) / "sub").iterdir()) == []


def test_a_tree_that_writes_into_git_itself_is_refused(served: Served) -> None:
    blob = served.repository.git("hash-object", "-w", "--stdin", data=b"x")
    inner = served.repository.git("mktree", data=f"100644 blob {blob}\tconfig\n".encode())
    tree = served.repository.git("mktree", data=f"040000 tree {inner}\t.git\n".encode())
    commit = served.repository.commit_tree(tree, [], "A trap")
    served.repository.update_ref("refs/heads/main", commit)
    with pytest.raises(PermanentError):
        checkout(served, commit)
    assert not (served.directory / "source" / ".git").exists()


def test_a_commit_that_is_gone_says_so(served: Served) -> None:
    with pytest.raises(DoubtfulError, match="force-pushed") as caught:
        checkout(served, "1" * 40)
    assert caught.value.code == "source-commit-gone"
    assert caught.value.fields == {"repository": NAME, "commit": "1" * 40}


def test_a_repository_that_is_not_there_is_a_matter_for_a_person(served: Served) -> None:
    with pytest.raises(DoubtfulError) as caught:
        checkout(served, "1" * 40, repository="acme/nope")
    assert caught.value.code == "git-repository-missing"


def test_a_server_that_is_not_well_is_tried_again(served: Served) -> None:
    served.server.faults.answer("502 Bad Gateway", times=10)
    with pytest.raises(RetryableError) as caught:
        checkout(served, served.repository.tip("main"))
    assert caught.value.code == "git-unavailable"


def test_a_server_that_hangs_is_given_up(served: Served) -> None:
    served.server.faults.hang()
    with pytest.raises(RetryableError) as caught:
        checkout(served, served.repository.tip("main"), timeout=1)
    assert caught.value.code == "git-timeout"
    assert list((served.directory / "source").iterdir()) == []


def test_a_directory_with_something_in_it_is_left_alone(served: Served) -> None:
    (served.directory / "source").mkdir()
    (served.directory / "source" / "mine").write_text("x")
    with pytest.raises(PermanentError) as caught:
        checkout(served, served.repository.tip("main"))
    assert caught.value.code == "checkout-failed"


@pytest.mark.parametrize("commit", ["main", "HEAD", "--upload-pack=x", ""])
def test_only_full_commit_ids_are_taken(served: Served, commit: str) -> None:
    with pytest.raises(PermanentError) as caught:
        checkout(served, commit)
    assert caught.value.code == "commit-id-invalid"
