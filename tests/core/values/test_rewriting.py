"""Edits of several files at once: what is read, what is made, what is refused."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from service.core.values import FileEdit, ValueEdit, rewrite
from service.errors import PermanentError, ValuesEditError

TAG = (ValueEdit("image.tag", "v2"),)


def missing(file: str) -> bytes:
    raise PermanentError(f"There is no file {file}.", code="values-file-missing")


def test_a_missing_file_is_made_when_that_is_asked_for() -> None:
    done = rewrite(missing, [FileEdit("apps/new/values.yaml", TAG, create=True, new_file=True)])
    assert done.files == {"apps/new/values.yaml": b"image:\n  tag: v2\n"}
    assert [(file, change.before, change.after) for file, change in done.changes] == [
        ("apps/new/values.yaml", None, "v2")
    ]


def test_a_typing_error_makes_no_file() -> None:
    with pytest.raises(PermanentError) as refused:
        rewrite(missing, [FileEdit("apps/new/values.yaml", TAG, create=True)])
    assert refused.value.code == "values-file-missing"


def test_a_file_that_may_be_made_and_is_there_is_edited() -> None:
    done = rewrite(lambda _: b"image: {tag: v1}\n", [FileEdit("a.yaml", TAG, create=True, new_file=True)])
    assert done.files == {"a.yaml": b"image: {tag: v2}\n"}


@pytest.mark.parametrize("code", ["values-file-symlink", "values-file-forbidden", "values-file-too-large"])
def test_another_refusal_makes_no_file(code: str) -> None:
    def read(_: str) -> bytes:
        raise PermanentError("No.", code=code)

    with pytest.raises(PermanentError) as refused:
        rewrite(read, [FileEdit("a.yaml", TAG, create=True, new_file=True)])
    assert refused.value.code == code


def test_two_entries_of_one_new_file_come_together() -> None:
    more = FileEdit("a.yaml", (ValueEdit("image.digest", "d"),), create=True, new_file=True)
    done = rewrite(missing, [FileEdit("a.yaml", TAG, create=True, new_file=True), more])
    assert done.files == {"a.yaml": b"image:\n  tag: v2\n  digest: d\n"}


def test_the_diff_of_a_new_file_is_one_that_git_applies(tmp_path: Path) -> None:
    done = rewrite(missing, [FileEdit("apps/new/values.yaml", TAG, create=True, new_file=True)])
    subprocess.run(["git", "apply", "-"], input=done.diff.encode(), cwd=tmp_path, check=True)
    assert (tmp_path / "apps/new/values.yaml").read_bytes() == done.files["apps/new/values.yaml"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"\0GITCRYPT\0\xff\xfe", "encrypted by git-crypt"),
        (b"age-encryption.org/v1\n-> X25519 \xff", "encrypted by age"),
        (b"\xff\xfea", "UTF-16"),
    ],
)
def test_a_file_that_is_encrypted_as_a_whole_is_named_so(data: bytes, words: str) -> None:
    with pytest.raises(ValuesEditError) as refused:
        rewrite(lambda _: data, [FileEdit("a.yaml", TAG)])
    assert (refused.value.code, words in refused.value.message) == ("values-encoding", True)
