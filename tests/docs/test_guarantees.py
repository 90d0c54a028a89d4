"""Each guarantee names a test that is there, and each test that a page links to."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from tests.docs.pages import Page, all_pages, page
from tests.fixtures.tools import ROOT

NAMED = re.compile(r"tests/[\w/]+\.py(?:::\w+)?")


def functions(path: Path) -> set[str]:
    return {node.name for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("one", all_pages(), ids=lambda one: one.name)
def test_every_test_that_is_named_exists(one: Page) -> None:
    missing = []
    for named in NAMED.findall(one.text):
        name, _, function = named.partition("::")
        path = ROOT / name
        if not path.is_file() or (function and function not in functions(path)):
            missing.append(named)
    assert missing == []


def test_every_guarantee_has_a_test() -> None:
    section = page("docs/guarantees.md").text.partition("\n## Guarantees\n")[2].partition("\n## ")[0]
    rows = [row for row in section.splitlines() if row.startswith("| ") and not row.startswith("| guarantee")]
    assert len(rows) > 30
    assert [row for row in rows if not re.search(r"`tests/[\w/]+\.py::\w+`", row)] == []


def test_the_public_charts_are_as_many_as_is_said() -> None:
    charts = list((ROOT / "tests" / "data").rglob("public*/*.yaml"))
    assert f"{len(charts)} well-known public charts" in page("docs/guarantees.md").text
