"""A template of people's runs in a process of its own, with bounds, and sees nothing of ours."""

from __future__ import annotations

import pytest

from service.adapters.templates import SandboxedTemplates
from service.errors import PermanentError


def refused(template: str, seconds: float = 5.0) -> str:
    with pytest.raises(PermanentError) as caught:
        SandboxedTemplates(seconds=seconds).render(template, {"title": "x"})
    assert caught.value.code == "template-invalid"
    return caught.value.message


def test_template_is_rendered_in_another_process() -> None:
    assert SandboxedTemplates().render("# {{ title }} ü\n", {"title": "by @ann"}) == "# by @\u200bann ü"


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("a\n{{ nope }}", ".mergeport/pull_request.md.j2, line 2: 'nope' is undefined"),
        ("{{ 'a' * 10**10 }}", ".mergeport/pull_request.md.j2, line 1: MemoryError"),
        ("{{ cycler.__init__.__globals__ }}", "access to attribute '__init__'"),
    ],
)
def test_broken_or_hostile_template_is_told_by_its_line(template: str, why: str) -> None:
    assert why in refused(template)


def test_template_that_does_not_end_is_ended() -> None:
    nested = "{% for a in range(99999) %}" * 3 + "{% endfor %}" * 3
    assert refused(nested, seconds=1.0) == ".mergeport/pull_request.md.j2: it took longer than 1 s"
