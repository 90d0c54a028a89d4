"""core.graphemes cuts where a person sees the end of a character."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.graphemes import whole_before

FAMILY = "\N{MAN}\u200d\N{WOMAN}\u200d\N{GIRL}"


@pytest.mark.parametrize(
    ("text", "end", "right"),
    [
        ("abc", 2, 2),
        (f"a{FAMILY}b", 3, 1),
        (f"a{FAMILY}b", 6, 6),
        ("ae\u0301b", 2, 1),
        ("a\N{WAVING HAND SIGN}\U0001f3fdb", 2, 1),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 3, 2),
        ("\U0001f1e9\U0001f1ea\U0001f1eb\U0001f1f7", 2, 2),
        ("가\u1112\u1161\u11ab", 2, 1),
        ("\N{HEAVY BLACK HEART}\ufe0fx", 1, 0),
        ("e" + "\u0301" * 200, 100, 100),
        ("abc", 9, 3),
    ],
)
def test_character_is_not_torn(text: str, end: int, right: int) -> None:
    assert whole_before(text, end) == right


@given(st.text(max_size=100), st.integers(0, 120))
def test_cut_is_never_later_and_never_far_earlier(text: str, end: int) -> None:
    place = whole_before(text, end)
    assert 0 <= place <= min(end, len(text)) if end < len(text) else place == len(text)
