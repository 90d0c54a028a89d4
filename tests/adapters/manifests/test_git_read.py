"""Manifest repositories over git: a file is read as it is, and only a plain file inside the repository."""

from __future__ import annotations

import pytest

from devstack.bare import Entry
from service.core.words import Sha
from service.errors import PermanentError
from tests.adapters.git.served import Served


def test_read_gives_the_bytes_as_they_are(served: Served) -> None:
    content = "﻿tag: ä\r\nlast".encode()
    tip = served.repository.commit_files("main", {"ü/leer zeichen.yaml": content})
    manifests = served.manifests()
    manifests.fetch("main")
    assert manifests.read(Sha(tip), "ü/leer zeichen.yaml") == content


def test_read_at_an_older_commit_gives_the_older_bytes(served: Served) -> None:
    first = served.repository.tip("main")
    served.repository.commit_files("main", {"apps/a/values.yaml": "tag: new\n"})
    manifests = served.manifests()
    manifests.fetch("main")
    assert manifests.read(Sha(first), "apps/a/values.yaml") == b"tag: one\n"


def test_read_at_a_commit_that_is_not_in_the_mirror_brings_it(served: Served) -> None:
    commits = served.history(60)
    manifests = served.manifests()
    manifests.fetch("main")
    assert manifests.read(commits[3], "n") == b"3\n"


def test_read_before_any_fetch_brings_the_commit(served: Served) -> None:
    tip = served.repository.tip("main")
    assert served.manifests().read(Sha(tip), "apps/a/values.yaml") == b"tag: one\n"


def test_a_file_above_the_filter_is_read_by_fetching_it(served: Served) -> None:
    content = b"#" * 2_000_000
    tip = served.repository.commit_files("main", {"large.yaml": content})
    manifests = served.manifests()
    manifests.fetch("main")
    assert manifests.read(Sha(tip), "large.yaml") == content


def test_a_file_above_five_megabytes_is_refused(served: Served) -> None:
    tip = served.repository.commit_files("main", {"huge.yaml": b"#" * (5 * 1024 * 1024 + 1)})
    manifests = served.manifests()
    manifests.fetch("main")
    with pytest.raises(PermanentError, match=r"huge\.yaml") as caught:
        manifests.read(Sha(tip), "huge.yaml")
    assert caught.value.code == "values-file-too-large"


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("nope.yaml", "values-file-missing"),
        ("apps/c/values.yaml", "values-file-missing"),
        ("apps/A/values.yaml", "values-file-missing"),
        ("apps", "values-file-clash"),
        ("apps/a/values.yaml/x", "values-file-clash"),
    ],
)
def test_what_is_no_file_is_missing_or_cannot_be_one(served: Served, path: str, code: str) -> None:
    manifests = served.manifests()
    tip = manifests.fetch("main")
    assert tip
    with pytest.raises(PermanentError) as caught:
        manifests.read(tip, path)
    assert caught.value.code == code


@pytest.mark.parametrize("path", ["link.yaml", "folder/values.yaml"])
def test_symbolic_links_are_not_followed(served: Served, path: str) -> None:
    tip = served.repository.commit_files(
        "main", {"link.yaml": Entry(b"apps/a/values.yaml", "120000"), "folder": Entry(b"apps/a", "120000")}
    )
    manifests = served.manifests()
    manifests.fetch("main")
    with pytest.raises(PermanentError) as caught:
        manifests.read(Sha(tip), path)
    assert caught.value.code == "values-file-symlink"


def test_submodules_are_not_entered(served: Served) -> None:
    tree = served.repository.git("mktree", "--missing", data=f"160000 commit {'1' * 40}\tsub\n".encode())
    tip = served.repository.commit_tree(tree, [], "A submodule")
    served.repository.update_ref("refs/heads/main", tip)
    manifests = served.manifests()
    manifests.fetch("main")
    with pytest.raises(PermanentError) as caught:
        manifests.read(Sha(tip), "sub/values.yaml")
    assert caught.value.code == "values-file-forbidden"


@pytest.mark.parametrize(
    "path", ["../x", "a/../b", "/etc/passwd", "a//b", "", ".", "./a", ".git/config", "a/.GIT/b", "a\0b", "a\nb"]
)
def test_paths_that_leave_the_repository_are_refused(served: Served, path: str) -> None:
    with pytest.raises(PermanentError) as caught:
        served.manifests().read(Sha("1" * 40), path)
    assert caught.value.code == "values-file-forbidden"


@pytest.mark.parametrize("commit", ["main", "HEAD", "1" * 39, "--output=x", "1" * 40 + "\n"])
def test_only_full_commit_ids_are_taken(served: Served, commit: str) -> None:
    with pytest.raises(PermanentError) as caught:
        served.manifests().read(Sha(commit), "a")
    assert caught.value.code == "commit-id-invalid"


def test_many_files_are_read_at_once_and_what_is_refused_is_left_out(served: Served) -> None:
    files = {f"apps/{name}/values.yaml": f"tag: {name}\n" for name in ("a", "b", "c")}
    tip = Sha(served.repository.commit_files("main", {**files, "large.yaml": "x" * (6 << 20)}))
    manifests = served.manifests()
    manifests.fetch("main")
    wanted = ["apps/a/values.yaml", "large.yaml", "apps/none.yaml", "apps/b/values.yaml", "../out.yaml", "apps"]
    assert manifests.read_all(tip, [*wanted, "apps/c/values.yaml"]) == {
        path: text.encode() for path, text in files.items()
    }


def test_folder_gives_all_files_below_it_by_their_path_in_it(served: Served) -> None:
    files = {"charts/a[b]/Chart.yaml": "x", "charts/a[b]/templates/ü.yaml": "y", "charts/ab/no": "z"}
    tip = Sha(served.repository.commit_files("main", files))
    found = served.manifests().folder(tip, "charts/a[b]")
    assert found == {"Chart.yaml": b"x", "templates/ü.yaml": b"y"}
    assert {"charts/a[b]/Chart.yaml", "charts/ab/no", "apps/a/values.yaml"} <= served.manifests().folder(tip, "").keys()


@pytest.mark.parametrize(("path", "why"), [("charts/no", "it is not there"), ("linked", "a symbolic link")])
def test_folder_that_is_none_or_has_a_link_is_refused(served: Served, path: str, why: str) -> None:
    tip = Sha(
        served.repository.commit_files("main", {"linked/out": Entry(b"../../etc/passwd", "120000"), "linked/a": "x"})
    )
    with pytest.raises(PermanentError, match=why) as caught:
        served.manifests().folder(tip, path)
    assert caught.value.code == "folder-not-read"
