"""docs/promotion.md shows a pull request as it is really written, and names all that a template may use."""

from __future__ import annotations

import re

from service.core.pull_request_body import Offer, sections_of
from service.core.pull_request_template import NAMES
from service.core.template_context import template_context
from tests.docs.pages import page
from tests.docs.promotion_example import BLOCK, example, promotion


def test_example_is_what_is_written() -> None:
    """Mend it with: .venv/bin/python -m tests.docs.promotion_example."""
    title, body = example()
    text = page("docs/promotion.md").text
    (shown,) = BLOCK.findall(text)
    assert (shown, f"`{title}`" in text) == (body.strip("\n"), True)


def test_every_name_of_a_template_and_every_section_is_described() -> None:
    rows = re.findall(
        r"^\| (`[^|]+`) \|", page("docs/promotion.md").text.partition("## A text of your own")[2], re.MULTILINE
    )
    told = {name for row in rows for name in re.findall(r"`([a-z_]+)`", row)}
    assert told >= set(NAMES)
    assert set(template_context(Offer((promotion(),)), {})) == set(NAMES)
    (sections,) = [row for row in page("docs/promotion.md").text.splitlines() if row.startswith("| `sections`")]
    assert re.findall(r"`\.([a-z]+)`", sections) == list(sections_of(Offer((promotion(),))))
