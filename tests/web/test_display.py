"""How pages show times, commits and differences."""

from __future__ import annotations

from datetime import timedelta

import pytest

from service.web import display
from tests.fixtures.rows import COMMIT, NOW


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-1, "0 ms"),
        (0.25, "250 ms"),
        (2.51, "2.5 s"),
        (42.4, "42 s"),
        (0.9997, "1.0 s"),
        (9.97, "10 s"),
        (59.7, "1 min 0 s"),
        (74, "1 min 14 s"),
        (3599.8, "1 h 0 min"),
        (3600, "1 h 0 min"),
        (90061, "1 d 1 h"),
    ],
)
def test_a_length_of_time_has_its_two_largest_units(seconds: float, told: str) -> None:
    assert display.length(seconds) == told


@pytest.mark.parametrize(
    ("seconds", "told"),
    [
        (-5, "5 s ago"),
        (-240, "4 min ago"),
        (-172800, "2 d ago"),
        (100, "in 2 min"),
        (898, "in 15 min"),
        (3590, "in 1 h"),
        (5399, "in 1 h 30 min"),
        (59.8, "in 1 min"),
        (86390, "in 1 d"),
        (2591990, "in 30 d"),
        (2552400, "in 29 d 13 h"),
    ],
)
def test_a_moment_is_told_from_now(seconds: float, told: str) -> None:
    assert display.ago(NOW + timedelta(seconds=seconds), NOW) == told


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (COMMIT, "4f2c1e9ab012"),
        ("sha256:" + "0a" * 32, "sha256:0a0a0a0a0a0a"),
        ("release/2026", "release/2026"),
        (None, ""),
    ],
)
def test_only_commits_and_digests_are_shortened(text: str | None, told: str) -> None:
    assert display.short(text) == told


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "data:text/html,x", "//evil.example", "/runs", "https://", "http://[", "", None, 7]
)
def test_a_link_leads_to_the_web_or_nowhere(url: object) -> None:
    assert display.safe_url(url) == ""


def test_a_link_to_the_web_stays_as_it_is() -> None:
    assert display.safe_url("https://github.com/x/y?z#1") == "https://github.com/x/y?z#1"


def test_lines_of_a_difference_have_their_styles() -> None:
    text = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n same\n-old\n+new\n"
    told = [line.kind for line in display.diff_lines(text)]
    assert told == ["file", "file", "file", "place", "same", "removed", "added"]


def test_a_removed_document_mark_is_no_head_of_a_file() -> None:
    told = display.diff_lines("--- a/x\n+++ b/x\n@@ -1,2 +1,2 @@\n----\n++++ x\n")
    assert [line.kind for line in told] == ["file", "file", "place", "removed", "added"]


@pytest.mark.parametrize(
    ("count", "text"),
    [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (12_345_678, "12.3 MB"), (456_700_000, "457 MB"),
     (999_600_000, "1.0 GB"), (99_960_000, "100 MB"), (5 * 10**15, "5000 TB")],
)  # fmt: skip
def test_bytes_are_told_in_three_digits(count: int, text: str) -> None:
    assert display.size(count) == text
