"""A page in Korean says what the page in English says: as many headings, the same code, the same links and names."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from scripts.fill_pages import translated
from tests.docs.pages import Page, page
from tests.fixtures.tools import ROOT

PAGES = ["README.md", "docs/tutorial.md"]
"""The pages that are there in Korean as well, as NAME.ko.md beside them."""
_FENCED = re.compile(r"^```.*?^```$", re.DOTALL | re.MULTILINE)


def korean(name: str) -> Page:
    return page(name.replace(".md", ".ko.md"))


def levels(one: Page) -> list[int]:
    return [len(marks) for marks in re.findall(r"^(#+) ", one.prose, re.MULTILINE)]


@pytest.mark.parametrize("name", PAGES)
def test_headings_are_as_many_and_of_the_same_levels(name: str) -> None:
    assert levels(korean(name)) == levels(page(name))


@pytest.mark.parametrize("name", PAGES)
def test_code_is_the_same_byte_for_byte_and_at_the_same_place(name: str) -> None:
    """Between the same headings: sections are compared one by one."""

    def sections(one: Page) -> list[list[str]]:
        return [_FENCED.findall(part) for part in re.split(r"^#+ .+\n", _quoted(one.text), flags=re.MULTILINE)]

    assert sections(korean(name)) == sections(page(name)), "run  python scripts/fill_pages.py"


def _quoted(text: str) -> str:
    """Give a text whose code has no line that looks like a heading."""
    return _FENCED.sub(lambda found: found[0].replace("\n#", "\n #"), text)


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_to_the_same_places(name: str) -> None:
    """To pages in Korean where there are some; those within the page follow its own headings."""

    def places(one: Page) -> Counter[str]:
        return Counter(link.replace(".ko.md", ".md") for link in one.links if not link.startswith("#"))

    assert places(korean(name)) == places(page(name))


@pytest.mark.parametrize("name", PAGES)
def test_names_between_backquotes_are_the_same(name: str) -> None:
    assert Counter(korean(name).inline) == Counter(page(name).inline)


def test_translation_with_an_old_block_gets_the_new_one() -> None:
    assert translated("가\n\n```sh\nold\n```\n", "a\n\n```sh\nnew\n```\n") == "가\n\n```sh\nnew\n```\n"
    assert translated("가\n", "```sh\nnew\n```\n") == "가\n"


def test_every_page_in_korean_is_looked_at() -> None:
    there = {path.relative_to(ROOT).as_posix() for path in [*ROOT.glob("*.ko.md"), *ROOT.glob("docs/**/*.ko.md")]}
    assert there == {name.replace(".md", ".ko.md") for name in PAGES}
