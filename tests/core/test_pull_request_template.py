"""A team's template gets plain data, makes foreign text harmless where it is put in, and tells its faults by line."""

from __future__ import annotations

import re

import pytest

from service.core.pull_request_body import Offer
from service.core.pull_request_template import NAMES, TemplateFaultError, faults_of, render_template
from service.core.template_context import template_context
from tests.core.test_messages import PROMOTION

CONTEXT = template_context(Offer((PROMOTION,)), {"changes": "| a |\n|---|"})


def fault(template: str) -> str:
    with pytest.raises(TemplateFaultError) as caught:
        render_template(template, CONTEXT)
    return str(caught.value)


def test_template_writes_its_own_text_our_sections_and_facts() -> None:
    template = (
        "@acme/release-managers\n{% for pull in pull_requests %}\n* [{{ pull.number }}]({{ pull.url }})\n{% endfor %}\n"
        "{{ sections.changes }}\n[all]({{ compare_url }})\n"
    )
    lines = render_template(template, CONTEXT).splitlines()
    pulls = [f"* [{one.number}]({one.url})" for one in PROMOTION.pull_requests]
    old, new = PROMOTION.previous, PROMOTION.source_commit
    assert lines == [
        "@acme/release-managers", *pulls, "| a |", "|---|", f"[all]({PROMOTION.source_url}/compare/{old}...{new})",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "put", ["{{ title }}", "{{ title | upper }}", "{{ title ~ '' }}", "{% set x = title %}{{ x }}"]
)
def test_foreign_text_is_harmless_however_it_is_put_in(put: str) -> None:
    text = render_template(put, {**CONTEXT, "title": "fixes #1 @alice <b> [x](https://a.invalid)\n# y"})
    assert not re.search(r"#1|@a|[^\\]<b|[^\\]\]\(|://|\n", text, re.IGNORECASE)


def test_foreign_text_is_compared_as_it_is() -> None:
    template = "{% if title == 'by [bot]' %}a robot{% endif %}"
    assert render_template(template, {**CONTEXT, "title": "by [bot]"}) == "a robot"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("a\n{{ nope }}", "line 2: 'nope' is undefined"),
        ("a\n\n{{ application.nope }}", "line 3: 'str object' has no attribute 'nope'"),
        ("{% if %}", "line 1: Expected an expression"),
        ("{{ ''.__class__ }}", "line 1: access to attribute '__class__'"),
        ("{% set x = images.append('x') %}", "line 1: access to attribute 'append'"),
        ("{% include 'x' %}", "line 1: TypeError: no loader"),
        ("{{ 1 / 0 }}", "line 1: ZeroDivisionError"),
        (" \n ", ".mergeport/pull_request.md.j2: it makes no text"),
        ("x" * 30_001, "it makes more than 30000 bytes"),
        ("x" * 100_001, "it has more than 100000 characters"),
    ],
)
def test_broken_template_tells_where_and_what(template: str, told: str) -> None:
    said = fault(template)
    assert (told in said, said.startswith(".mergeport/pull_request.md.j2")) == (True, True)


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{% if %}", [".mergeport/pull_request.md.j2, line 1: Expected an expression"]),
        ("a\n{{ pulls }}{{ pulls }}\n{% include 'x' %}", ["line 2: there is no pulls", "line 3: it cannot load"]),
        ("{% for a in range(3) %}{{ loop.index }}{{ a }}{% endfor %}{% set b = 1 %}{{ b }}", []),
        ("".join(f"{{{{ {name} }}}}" for name in NAMES), []),
    ],
)
def test_template_is_checked_without_being_rendered(template: str, told: list[str]) -> None:
    found = list(map(str, faults_of(template)))
    assert len(found) == len(told)
    assert all(words in one for words, one in zip(told, found, strict=True))


def test_every_name_of_the_context_is_told_and_the_reverse() -> None:
    assert set(CONTEXT) == set(NAMES)
