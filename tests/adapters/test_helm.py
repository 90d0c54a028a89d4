"""A chart is rendered by the real Helm, offline and within bounds, and sees nothing but its own files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from service.adapters.helm import Helm
from service.errors import PermanentError
from service.ports import Chart

META = "apiVersion: v2\nname: shop\nversion: 1.0.0\n"


def chart(template: str, *, values: str = "tag: one\n", more: Mapping[str, str] | None = None) -> Chart:
    files = {"Chart.yaml": META, "templates/a.yaml": template, **(more or {})}
    return Chart({name: text.encode() for name, text in files.items()}, (values.encode(),), "release", "place")


def refused(helm: Helm, what: Chart) -> str:
    with pytest.raises(PermanentError) as caught:
        helm.render(what)
    assert caught.value.code == "chart-not-rendered"
    return caught.value.message


def test_chart_is_rendered_with_its_values_release_namespace_and_vendored_charts(helm: str) -> None:
    below = {"charts/below/Chart.yaml": META.replace("shop", "below"), "charts/below/templates/b.yaml": "b: 1\n"}
    text = Helm(helm).render(chart("a: {{ .Values.tag }} {{ .Release.Name }} {{ .Release.Namespace }}\n", more=below))
    assert ("a: one release place\n" in text, "b: 1\n" in text) == (True, True)


def test_chart_sees_no_variable_no_other_file_no_name_and_no_cluster(
    helm: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("hunter2")
    monkeypatch.setenv("MERGEPORT_GITHUB_TOKEN", "hunter2")
    template = (
        f'a: {{{{ .Files.Get "{tmp_path}/file" }}}}{{{{ .Files.Get "../../../../../..{tmp_path}/file" }}}}\n'
        'b: {{ getHostByName "localhost" }}\nc: {{ lookup "v1" "Secret" "" "" | toJson }}\n'
    )
    text = Helm(helm).render(chart(template))
    assert text.endswith("a: \nb: \nc: {}\n")
    assert 'function "env" not defined' in refused(Helm(helm), chart('a: {{ env "MERGEPORT_GITHUB_TOKEN" }}\n'))


def test_schema_that_names_a_file_or_an_address_reads_neither(helm: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text('{"type": "string"}')
    more = {"values.schema.json": f'{{"$ref": "file://{tmp_path}/file"}}'}
    assert "a: one\n" in Helm(helm).render(chart("a: {{ .Values.tag }}\n", more=more))


@pytest.mark.parametrize(
    ("template", "why"),
    [
        ("a: {{ range $i := until 2000000000 }}{{ end }}\n", "the chart needs too much memory"),
        ('a: {{ repeat 3000000 "a" }}\n', "the chart renders more than 2048 KiB"),
        ('a: {{ fail "password=hunter2 is @alice" }}\n', "password=(hidden) is @alice"),
        ("a: {{ nothing }}\n", 'function "nothing" not defined'),
        ('{{ define "a" }}{{ include "a" . }}{{ end }}a: {{ include "a" . }}\n', "error calling include"),
    ],
)
def test_chart_that_cannot_be_rendered_says_why_in_a_line(helm: str, template: str, why: str) -> None:
    said = refused(Helm(helm, output=2 * 1024 * 1024), chart(template))
    assert why in said
    assert ("hunter2" in said, "/tmp" in said, "\n" in said, len(said) <= 300) == (False, False, False, True)


def test_chart_that_does_not_end_is_ended(helm: str) -> None:
    nested = "{{ range until 9999 }}" * 4 + "{{ end }}" * 4
    assert refused(Helm(helm, seconds=0.3), chart(f"a: {nested}\n")) == "the chart took longer than 0.3 s"


def test_dependency_that_is_not_vendored_is_not_fetched(helm: str) -> None:
    needs = 'dependencies: [{name: other, version: 1.0.0, repository: "http://127.0.0.1:9/"}]\n'
    assert "missing in charts/ directory: other" in refused(
        Helm(helm), chart("a: 1\n", more={"Chart.yaml": META + needs})
    )


@pytest.mark.parametrize("name", ["../out", "a/../../out", "/out", "a//b"])
def test_file_cannot_leave_the_folder(helm: str, name: str) -> None:
    assert refused(Helm(helm), chart("a: 1\n", more={name: "x"})) == "the chart has a file with an impossible name"


def test_same_chart_with_the_same_values_is_rendered_once(helm: str, tmp_path: Path) -> None:
    counting = tmp_path / "helm"
    counting.write_text(f'#!/bin/sh\necho run >> {tmp_path}/runs\nexec {helm} "$@"\n')
    counting.chmod(0o755)
    once = Helm(str(counting))
    texts = [once.render(chart("a: {{ .Values.tag }}\n", values=f"tag: {tag}\n")) for tag in ("one", "two", "one")]
    assert (texts[0] == texts[2], texts[0] == texts[1]) == (True, False)
    assert (tmp_path / "runs").read_text().splitlines() == ["run", "run"]


def test_another_turn_is_rendered_anew(helm: str) -> None:
    one = chart("a: {{ randAlphaNum 9 }}\n")
    once = Helm(helm)
    assert (once.render(one) == once.render(one), once.render(one) == once.render(replace(one, turn=1))) == (
        True,
        False,
    )


def test_without_helm_that_is_said() -> None:
    assert refused(Helm("/nowhere/helm"), chart("a: 1\n")) == "there is no Helm here (/nowhere/helm)"


def test_helm_of_another_time_is_told_by_its_flag(tmp_path: Path) -> None:
    old = tmp_path / "helm"
    old.write_text("#!/bin/sh\necho 'Error: unknown flag: --skip-schema-validation' >&2\nexit 1\n")
    old.chmod(0o755)
    assert refused(Helm(str(old)), chart("a: 1\n")) == "this Helm is too old: 3.16 or newer is needed"
