"""Golden files: a broken configuration, and below it every fault that must be reported, in order."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from service.adapters.kinds import kinds as adapters_kinds
from service.core.config import Kinds, load
from service.errors import ConfigError

CASES = Path(__file__).parents[2] / "data" / "config" / "faults"
MARK = "# --- faults ---\n"


def faults_of(content: str | bytes, kinds: Kinds, file: str = "f") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(content, kinds=kinds, file=file)
    return [str(fault).removeprefix("f: ").removeprefix("f:") for fault in caught.value.faults]


@pytest.mark.parametrize("case", sorted(CASES.glob("*.yaml")), ids=lambda case: case.stem)
def test_all_faults_are_told_at_once_with_line_column_and_key(case: Path) -> None:
    text, expected = case.read_text(encoding="utf-8").split(MARK)

    told = faults_of(text, adapters_kinds())

    assert told == [line.removeprefix("# ") for line in expected.splitlines()]


def test_a_byte_that_is_not_utf8_is_told_with_its_place(kinds: Kinds) -> None:
    content = "environments:\n  dév: x\n".encode() + b"  a: \xff\n"

    assert faults_of(content, kinds) == ["3:6: the file is not UTF-8 text (save it as UTF-8)"]


def test_utf16_is_told_and_not_guessed(kinds: Kinds) -> None:
    assert faults_of("environments: {}\n".encode("utf-16"), kinds) == [
        "1:1: the file is not UTF-8 text (save it as UTF-8)"
    ]


def test_a_control_character_is_told_with_its_place(kinds: Kinds) -> None:
    assert faults_of("environments:\n  dev: \x00\n", kinds) == [
        "2:8: U+0000 is not a character that YAML allows (remove it)"
    ]


def test_a_lone_surrogate_is_told(kinds: Kinds) -> None:
    assert faults_of("a: \ud800\n", kinds) == ["1:4: U+D800 is not a character that YAML allows (remove it)"]


@pytest.mark.parametrize("text", ["", "---\n", "---\n...\n", "~\n", "\ufeff"])
def test_an_empty_file_is_told(text: str, kinds: Kinds) -> None:
    assert faults_of(text, kinds) == ["the file is empty (it needs environments and applications)"]


def test_depth_is_bounded(kinds: Kinds) -> None:
    told = faults_of("a: " + "[" * 50_000, kinds)

    assert [line.partition(": ")[2].partition(": ")[2] for line in told] == ["nested deeper than 32 levels"]


def test_a_mapping_as_a_key_is_told(kinds: Kinds) -> None:
    assert faults_of("? {a: b}\n: c\n", kinds) == ["1:3: a key must be text (write one key, a colon, and its value)"]


def test_a_byte_order_mark_moves_no_column(kinds: Kinds) -> None:
    text = "environment: {}\n"

    assert faults_of("\ufeff" + text, kinds) == faults_of(text, kinds)
    assert faults_of(b"\xef\xbb\xbf" + text.encode(), kinds) == faults_of(text, kinds)


def test_the_error_counts_its_faults_and_names_the_file(kinds: Kinds) -> None:
    with pytest.raises(ConfigError) as caught:
        load("environments: {}\n", kinds=kinds, file="deploy/mergeport.yaml")

    assert caught.value.message == "deploy/mergeport.yaml has 2 faults"
    assert caught.value.code == "configuration-invalid"
    assert {fault.where for fault in caught.value.faults} == {"deploy/mergeport.yaml"}


def test_no_option_is_refused_by_a_pattern_alone() -> None:
    """Use `service.core.fitting` for a text that has to fit a pattern: people are told what is allowed."""
    service = Path(__file__).parents[3] / "service"
    options = [*service.glob("adapters/*options.py"), *service.glob("core/dockerfiles/*.py")]
    options += [*service.glob("core/gates/*.py")]
    options += [
        file for kind in ("builders", "registries", "notifiers") for file in service.glob(f"adapters/{kind}/**/*.py")
    ]
    assert [file.name for file in options if re.search(r"\bpattern=", file.read_text(encoding="utf-8"))] == []
