"""Gates in the configuration: read, merged, explained, and each fault with its place."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft7Validator

from service.adapters.kinds import kinds
from service.core.config import Configuration, Kinds, json_schema, load
from service.errors import ConfigError

ROOT = Path(__file__).parents[3]
DATA = ROOT / "tests" / "data" / "config"
OBEYED = kinds()
"""The kinds as they will be once promotion judges gates."""

GATES = """\
      soak: {environment: stage, healthy_for: 30m}
      freeze:
        - {cron: "0 18 * * 5", duration: 62h, timezone: Asia/Seoul, reason: weekend}
        - {from: "2026-12-24", until: "2027-01-02", except: {labels: [hotfix], applications: [checkout]}}
        - {file: freezes.ics}
      checks: {contexts: ["ci/*"], required: 2}
      approval: {from: "team:release-managers", count: 1}
      image: {platforms: [linux/amd64], scan: {fail_on: CRITICAL, allow: [{id: CVE-1, until: "2026-12-31", reason: x}]}}
      http: {url: "https://gates.acme.dev/ask", secret: GATE_SECRET, timeout: 5s}
"""
FILE = """\
environments:
  stage: {branch: staging}
  prod:
    branch: main
    gates:
GATESapplications:
  checkout:
    source: acme/checkout
    registry: ghcr.io
    values: [{file: "{application}-{environment}.yaml", set: {image.tag: "{tag}"}}]
OWN"""


def text(gates: str = GATES, own: str = "") -> str:
    return FILE.replace("GATES", gates).replace("OWN", own)


def read(gates: str = GATES, own: str = "", known: Kinds = OBEYED) -> Configuration:
    return load(text(gates, own), kinds=known)


def faults(gates: str, own: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text(gates, own), kinds=OBEYED, file="f")
    return [str(fault).removeprefix("f:") for fault in caught.value.faults]


def explained(configuration: Configuration) -> dict[str, tuple[object, int | None]]:
    rows = configuration.explain("checkout", "prod")
    return {row.key: (row.value, row.line) for row in rows if row.key.startswith("gates.")}


def test_every_kind_can_be_written() -> None:
    target = read().target("checkout", "prod")

    assert target is not None
    assert [kind for kind, _ in target.gates] == ["soak", "freeze", "checks", "approval", "image", "http"]


def test_gates_are_explained_key_by_key_with_their_lines() -> None:
    told = explained(read())

    assert told["gates.soak.environment"] == ("stage", 6)
    assert told["gates.soak.healthy_for"] == ("30m", 6)
    assert told["gates.freeze[0]"] == (
        {"cron": "0 18 * * 5", "duration": "2d14h", "timezone": "Asia/Seoul", "reason": "weekend"},
        8,
    )
    assert told["gates.approval.from"] == (["team:release-managers"], 12)
    assert told["gates.http.timeout"] == ("5s", 14)


def test_an_application_changes_single_keys_replaces_lists_and_turns_gates_off() -> None:
    own = """\
    environments:
      prod:
        gates:
          soak: {healthy_for: 2h}
          freeze: [{from: "2026-05-01", until: "2026-05-01"}]
          approval: false
          image: false
          http: false
"""
    told = explained(read(own=own))

    assert told == {
        "gates.soak.environment": ("stage", 6),
        "gates.soak.healthy_for": ("2h", 23),
        "gates.freeze[0]": ({"from": "2026-05-01", "until": "2026-05-01"}, 24),
        "gates.checks.contexts": (["ci/*"], 11),
        "gates.checks.required": (2, 11),
    }


def cases() -> list[list[str]]:
    """Give the cases of the file: a gate that stands on line 6, and indented below it its faults."""
    lines = (DATA / "gate-faults.txt").read_text(encoding="utf-8")
    return [case.split("\n  ") for case in re.split(r"\n(?! )", lines.strip())]


@pytest.mark.parametrize("case", cases(), ids=lambda case: case[0])
def test_a_fault_of_a_gate_has_its_place_and_the_next_action(case: list[str]) -> None:
    assert faults(f"      {case[0]}\n") == case[1:]


SOAK = "      soak: {environment: stage, healthy_for: 30m}\n"


UNWATCHED = (
    "6:27: environments.prod.gates.soak.environment: stage does not tell when checkout is healthy: "
    "argocd is false (name its Argo CD application in stage, or turn the gate off: soak: false)"
)
ABSENT = (
    "6:27: environments.prod.gates.soak.environment: checkout is not in stage, so it never runs there "
    "(name another environment, or turn the gate off for the application: soak: false)"
)


@pytest.mark.parametrize(
    ("own", "told"),
    [
        ("    argocd: false\n", UNWATCHED),
        ("    environments: {stage: {argocd: false}}\n", UNWATCHED),
        ("    environments: {stage: false}\n", ABSENT),
    ],
    ids=["argocd off", "argocd off there", "not there"],
)
def test_a_soak_where_nobody_sees_health_is_a_fault(own: str, told: str) -> None:
    assert faults(SOAK, own) == [told]


def test_a_soak_that_is_turned_off_for_the_application_is_none() -> None:
    own = "    environments: {stage: false, prod: {gates: {soak: false}}}\n"

    assert explained(read(SOAK, own)) == {}


def test_the_schema_of_what_will_be_obeyed_fits_what_is_read() -> None:
    validator = Draft7Validator(json_schema(OBEYED))

    assert [error.message for error in validator.iter_errors(yaml.safe_load(text()))] == []
    Draft7Validator.check_schema(json_schema(OBEYED))


def keys(node: object) -> Iterator[str]:
    """Give the keys of mappings that a schema knows."""
    for value in node.values() if isinstance(node, dict) else node if isinstance(node, list) else ():
        yield from keys(value)
    if isinstance(node, dict) and isinstance(node.get("properties"), dict):
        yield from node["properties"]


@pytest.mark.parametrize("page", ["gates.md", "configuration.md"])
def test_every_key_of_a_gate_is_in_the_docs(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    documented = {part for code in re.findall(r"`([^`\n]+)`", text) for part in re.split(r"[.:{} ]", code)}

    for kind, model in OBEYED.gates.items():
        assert {kind, *keys(model.model_json_schema())} - documented == set()


def test_the_examples_in_the_docs_load() -> None:
    whole, *single = re.findall(
        r"```yaml\n(.*?)```", (ROOT / "docs" / "gates.md").read_text(encoding="utf-8"), re.DOTALL
    )
    gates = "".join(f"      {line}\n" for example in single for line in example.splitlines())

    assert len(read(gates).explain("checkout", "prod")) > len(OBEYED.gates)
    assert {example.split(":")[0] for example in single} == set(OBEYED.gates)
    assert explained(load(whole, kinds=OBEYED)) == {
        "gates.soak.environment": ("stage", 6),
        "gates.soak.healthy_for": ("2h", 16),
    }
