"""Foreign text moves no cursor and reverses no text on a terminal."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.core.visible import one_line, unstyled, visible
from service.logs import redact

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


@pytest.mark.parametrize(
    "text",
    [
        "\x1b[1mAKIAIOSFODNN7EXAMPLE\x1b[0m",
        "\x1b[38;5;196mgh\x1b[0mp_abcdefghijklmnop1234",
        "\x9b1mAKIAIOSFODNN7EXAMPLE",
        "gh\x1b]8;;http://x\x1b\\p_abcdefghijklmnop1234",
        "gh\x1b]0;title\x07p_abcdefghijklmnop1234",
    ],
)
def test_no_style_hides_a_secret(text: str) -> None:
    assert redact(unstyled(text)) == "[redacted]"


def test_text_without_styles_is_left() -> None:
    assert unstyled("Grüße 🚀\ta[1m\n") == "Grüße 🚀\ta[1m\n"


@given(st.text(alphabet=st.characters(exclude_categories=())))
def test_nothing_harmful_is_left_and_a_second_time_changes_nothing(text: str) -> None:
    told = one_line(text)
    assert [
        one
        for one in told
        if unicodedata.category(one) in HARMFUL or unicodedata.bidirectional(one)[:2] in {"LR", "RL"}
    ] == []
    assert visible(told) == told
