"""The JSON schema of `mergeport.yaml`, for editors; assembled from the layout and the adapters' options.

Committed as docs/mergeport.schema.json, which a test compares with this. It is a help while writing:
`load` alone decides, and knows more (placeholders, patterns, what conflicts).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.core.config.key_types import LINK
from service.core.config.keys import File, OrderKeys, TargetKeys
from service.core.config.options import Kinds, Models
from service.core.config.texts import NAME, duration_text

COPY = "true: Mergeport copies the image there. Else it waits until somebody else has replicated it."
_DIALECT = "http://json-schema.org/draft-07/schema#"
"""The draft that editors' YAML language servers read best."""


def json_schema(kinds: Kinds) -> dict[str, object]:
    """Give the schema; the same kinds give the same text."""
    models: list[tuple[type[BaseModel], Literal["validation"]]]
    models = [(File, "validation"), (TargetKeys, "validation"), (OrderKeys, "validation")]
    _, top = models_json_schema(models, ref_template="#/$defs/{model}")
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
    definitions["PullFrom"] = {
        "anyOf": [
            {"type": "string", "description": "The registry's host, and its port if it has one."},
            _alternatives(
                kinds.registries,
                "The registry that is pulled from, its options, and whether images are copied into it.",
                definitions,
                also={"host": {"type": "string"}, "copy": {"type": "boolean", "description": COPY}},
            ),
        ]
    }
    definitions["ModelRegistry"] = (
        _alternatives(kinds.models, "The model registry and its options.", definitions)
        if kinds.models
        else {"type": "object"}
    )
    named = {"gates": ("Gates", kinds.gates), "notify": ("Notify", kinds.notifiers)}
    for key, (name, options) in named.items():
        if key not in kinds.missing:
            definitions[name] = _by_kind(options, definitions)
            continue
        for model in ("EnvironmentKeys", "TargetKeys"):
            del definitions[model]["properties"][key]
    file = definitions.pop("File")
    for name in ("environments", "applications", "model_registries"):
        file["properties"][name]["propertyNames"] = {"pattern": f"^{NAME}$"}
    linked = _linked(file)
    return {
        "$schema": _DIALECT,
        "title": "mergeport.yaml",
        **{key: value for key, value in linked.items() if key != "title"},
        "$defs": {name: _linked(definition) for name, definition in sorted(definitions.items())},
    }


def _linked(node: Any) -> Any:  # noqa: ANN401 - any JSON
    """Give the schema with its links as references, without titles and defaults that say nothing."""
    match node:
        case dict() if LINK in node:
            return {"$ref": f"#/$defs/{node[LINK]}"}
        case dict():
            return {key: _linked(value) for key, value in node.items() if not _says_nothing(key, value)}
        case list():
            return [_linked(item) for item in node]
        case _:
            return node


def _says_nothing(key: str, value: object) -> bool:
    return (key == "title" and isinstance(value, str)) or (key == "default" and value in ("", {}, [], None))


def _alternatives(
    models: Models,
    description: str,
    definitions: dict[str, Any],
    also: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Give one alternative for each kind. No key is required, because another layer may have it."""
    alternatives = []
    for kind, model in sorted(models.items()):
        options = _options(kind, model, definitions)
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


def _by_kind(models: Models, definitions: dict[str, Any]) -> dict[str, Any]:
    """Give a mapping of each kind to its options, or to false."""
    properties = {
        kind: {"anyOf": [_options(kind, model, definitions), {"const": False}]} for kind, model in models.items()
    }
    return {"type": "object", "properties": properties, "additionalProperties": False}


def _options(kind: str, model: type[BaseModel], definitions: dict[str, Any]) -> dict[str, Any]:
    """Give the schema of a kind's options; what it refers to goes to the definitions, under the kind's name."""
    options = model.model_json_schema(ref_template=f"#/$defs/{kind}.{{model}}")
    for name, definition in options.pop("$defs", {}).items():
        definitions[f"{kind}.{name}"] = definition
    for name, field in model.model_fields.items():
        if isinstance(field.default, timedelta):
            options["properties"][name]["default"] = duration_text(field.default)
    return options
