"""What Helm itself reads from an edited file: the value that was set, as text, whatever it looks like."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import pytest
import yaml

from service.core.values import Scalar, ValueEdit, edit_values, read_value
from service.errors import ValuesEditError
from tests.core.values.yaml_documents import AWKWARD

TEMPLATE = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\ndata: {all: {{ .Values | toJson | b64enc }}}\n"
MORE = [
    "0b1",
    "0777",
    "0o777",
    "1e3",
    "1E3",
    "+1",
    "-0",
    "1.",
    "0.1",
    "1_000",
    "0x_1",
    "12:30:45",
    "2001-12-14t21:59:43.10-05:00",
]
MORE += [
    "2024-1-1",
    "y",
    "N",
    "Off",
    "TRUE",
    "False",
    "Null",
    "NaN",
    ".nan",
    ".NaN",
    "-.Inf",
    "inf",
    "e1",
    "1e",
    "0e0",
    "00",
    "-",
    "+",
]


@pytest.fixture
def chart(tmp_path: Path) -> Path:
    (tmp_path / "templates").mkdir()
    (tmp_path / "Chart.yaml").write_text("apiVersion: v2\nname: x\nversion: 0.1.0\n")
    (tmp_path / "templates" / "all.yaml").write_text(TEMPLATE)
    return tmp_path


def values_in_helm(helm: str, chart: Path, text: str) -> dict[str, object]:
    """Render a chart that gives back its values, and read them."""
    (chart / "edited.yaml").write_bytes(text.encode())
    command = [helm, "template", "x", str(chart), "--values", str(chart / "edited.yaml")]
    rendered = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    found = json.loads(base64.b64decode(yaml.safe_load(rendered)["data"]["all"]))
    assert isinstance(found, dict)
    return found


@pytest.mark.parametrize("there", ["old", "'old'", '"old"', "", "&x{} old", "\n  old"], ids=repr)
@pytest.mark.parametrize("flow", [False, True], ids=["block", "flow"])
def test_helm_reads_text_as_this_very_text(helm: str, chart: Path, there: str, flow: bool) -> None:
    wanted = AWKWARD + MORE
    entries = [f"k{number}: {there.replace('{}', str(number))}" for number in range(len(wanted))]
    text = "{\n  " + ",\n  ".join(entries) + "\n}\n" if flow else "\n".join(entries) + "\n"
    edited = edit_values(text, [ValueEdit(f"k{number}", value) for number, value in enumerate(wanted)])
    found = values_in_helm(helm, chart, edited.text)
    assert [found[f"k{number}"] for number in range(len(wanted))] == wanted


def test_helm_reads_typed_values_as_their_type(helm: str, chart: Path) -> None:
    wanted: dict[str, Scalar] = {
        "a": 3,
        "b": -1,
        "c": 0,
        "d": 1.5,
        "e": 1e20,
        "f": 1e-7,
        "g": True,
        "h": False,
        "i": 10**9,
    }
    edited = edit_values("", [ValueEdit(key, value) for key, value in wanted.items()], create=True)
    assert values_in_helm(helm, chart, edited.text) == wanted


def test_helm_reads_created_keys_as_they_were_named(helm: str, chart: Path) -> None:
    names = [name for name in dict.fromkeys(AWKWARD + MORE) if len(name) < 200]
    edits = [ValueEdit(f"keys.{json.dumps(name)}", f"value {number}") for number, name in enumerate(names)]
    edited = edit_values("keys: {}\n", edits, create=True)
    assert values_in_helm(helm, chart, edited.text) == {"keys": {name: f"value {n}" for n, name in enumerate(names)}}


BASES = "b: &b {tag: from-b, only: b}\nc: &c {tag: from-c}\nd: &d {<<: *b, tag: from-d}\ne: &e {tag: from-e, <<: *b}\n"
MERGES = {
    "before": "i:\n  <<: *b\n  tag: own\n",
    "after": "i:\n  tag: own\n  <<: *b\n",
    "after-flow": "i: {tag: own, <<: *b}\n",
    "inline": "i:\n  tag: own\n  <<: {tag: inline}\n",
    "two": "i:\n  <<: *b\n  <<: *c\n",
    "two-around": "i:\n  <<: *b\n  tag: own\n  <<: {x: y}\n",
    "list": "i:\n  tag: own\n  <<: [*c, *b]\n",
    "list-other-way": "i:\n  <<: [*b, *c]\n",
    "list-inline": "i:\n  <<: [{x: y}, {tag: second}, {tag: third}]\n",
    "source-merges": "i:\n  <<: *d\n",
    "source-merges-later": "i:\n  <<: *e\n",
    "quoted": "i:\n  tag: own\n  '<<': *b\n",
    "exclamation": "i:\n  tag: own\n  ! '<<': *b\n",
    "tagged": "i:\n  tag: own\n  !!merge <<: *b\n",
    "string": "i:\n  tag: own\n  !!str <<: *b\n",
    "anchored": "i:\n  tag: own\n  &m <<: *b\n",
    "alias-key": "x: &m <<\ni:\n  tag: own\n  *m : {tag: other}\n",
    "null": "i:\n  tag: own\n  <<: {tag: }\n",
    "empty-list": "i:\n  tag: own\n  <<: []\n",
    "whole-mapping": "i: {tag: own}\n<<: {i: {tag: other}}\n",
    "whole-mapping-before": "<<: {i: {tag: other}}\ni: {tag: own}\n",
    "alias-of-merge": "j: &j\n  tag: own\n  <<: *b\ni: *j\n",
    "boolean-key": "i:\n  tag: own\n  <<: {yes: 1}\n",
}


@pytest.mark.parametrize("text", MERGES.values(), ids=MERGES)
def test_a_merge_is_read_as_helm_reads_it(helm: str, chart: Path, text: str) -> None:
    there = values_in_helm(helm, chart, BASES + text)["i"]
    assert isinstance(there, dict)
    assert read_value(BASES + text, "i.tag") == there["tag"]


@pytest.mark.parametrize("text", MERGES.values(), ids=MERGES)
def test_what_is_set_beside_a_merge_is_what_helm_reads_or_is_refused(helm: str, chart: Path, text: str) -> None:
    try:
        edited = edit_values(BASES + text, [ValueEdit("i.tag", "new")], create=True)
    except ValuesEditError as error:
        assert error.code in {"values-hidden", "values-alias"}  # noqa: PT017 - both ends are right, a third is not
        return
    there = values_in_helm(helm, chart, edited.text)["i"]
    assert isinstance(there, dict)
    assert there["tag"] == "new"
