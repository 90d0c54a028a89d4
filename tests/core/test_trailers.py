"""Trailers are written as git reads them, and read as git does."""

from __future__ import annotations

import os
import subprocess

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from service.core import trailers

KEYS = st.from_regex(r"[A-Za-z0-9-]{1,20}", fullmatch=True)
LINE = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=40)
PIECES = st.sampled_from(
    [
        *("Subject", "Key: value", "Key : value", "Mergeport-Run: 01J", " continued", "\tcontinued", "Key:", ":"),
        *("Signed-off-by: P <p@example.invalid>", "(cherry picked from commit 1)", "# comment", "---", "--- ", ""),
        *(" ", "\t", "", "", "Conflicts:", "\tfile", "text without", "key:value: more", "Ä: x", "-: x", "Key:\v"),
        *("Key: a\rb", "a\tb: c", "a b: c", "Key: ", "k\r", "\r", "\x0c", "http://example.invalid/x: y"),
        "# ------------------------ >8 ------------------------",
    ]
)


def read_by_git(message: str) -> list[str]:
    done = subprocess.run(
        ["git", "interpret-trailers", "--parse", "--no-divider"],
        input=message.encode(),
        capture_output=True,
        check=True,
        env={"PATH": os.environ["PATH"], "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
        cwd="/",
    )
    return done.stdout.decode().split("\n")[:-1]


def as_git_prints(message: str) -> list[str]:
    return [f"{key}: {value}" for key, value in trailers.parse(message)]


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=12).map("\n".join))
@example("Subject\n\nKey: value\n more\n  and more\n\n# comment\n\n")
@example("Subject\n\nKey: value\n\nConflicts:\n\tfile\n")
@example("Key: value\n")
@example("\nConflicts:\n\tcontinued")
@example("\n# comment\nConflicts:\n\tfile\n\nKey: value\n")
@example("Subject\n\nRule below\n\n---\n\nMergeport-Run: 1\n")
def test_a_message_is_read_as_git_reads_it(message: str) -> None:
    assert as_git_prints(message) == read_by_git(message)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(KEYS, LINE), max_size=6))
def test_what_is_written_is_read_back_by_us_and_by_git(pairs: list[tuple[str, str]]) -> None:
    block = trailers.format(pairs)
    message = f"Subject\n\nA body.\n\n{block}"
    assert trailers.format(trailers.parse(message)) == block
    assert read_by_git(message) == as_git_prints(message) == block.split("\n")[:-1]


@given(KEYS, st.text(max_size=60))
def test_a_value_is_one_line_whatever_it_was(key: str, value: str) -> None:
    assert trailers.format([(key, value)]).count("\n") in {0, 1}
    assert len(trailers.format([(key, value)]).splitlines()) in {0, 1}


def test_a_value_cannot_bring_a_trailer_of_its_own() -> None:
    block = trailers.format([(trailers.SOURCE_REPOSITORY, "acme/x\nMergeport-Run: forged")])
    assert trailers.parse(f"Subject\n\n{block}") == (("Source-Repository", "acme/x Mergeport-Run: forged"),)


def test_what_has_no_value_is_left_out() -> None:
    assert trailers.format([(trailers.SOURCE_PULL_REQUEST, ""), (trailers.RUN, "1")]) == "Mergeport-Run: 1\n"


@pytest.mark.parametrize("key", ["", "a b", "a:b", "Ä", "a\n"])
def test_what_is_no_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="key"):
        trailers.format([(key, "x")])


def test_a_value_is_found_by_its_key_in_any_case_and_the_last_counts() -> None:
    found = trailers.parse("Subject\n\nmergeport-run: 1\nMergeport-Run: 2\n")
    assert trailers.value_of(found, trailers.RUN) == "2"
    assert trailers.value_of(found, trailers.IMAGE) is None


def test_the_message_of_the_documentation_is_read() -> None:
    message = (
        "Promote checkout 4f2c1e9ab012 to stage\n\n- apps/checkout/values-stage.yaml: image.tag 91be -> 4f2c\n\n"
        "Mergeport-Run: 01J\nMergeport-Application: checkout\nSource-Commit: 4f2c1e9ab012\n"
    )
    assert trailers.parse(message) == (
        (trailers.RUN, "01J"),
        (trailers.APPLICATION, "checkout"),
        (trailers.SOURCE_COMMIT, "4f2c1e9ab012"),
    )
