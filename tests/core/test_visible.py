"""Foreign text moves no cursor and reverses no text on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.visible import one_line, visible

HARMFUL = {"Cc", "Cs"}


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b[2J", "\\x1b[2J"),
        ("\x9b2J", "\\x9b2J"),
        ("\x1b]8;;http://x\x07y", "\\x1b]8;;http://x\\x07y"),
        ("a\u202eb", "a\\u202eb"),
        ("\u2066x\u2069", "\\u2066x\\u2069"),
        ("\r\x08\x7f", "\\x0d\\x08\\x7f"),
        ("Grüße 🚀 日本\tx\ny", "Grüße 🚀 日本\tx\ny"),
    ],
)
def test_what_a_terminal_would_obey_is_shown(text: str, shown: str) -> None:
    assert visible(text) == shown


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_nothing_harmful_is_left_and_a_second_time_changes_nothing(text: str) -> None:
    told = one_line(text)
    assert [
        one
        for one in told
        if unicodedata.category(one) in HARMFUL or unicodedata.bidirectional(one)[:2] in {"LR", "RL"}
    ] == []
    assert visible(told) == told
