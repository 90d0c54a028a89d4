"""The names that an Argo CD application may be asked by: `name`, or `namespace/name`. Used by the client; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


def split_name(application: str) -> tuple[str, str]:
    """Give the namespace, empty where none is named, and the name."""
    namespace, _, name = application.rpartition("/")
    return namespace, name


def names_of(item: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Give the names to ask for an application by: with its namespace, and the bare name in Argo CD's own namespace."""
    metadata, status = item.get("metadata"), item.get("status")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return
    namespace = str(metadata.get("namespace") or "")
    yield namespace, metadata["name"]
    own = status.get("controllerNamespace") if isinstance(status, dict) else None
    if own in {None, "", namespace}:
        yield "", metadata["name"]


def mappings(value: object) -> Iterator[Mapping[str, Any]]:
    """Give the objects of a list; anything else is left out."""
    if isinstance(value, list):
        yield from (item for item in value if isinstance(item, dict))
