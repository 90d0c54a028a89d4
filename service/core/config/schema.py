"""The JSON schema of `mergeport.yaml`, for editors; assembled from the layout and the adapters' options.

Committed as docs/mergeport.schema.json, which a test compares with this. It is a help while writing:
`load` alone decides, and knows more (placeholders, patterns, what conflicts).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.core.config.images import Kinds
from service.core.config.layout import NAME, File, TargetKeys

_DIALECT = "http://json-schema.org/draft-07/schema#"
"""What editors' YAML language servers read best."""


def json_schema(kinds: Kinds) -> dict[str, object]:
    """Give the schema; the same kinds give the same text."""
    _, top = models_json_schema([(File, "validation"), (TargetKeys, "validation")], ref_template="#/$defs/{model}")
    definitions: dict[str, Any] = top["$defs"]
    definitions["Build"] = _alternatives(kinds.builders, "The builder and its options.", definitions)
    definitions["Registry"] = {
        "anyOf": [
            {"type": "string", "description": "The registry's host, and its port if it has one."},
            _alternatives(
                kinds.registries, "The registry and its options.", definitions, also={"host": {"type": "string"}}
            ),
        ]
    }
    file = definitions.pop("File")
    for name in ("environments", "applications"):
        file["properties"][name]["propertyNames"] = {"pattern": f"^{NAME}$"}
    return {
        "$schema": _DIALECT,
        "title": "mergeport.yaml",
        **{key: value for key, value in file.items() if key != "title"},
        "$defs": dict(sorted(definitions.items())),
    }


def _alternatives(
    models: Mapping[str, type[BaseModel]],
    description: str,
    definitions: dict[str, Any],
    also: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Give one alternative a kind. Nothing is required: another layer may say it."""
    alternatives = []
    for kind, model in sorted(models.items()):
        options = model.model_json_schema(ref_template=f"#/$defs/{kind}.{{model}}")
        for name, definition in options.pop("$defs", {}).items():
            definitions[f"{kind}.{name}"] = definition
        properties = {**(also or {}), **options.get("properties", {}), "kind": {"const": kind}}
        alternatives.append(
            {
                "type": "object",
                "description": options.get("description", ""),
                "properties": properties,
                "additionalProperties": False,
            }
        )
    return {"description": description, "anyOf": alternatives}
