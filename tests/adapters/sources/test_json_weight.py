"""The values of a text are counted before it is parsed."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.adapters.sources.github.verifying import MOST_VALUES, parse_body
from service.core.json_weight import is_heavier
from service.errors import DeliveryError

VALUES = st.recursive(
    st.none() | st.integers() | st.text(alphabet='a,[{:"\\é'),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(alphabet=',":x'), inner, max_size=5),
    max_leaves=20,
)


def separators(value: object) -> int:
    match value:
        case list():
            return 1 + max(0, len(value) - 1) + sum(map(separators, value))
        case dict():
            return 1 + max(0, 2 * len(value) - 1) + sum(map(separators, value.values()))
    return 0


@given(VALUES)
def test_what_stands_in_strings_does_not_count(value: object) -> None:
    raw, weight = json.dumps(value, ensure_ascii=False).encode(), separators(value)
    texts = raw.count(b'"')
    assert not is_heavier(raw, max(weight, texts))
    assert weight == 0 or is_heavier(raw, weight - 1)


@pytest.mark.parametrize(
    "raw",
    [b"[],", b"{},", b'"",', b"0,", b'{"":[', b'"\\"",', b'""'],
    ids=["lists", "objects", "strings", "numbers", "nested", "escaped", "no separators"],
)
def test_countless_values_are_heavy_whatever_they_are(raw: bytes) -> None:
    assert is_heavier(b"[" + raw * 1001 + b"," * 1001, 1000)


def test_a_body_of_countless_values_is_refused_before_it_is_parsed() -> None:
    with pytest.raises(DeliveryError) as refused:
        parse_body(b'{"a":[' + b"[]," * MOST_VALUES + b"[]]}")
    assert (refused.value.code, refused.value.status) == ("body-too-many-values", 413)


def test_a_long_text_of_commas_is_one_value() -> None:
    text = "," * (MOST_VALUES + 1)
    assert parse_body(json.dumps({"a": text}).encode()) == {"a": text}
