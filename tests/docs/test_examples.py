"""Every example of YAML in the documentation can be read as Mergeport reads its configuration."""

from __future__ import annotations

import re

import pytest

from service.core.config.report import Report
from service.core.config.yaml_text import read_any
from tests.docs.pages import all_pages

EXAMPLES = [
    pytest.param(text, id=f"{one.name}-{number}")
    for one in all_pages()
    for number, text in enumerate(one.blocks("yaml"), 1)
]


@pytest.mark.parametrize("text", EXAMPLES)
def test_example_is_yaml_that_mergeport_reads(text: str) -> None:
    report = Report(file="example")
    read_any(text, report)
    assert [str(fault) for fault in report.faults] == []


def test_there_are_examples_of_what_mergeport_yaml_has() -> None:
    words = "\n".join(str(one.values[0]) for one in EXAMPLES)
    assert {one for one in ("environments:", "applications:", "gates:", "roles:") if not re.search(one, words)} == set()
