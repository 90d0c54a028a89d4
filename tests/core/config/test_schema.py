"""The JSON schema and the documentation say what the loader reads."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft7Validator

from service.adapters.kinds import kinds
from service.core.config import json_schema, load

ROOT = Path(__file__).parents[3]
GOOD = sorted((ROOT / "tests" / "data" / "config" / "good").glob("*.yaml"))
TEMPLATE = ROOT / "manifests-template" / "mergeport.yaml"
COMMITTED = ROOT / "docs" / "mergeport.schema.json"
DOCUMENT = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")


def validator() -> Draft7Validator:
    return Draft7Validator(json.loads(COMMITTED.read_text(encoding="utf-8")))


def test_the_committed_schema_is_the_generated_one() -> None:
    """If this fails: `mergeport config schema > docs/mergeport.schema.json`."""
    assert json.loads(COMMITTED.read_text(encoding="utf-8")) == json_schema(kinds())


def defaults(node: object) -> Iterator[dict[str, object]]:
    """Give every part of the schema that has a default."""
    if isinstance(node, dict):
        if "default" in node and not isinstance(node["default"], dict):
            yield node
        node = list(node.values())
    for part in node if isinstance(node, list) else []:
        yield from defaults(part)


def test_every_default_could_be_written_as_it_is_told() -> None:
    told = list(defaults(json_schema(kinds())))
    assert "30m" in [one["default"] for one in told]
    linked = [one for one in told if "$ref" not in json.dumps(one)]
    assert [one["default"] for one in linked if not Draft7Validator(one).is_valid(one["default"])] == []


def test_the_schema_is_one() -> None:
    Draft7Validator.check_schema(json_schema(kinds()))


@pytest.mark.parametrize("file", [*GOOD, TEMPLATE], ids=lambda file: file.name)
def test_a_good_configuration_loads_and_fits_the_schema(file: Path) -> None:
    load(file.read_bytes(), kinds=kinds())

    assert [error.message for error in validator().iter_errors(yaml.safe_load(file.read_text()))] == []


@pytest.mark.parametrize(
    "damage",
    [
        {"applicatoins": {}},
        {"environments": {"dev": {"brnach": "x"}}},
        {"environments": {"dev": {"publish": "commits"}}},
        {"environments": {"Dev": {"branch": "x"}}},
        {"defaults": {"registry": 5}},
        {"defaults": {"registry": {"kind": "docker-hub"}}},
        {"defaults": {"build": {"kind": "docker", "contxt": "."}}},
        {"defaults": {"values": [{"file": "a.yaml"}]}},
        {"defaults": {"argocd": True}},
        {"applications": {"a": {"environments": {"dev": True}}}},
        {"applications": {"a": {"environments": {"dev": {"tga": "x"}}}}},
    ],
    ids=str,
)
def test_the_schema_refuses_what_an_editor_should_underline(damage: dict[str, Any]) -> None:
    assert not validator().is_valid({"environments": {}, "applications": {}, **damage})


def keys(node: object) -> Iterator[str]:
    match node:
        case dict():
            if isinstance(node.get("properties"), dict):
                yield from node["properties"]
            for value in node.values():
                yield from keys(value)
        case list():
            for item in node:
                yield from keys(item)


def test_every_key_is_in_the_docs() -> None:
    documented = {part for code in re.findall(r"`([^`\n]+)`", DOCUMENT) for part in re.split(r"[.:{} ]", code)}

    assert set(keys(json_schema(kinds()))) - documented == set()


def test_every_kind_is_in_the_docs() -> None:
    for kind in (*kinds().builders, *kinds().registries):
        assert f"**`{kind}`**" in DOCUMENT


def test_the_example_in_the_docs_loads() -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", DOCUMENT, re.DOTALL)

    assert load(example, kinds=kinds()).applications == ("checkout", "recommender")
