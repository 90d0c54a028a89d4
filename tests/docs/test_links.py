"""Every relative link leads to a file that is there, and to a heading of it."""

from __future__ import annotations

import pytest

from tests.docs.pages import Page, all_pages
from tests.fixtures.tools import ROOT


@pytest.mark.parametrize("one", all_pages(), ids=lambda one: one.name)
def test_relative_links_and_their_headings_are_there(one: Page) -> None:
    broken = []
    for target in one.links:
        if "://" in target or target.startswith("mailto:"):
            continue
        name, _, anchor = target.partition("#")
        path = (one.path.parent / name).resolve() if name else one.path
        there = path.exists() and path.is_relative_to(ROOT)
        if not there or (anchor and (path.suffix != ".md" or anchor not in Page(path).anchors)):
            broken.append(target)
    assert broken == []


def test_every_page_in_docs_is_reached_from_the_readme() -> None:
    reached, todo = set(), [ROOT / "README.md"]
    while todo:
        path = todo.pop()
        if path in reached or path.suffix != ".md" or not path.exists():
            continue
        reached.add(path)
        links = (target.partition("#")[0] for target in Page(path).links if "://" not in target)
        todo += [(path.parent / name).resolve() for name in links if name]
    pages = [one for one in all_pages() if one.path.is_relative_to(ROOT / "docs")]
    assert [one.name for one in pages if one.path not in reached] == []


def test_no_page_has_a_bare_address_of_this_machine_as_a_link() -> None:
    assert [(one.name, link) for one in all_pages() for link in one.links if "127.0.0.1" in link] == []
