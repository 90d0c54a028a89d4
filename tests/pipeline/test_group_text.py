"""The text of a pull request that several share has all that one of a single run has, of each."""

from __future__ import annotations

from dataclasses import replace

from service.adapters.helm import Helm
from tests.fixtures.service import MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure
from tests.pipeline.test_group import APPLICATIONS, TOGETHER, group, merge, newest
from tests.pipeline.test_promotion_rendered import CHART

__all__ = ["group"]
FILE = ".mergeport/pull_request.md.j2"


def test_each_member_is_told_with_its_source_its_rendered_diff_and_its_trailers(group: Pipeline, helm: str) -> None:
    outside = replace(group.context.outside, charts=Helm(helm))
    group.context = replace(group.context, outside=outside)
    group.stack.github.push(MANIFESTS, "main", {**CHART}, "Bring a chart")
    configure(group, TOGETHER.replace("  argocd:", "  chart: {path: charts/shop, namespace: shop}\n  argocd:"))
    merge(group)
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    body = pull.body or ""
    for name, run in newest(group).items():
        folded = body.partition(f"<details><summary>{name} {run.commit[:12]}</summary>")[2].partition("<summary>For")[0]
        assert "What changes in the rendered manifests: 1 of 1 object" in folded
        assert f"`Pod {name}` changes:" in folded
        assert "Pull requests in it:" in folded
        assert "These images were live in no other environment yet" in folded
        assert f"Mergeport-Run: {run.id}" in body
    assert "/commits/mergeport/promotion/prod/environment.group" not in body
    assert pull.title == f"3 applications → prod: {', '.join(APPLICATIONS)}"


def test_template_of_a_team_gets_all_of_them_and_what_it_leaves_out_is_added(group: Pipeline) -> None:
    template = "@acme/release: {{ title }}\n{% for one in applications %}- {{ one.application }}\n{% endfor %}"
    group.stack.github.push(MANIFESTS, "main", {FILE: template}, "Bring a template")
    merge(group)
    (pull,) = group.stack.github.pulls(MANIFESTS, "open")
    body = pull.body or ""
    assert body.startswith("@acme/release: 3 applications")
    told = ("- billing\n- catalog\n- checkout\n", "<details><summary>catalog ", "mergeport title", "Mergeport-Run: ")
    assert [part in body for part in told] == [True] * len(told)
