"""The `fields` parameter of Argo CD's list call, which knows a fixed list of fields and ignores all others.

https://github.com/argoproj/argo-cd/blob/v3.5.7/pkg/apiclient/application/forwarder_overwrite.go
"""

from __future__ import annotations

from typing import Any

from devstack.argocd.shapes import Json

KNOWN = {
    "metadata.name": "metadata.name",
    "metadata.namespace": "metadata.namespace",
    "metadata.annotations": "metadata.annotations",
    "metadata.labels": "metadata.labels",
    "metadata.creationTimestamp": "metadata.creationTimestamp",
    "metadata.deletionTimestamp": "metadata.deletionTimestamp",
    "spec": "spec",
    "status.sourceHydrator": "status.sourceHydrator",
    "status.sync.status": "status.sync.status",
    "status.health": "status.health",
    "status.summary": "status.summary",
    "status.operationState.startedAt": "status.operationState.startedAt",
    "status.operationState.finishedAt": "status.operationState.finishedAt",
    "status.resources": "status.resources",
    "operation.sync": "operation.sync",
    "status.operationState.phase": "status.operationState.phase",
    "status.operationState.operation.sync": "status.operationState.syncResult",
}
"""Each field and where its value really comes from; the last one is a quirk of Argo CD."""


def select(item: Json, fields: str) -> Json:
    """Return an application with only the fields asked for or, with a leading minus, all known fields but those."""
    exclude = fields.startswith("-")
    asked = set(fields.removeprefix("-").split(","))
    chosen: Json = {}
    for name, where in KNOWN.items():
        if (f"items.{name}" in asked) == exclude:
            continue
        value = _find(item, where)
        if value is not None:
            _put(chosen, name, value)
    return chosen


def _find(item: Json, path: str) -> Any:  # noqa: ANN401 # JSON is anything
    value: Any = item
    for part in path.split("."):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _put(target: Json, path: str, value: object) -> None:
    *parents, last = path.split(".")
    for part in parents:
        target = target.setdefault(part, {})
    target[last] = value
