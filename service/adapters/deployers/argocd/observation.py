"""An Argo CD application's JSON as an `Observation`. Called by the client; reads only, and asks nothing.

Go leaves empty fields out and writes empty lists as null, so every field here may be absent or null. The shapes
are those of recorded answers (tests/data/argocd).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator

from service.ports import Observation

MESSAGE_LENGTH = 2000
MESSAGES = 20
CANNOT_COMPARE = frozenset({"ComparisonError", "InvalidSpecError"})
"""Conditions under which Argo CD has no desired state to compare; its sync status is then `Unknown`."""

_FINISHED = frozenset({"Succeeded", "Failed", "Error"})
_FAILED = frozenset({"Failed", "Error"})


def _or_empty(value: object) -> object:
    return {} if value is None else value


def _or_none_left(value: object) -> object:
    return [] if value is None else value


class _Revisions(BaseModel):
    revision: str = ""
    revisions: Annotated[list[str], BeforeValidator(_or_none_left)] = []

    def all(self) -> tuple[str, ...]:
        """One source has `revision`, several have `revisions`."""
        return tuple(self.revisions) or ((self.revision,) if self.revision else ())


class _Sync(_Revisions):
    status: str = ""


class _Health(BaseModel):
    status: str = ""
    message: str = ""


class _Resource(BaseModel):
    kind: str = ""
    name: str = ""
    health: Annotated[_Health, BeforeValidator(_or_empty)] = _Health()


class _SyncedResource(BaseModel):
    kind: str = ""
    name: str = ""
    status: str = ""
    message: str = ""


class _SyncResult(_Revisions):
    resources: Annotated[list[_SyncedResource], BeforeValidator(_or_none_left)] = []


class _Operation(BaseModel):
    sync: Annotated[_Revisions, BeforeValidator(_or_empty)] = _Revisions()


class _OperationState(BaseModel):
    phase: str = ""
    message: str = ""
    operation: Annotated[_Operation, BeforeValidator(_or_empty)] = _Operation()
    syncResult: Annotated[_SyncResult, BeforeValidator(_or_empty)] = _SyncResult()  # noqa: N815 # Argo CD's name


class _Condition(BaseModel):
    type: str = ""
    message: str = ""


class _Summary(BaseModel):
    images: Annotated[list[str], BeforeValidator(_or_none_left)] = []


class _Status(BaseModel):
    sync: Annotated[_Sync, BeforeValidator(_or_empty)] = _Sync()
    health: Annotated[_Health, BeforeValidator(_or_empty)] = _Health()
    resources: Annotated[list[_Resource], BeforeValidator(_or_none_left)] = []
    conditions: Annotated[list[_Condition], BeforeValidator(_or_none_left)] = []
    operationState: Annotated[_OperationState, BeforeValidator(_or_empty)] = _OperationState()  # noqa: N815 # Argo CD's name
    summary: Annotated[_Summary, BeforeValidator(_or_empty)] = _Summary()


class _Metadata(BaseModel):
    name: str


class _Application(BaseModel):
    metadata: _Metadata
    status: Annotated[_Status, BeforeValidator(_or_empty)] = _Status()


class _Tree(BaseModel):
    nodes: Annotated[list[_Resource], BeforeValidator(_or_none_left)] = []


def observation_of(application: Mapping[str, Any], *, url: str = "") -> Observation:
    """Map an application; raise pydantic's ValidationError where it is none."""
    read = _Application.model_validate(application)
    status, operation = read.status, read.status.operationState
    return Observation(
        application=read.metadata.name,
        sync=status.sync.status,
        revisions=status.sync.all(),
        phase=operation.phase or None,
        synced_revisions=_synced(operation),
        health=status.health.status,
        messages=_bounded(_messages(status)),
        comparison_error=any(condition.type in CANNOT_COMPARE for condition in status.conditions),
        images=tuple(status.summary.images),
        url=url,
    )


def degraded_messages(tree: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the words of a resource tree's degraded nodes, pods first: they tell the cause."""
    nodes = [node for node in _Tree.model_validate(tree).nodes if node.health.status == "Degraded"]
    nodes.sort(key=lambda node: node.kind != "Pod")
    return _bounded(_of_resource(node) for node in nodes)


def _synced(operation: _OperationState) -> tuple[str, ...]:
    """Give what the operation synced, once it has finished.

    An operation that fails before its first resource has no result, only what it was asked for.
    """
    if operation.phase not in _FINISHED:
        return ()
    return operation.syncResult.all() or (operation.operation.sync.all() if operation.phase in _FAILED else ())


def _messages(status: _Status) -> Iterator[str]:
    operation = status.operationState
    if operation.phase in _FAILED:
        failed = (resource for resource in operation.syncResult.resources if resource.status == "SyncFailed")
        for resource in failed:
            yield f"{resource.kind}/{resource.name}: {resource.message}"
        yield operation.message
    yield from (condition.message for condition in status.conditions if condition.type in CANNOT_COMPARE)
    yield from (_of_resource(resource) for resource in status.resources if resource.health.status == "Degraded")
    yield status.health.message
    yield from (condition.message for condition in status.conditions if condition.type not in CANNOT_COMPARE)


def _of_resource(resource: _Resource) -> str:
    return f"{resource.kind}/{resource.name}: {resource.health.message}" if resource.health.message else ""


def _bounded(messages: Iterator[str]) -> tuple[str, ...]:
    """Leave out empty and repeated ones; a message may hold a whole Helm error, so it is cut, not split."""
    told = dict.fromkeys(message.strip()[:MESSAGE_LENGTH] for message in messages)
    return tuple(message for message in told if message)[:MESSAGES]
