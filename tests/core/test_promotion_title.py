"""core.promotion_title says what changes within GitHub's limit, does no harm, and knows a title of people's."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.promotion_title import is_ours, mark_of, pull_request_title
from service.core.step_back import StepBack
from service.core.words import Sha

PARTED = "#\u200b"


COMMIT = Sha("4f2c1e9ab012" + "0" * 28)


@dataclass(frozen=True)
class Told:
    application: str = "checkout"
    environment: str = "prod"
    source_commit: Sha = COMMIT
    newest: str = "Show prices with tax"
    newest_number: int | None = 41
    more: int = 3
    unread: int = 0
    back: StepBack | None = None


def test_title_says_the_newest_change_and_how_many_more() -> None:
    assert pull_request_title(Told()) == f"checkout 4f2c1e9 → prod: Show prices with tax ({PARTED}41) and 3 more"


@pytest.mark.parametrize(
    ("told", "right"),
    [
        (Told(more=0), f"checkout 4f2c1e9 → prod: Show prices with tax ({PARTED}41)"),
        (Told(newest_number=None, more=1), "checkout 4f2c1e9 → prod: Show prices with tax and 1 more"),
        (Told(unread=7), f"checkout 4f2c1e9 → prod: Show prices with tax ({PARTED}41) and at least 3 more"),
        (Told(newest="", newest_number=None, more=0), "checkout 4f2c1e9 → prod"),
    ],
)
def test_title_leaves_out_what_is_not_so(told: Told, right: str) -> None:
    assert pull_request_title(told) == right


def test_title_is_not_cut_within_an_emoji() -> None:
    family = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"
    title = pull_request_title(Told(newest=family * 90, newest_number=None, more=0))
    kept = title.partition(": ")[2].removesuffix("…")
    assert (len(kept) % len(family), kept.count(family) > 20, len(title.encode("utf-16-le")) <= 512) == (0, True, True)


@pytest.mark.parametrize("newest", ["x" * 10_000, "é" * 300, "\N{ROCKET}" * 300, "a " * 5_000, "#1 @a " * 100])
@pytest.mark.parametrize("name", ["checkout", "a" * 63, "n" * 500])
def test_title_keeps_to_githubs_256_characters_and_its_end(newest: str, name: str) -> None:
    title = pull_request_title(Told(newest=newest, application=name, environment=name))
    assert len(title) <= 256
    assert len(title.encode("utf-16-le")) <= 512
    assert title.endswith(f"… ({PARTED}41) and 3 more")


@pytest.mark.parametrize(
    "newest",
    ["fixes #1", "closes acme/manifests#1", "Thank you @alice", "GH-12", "see https://github.com/acme/x/issues/1"],
)
def test_nothing_in_a_title_is_acted_upon(newest: str) -> None:
    title = pull_request_title(Told(newest=newest))
    assert not re.search(r"#\d|@[a-z]|GH-\d|://", title)


@pytest.mark.parametrize("newest", ["a\nb", "a\x1b[2Jb", "a\u202eb", "a\u009bb", "a\tb", "a\u2028b"])
def test_title_is_one_line_without_control_characters(newest: str) -> None:
    title = pull_request_title(Told(newest=newest))
    assert title.isprintable() or title.replace("\u200b", "").isprintable()


@given(st.text(max_size=600), st.integers(0, 10**9), st.integers(0, 500))
def test_any_title_fits_and_is_known_again(newest: str, number: int, more: int) -> None:
    told = Told(newest=newest, newest_number=number, more=more)
    title = pull_request_title(told)
    assert len(title.encode("utf-16-le", "replace")) <= 512
    assert is_ours([told], title, f"words\n\n{mark_of(title)}\n")


def test_title_that_somebody_changed_is_theirs() -> None:
    ours = pull_request_title(Told())
    assert not is_ours([Told()], f"{ours} (urgent)", mark_of(ours))


@pytest.mark.parametrize(
    ("title", "ours"),
    [
        ("Promote checkout 4f2c1e9ab012 to prod", True),
        ("checkout 4f2c1e9 → prod: Older words", True),
        ("Release on Friday", False),
        ("Promote cart 4f2c1e9ab012 to prod", False),
    ],
)
def test_title_without_a_mark_is_ours_if_it_looks_so(title: str, ours: bool) -> None:
    assert is_ours([Told()], title, "a body of people's") is ours
