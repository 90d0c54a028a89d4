"""The pull request's text by the team's own template; a broken one costs the template and not the promotion."""

from __future__ import annotations

from tests.fixtures.service import MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_promotion_brings import opened, propose

FILE = ".mergeport/pull_request.md.j2"


def test_template_writes_the_text_and_what_machines_read_is_added(pipeline: Pipeline) -> None:
    template = "@acme/release please: {{ title }}\n{{ sections.changes }}\n"
    pipeline.stack.github.push(MANIFESTS, "main", {FILE: template}, "Bring a template")
    propose(pipeline, "two")
    body = opened(pipeline).body or ""
    assert body.startswith("@acme/release please: checkout ")
    assert [part in body for part in ("| File | Value |", "mergeport title", "Mergeport-Run: ")] == [True] * 3
    assert "Brings checkout" not in body


def test_broken_template_leaves_our_own_text_with_its_line(pipeline: Pipeline) -> None:
    pipeline.stack.github.push(MANIFESTS, "main", {FILE: "a\n{{ nope }}\n"}, "Bring a template")
    propose(pipeline, "two")
    body = opened(pipeline).body or ""
    assert body.startswith(
        "> [!NOTE]\n> .mergeport/pull\\_request.md.j2, line 2: 'nope' is undefined. This is Mergeport's"
    )
    assert "Brings checkout" in body
