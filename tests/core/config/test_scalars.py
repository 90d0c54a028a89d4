"""A plain scalar is taken only where YAML 1.1 and 1.2 readers agree, checked against one reader of each."""

from __future__ import annotations

import math

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from service.core.config.scalars import Ambiguous, plain_value


@pytest.mark.parametrize(
    "text",
    [
        "on",
        "Off",
        "yes",
        "NO",
        "y",
        "N",
        "012",
        "08",
        "1_000",
        "0o17",
        "0b11",
        "1e3",
        "1.5e3",
        "12e4567",
        "1:30",
        "2024-01-01",
        "2024-01-01T10:00:00Z",
        "._0",
        "-_1",
        "0x_",
        "0o1_",
        "-0o7",
        "<<",
        "=",
    ],
)
def test_what_readers_take_differently_is_ambiguous(text: str) -> None:
    assert isinstance(plain_value(text), Ambiguous)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None),
        ("~", None),
        ("null", None),
        ("true", True),
        ("FALSE", False),
        ("0", 0),
        ("-12", -12),
        ("0x1F", 31),
        ("1.10", 1.1),
        ("-0.5", -0.5),
        ("1.5e+3", 1500.0),
        ("develop", "develop"),
        ("release/1.2", "release/1.2"),
        ("1.2.3", "1.2.3"),
        ("30m", "30m"),
        ("v1", "v1"),
        ("-", "-"),
        ("None", "None"),
    ],
)
def test_what_readers_agree_on_is_its_value(text: str, value: object) -> None:
    read = plain_value(text)

    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("text", [".inf", "-.Inf", "+.INF", ".nan", ".NaN", "1" * 5000, "-0x" + "f" * 5000])
def test_what_is_not_finite_is_told_as_such(text: str) -> None:
    value = plain_value(text)

    assert isinstance(value, float)
    assert not math.isfinite(value)


@pytest.mark.parametrize("character", list(".-+_0:"))
def test_a_very_long_scalar_is_judged_in_one_pass(character: str) -> None:
    assert plain_value(character * 200_000 + "x") == character * 200_000 + "x"


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="0123456789abfxoenyNOEtrulsTFZ_.:+-~=<", max_size=8))
def test_a_value_that_is_not_ambiguous_is_what_both_readers_read(text: str) -> None:
    value = plain_value(text)
    if isinstance(value, Ambiguous) or value != value:  # noqa: PLR0124 - NaN is not itself
        return
    try:
        old = yaml.safe_load(f"k: {text}")["k"]
        new = YAML(typ="safe").load(f"k: {text}")["k"]
    except (yaml.YAMLError, YAMLError, TypeError, ValueError, KeyError):
        return  # not a plain scalar at all

    assert (old, type(old)) == (value, type(value))
    assert (new, type(new)) == (value, type(value)) or type(new).__module__.startswith("ruamel")
