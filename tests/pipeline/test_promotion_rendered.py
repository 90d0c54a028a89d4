"""The pull request shows what changes in the rendered manifests, or in one line why it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from service.adapters.helm import Helm
from tests.fixtures.service import CONFIGURATION, MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_promotion_brings import opened, propose

CHART = {
    "charts/shop/Chart.yaml": "apiVersion: v2\nname: shop\nversion: 1.0.0\n",
    "charts/shop/templates/pod.yaml": (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: {{ .Release.Name }}}\nspec:\n"
        '  image: "{{ .Values.image.repository }}:{{ .Values.image.tag }}"\n  replicas: {{ .Values.replicas }}\n'
    ),
}


def bring(pipeline: Pipeline, program: str, files: dict[str, str]) -> None:
    """Let Helm render, and put files and a configuration with a chart into the manifest repository."""
    outside = replace(pipeline.context.outside, charts=Helm(program))
    pipeline.context = replace(pipeline.context, outside=outside)
    text = CONFIGURATION.replace('  argocd: "', '  chart: {path: charts/shop, namespace: shop}\n  argocd: "')
    pipeline.stack.github.push(MANIFESTS, "main", {**files, "mergeport.yaml": text}, "Bring a chart")
    pipeline.settle(looks=0)


def rendered(pipeline: Pipeline) -> str:
    body = opened(pipeline).body or ""
    return next((part for part in body.split("\n\n") if "rendered" in part), "")


def test_pull_request_shows_what_changes_and_is_rendered_once(pipeline: Pipeline, helm: str, tmp_path: Path) -> None:
    counting = tmp_path / "helm"
    counting.write_text(f'#!/bin/sh\necho run >> {tmp_path}/runs\nexec {helm} "$@"\n')
    counting.chmod(0o755)
    bring(pipeline, str(counting), {**CHART})
    commit = propose(pipeline, "two")
    body = opened(pipeline).body or ""
    assert "What changes in the rendered manifests: 1 of 1 object" in body
    assert "`Pod checkout-prod` changes:" in body
    assert '-  image: "example.invalid/checkout:0"\n' in body
    assert f'checkout:{commit[:12]}"\n   replicas: 2' in body
    assert (tmp_path / "runs").read_text().count("run") == 2


def test_chart_that_fails_is_one_line_and_holds_nothing_up(pipeline: Pipeline, helm: str) -> None:
    bring(pipeline, helm, {**CHART, "charts/shop/templates/x": "{{ fail .Values.image.tag }}"})
    propose(pipeline, "two")
    told = rendered(pipeline)
    assert (told.startswith("The manifests are not rendered: execution error at"), "\n" in told) == (True, False)
