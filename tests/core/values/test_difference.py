"""Diffs say what `git apply` and `patch` make of them, and stay small."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.core.values import FileEdit, ValueEdit, rewrite, unified_diff

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\r\n", "\n", "é\n", "\x0c\n"]), max_size=40).map("".join)
TEXTS = st.tuples(LINES, st.sampled_from(["", "end", "\n"])).map("".join)


@settings(max_examples=60, deadline=None)
@given(before=TEXTS, after=TEXTS)
def test_patch_makes_the_one_text_of_the_other(
    tmp_path_factory: pytest.TempPathFactory, before: str, after: str
) -> None:
    diff = unified_diff(before, after, "file")
    if not before or not after or before == after:
        assert (diff == "") == (before == after)
        return
    folder = tmp_path_factory.mktemp("patched")
    (folder / "file").write_bytes(before.encode())
    subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], cwd=folder, input=diff.encode(), check=True)
    assert (folder / "file").read_bytes() == after.encode()


def test_small_change_in_a_large_file_has_its_own_line_numbers() -> None:
    lines = [f"line {number}\n" for number in range(50_000)]
    after = [*lines[:40_000], "new\n", *lines[40_001:]]
    diff = unified_diff("".join(lines), "".join(after), "values.yaml")
    assert "@@ -39998,7 +39998,7 @@\n" in diff
    assert diff.count("\n") == 11


def _many(count: int, *, long: int = 0) -> tuple[dict[str, bytes], list[FileEdit]]:
    files = {f"apps/{number}.yaml": f"tag: old{'x' * long}\nkeep: 1\n".encode() for number in range(count)}
    return files, [FileEdit(file, (ValueEdit("tag", "new"),)) for file in files]


def test_every_file_of_many_is_rewritten_and_only_the_diff_is_cut(tmp_path: Path) -> None:
    files, wanted = _many(2_000)
    done = rewrite(files.__getitem__, wanted, diff_limit=10_000)
    assert done.files == dict.fromkeys(files, b"tag: new\nkeep: 1\n")
    assert len(done.changes) == 2_000
    assert len(done.diff) < 10_100
    *whole, last = done.diff.splitlines()
    assert last == "(the rest is left out)"
    assert whole[0] == "diff --git a/apps/0.yaml b/apps/0.yaml"


def test_diff_of_a_line_longer_than_the_limit_still_says_which_file() -> None:
    files, wanted = _many(1, long=1_000_000)
    done = rewrite(files.__getitem__, wanted, diff_limit=10_000)
    assert done.diff.startswith("diff --git a/apps/0.yaml b/apps/0.yaml\n")
    assert len(done.diff) < 10_100


def test_whole_diff_is_what_git_applies_to_all_files(tmp_path: Path) -> None:
    files, wanted = _many(3)
    done = rewrite(files.__getitem__, wanted)
    (tmp_path / "apps").mkdir()
    for file, content in files.items():
        (tmp_path / file).write_bytes(content)
    subprocess.run(["git", "apply", "-"], cwd=tmp_path, input=done.diff.encode(), check=True)
    assert {file: (tmp_path / file).read_bytes() for file in files} == done.files


def test_a_hunk_that_does_not_end_the_file_has_context_after_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("b\nb\nb\na\n")
    patch = unified_diff("b\nb\nb\na\n", "a\nb\nb\nb\nb\na\n", "file")
    subprocess.run(["git", "apply", "-"], input=patch.encode(), cwd=tmp_path, check=True)
    assert (tmp_path / "file").read_text() == "a\nb\nb\nb\nb\na\n"
