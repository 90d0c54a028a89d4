"""An Argo CD application's JSON as an `Observation`, its tree as `Pods`. Called by the client; asks nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from service.adapters.deployers.argocd.applications import (
    Application,
    Node,
    OperationState,
    Parent,
    Resource,
    Status,
    SyncedResource,
    Tree,
    Windows,
)
from service.adapters.deployers.argocd.overrides import overrides_of
from service.core.deployment import Applied, Observation, Pods

MESSAGE_LENGTH = 2000
MESSAGES = 20
CANNOT_COMPARE = frozenset({"ComparisonError", "InvalidSpecError"})
"""Conditions under which Argo CD has no desired state to compare; its sync status is then `Unknown`."""

_GROUP = "argoproj.io"
_FINISHED = frozenset({"Succeeded", "Failed", "Error"})
_FAILED = frozenset({"Failed", "Error"})
_UNDER_WAY = frozenset({"Running", "Terminating"})
_WRONG = ("Degraded", "Missing", "Unknown", "Suspended", "Progressing")
"""Bad healths, the most telling first."""


def observation_of(application: Mapping[str, Any], *, url: str = "") -> Observation:
    """Read an application from Argo CD's JSON; raises pydantic's ValidationError if it is none."""
    read = Application.model_validate(application)
    status, operation = read.status, read.status.operationState
    automated = read.spec.syncPolicy.automated
    sources = status.sync.comparedTo.all() or read.spec.all()
    return Observation(
        application=read.metadata.name,
        sync=status.sync.status,
        revisions=status.sync.all(),
        phase=operation.phase or None,
        synced_revisions=_synced(operation),
        health=status.health.status,
        messages=_bounded(_messages(status)),
        sync_errors=_bounded(_sync_errors(operation)),
        comparison_error=any(condition.type in CANNOT_COMPARE for condition in status.conditions),
        images=tuple(status.summary.images),
        url=url,
        sources=tuple(source.repoURL for source in sources),
        follows=tuple(source.targetRevision for source in sources),
        operation_revisions=operation.operation.sync.all(),
        retries_left=_retries_left(operation),
        out_of_sync=tuple(_name(one) for one in status.resources if one.status == "OutOfSync" and not one.hook),
        unhealthy=_bounded(_unhealthy(status.resources)),
        health_since=status.health.lastTransitionTime,
        applied=tuple(
            Applied(f"{one.kind}/{one.name}", tuple(one.images)) for one in operation.syncResult.resources if one.images
        ),
        automated=automated is not None and automated.enabled is not False,
        children=tuple(_children(status.resources, read.metadata.namespace)),
        overrides=tuple(overrides_of(read.spec)),
        project=read.spec.project,
        operation=operation.startedAt,
        tries=operation.retryCount,
        doing=operation.message.strip()[:MESSAGE_LENGTH] if operation.phase in _UNDER_WAY else "",
        conditions=_bounded(one.message for one in status.conditions if one.type not in CANNOT_COMPARE),
    )


def has_generators(application: Mapping[str, Any]) -> bool:
    """Tell whether an application contains ApplicationSets; what these generate is only in its tree."""
    resources = Application.model_validate(application).status.resources
    return any(one.kind == "ApplicationSet" and one.group == _GROUP for one in resources)


def generated_in(tree: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the applications in a tree."""
    return tuple(_children(Tree.model_validate(tree).nodes, ""))


def pods_of(tree: Mapping[str, Any]) -> Pods:
    """Read a resource tree: the messages of what is not healthy, pods first, and the images that only schedules run."""
    nodes = Tree.model_validate(tree).nodes
    wrong = [node for node in nodes if node.health.status in {"Degraded", "Progressing"} and node.health.message]
    wrong.sort(key=lambda node: (node.kind != "Pod", _WRONG.index(node.health.status)))
    scheduled = {node.uid for node in nodes if node.kind == "Job" and _owner(node, "CronJob")}
    by_schedule, otherwise = set[str](), set[str]()
    for node in nodes:
        if node.kind == "Pod":
            job = _owner(node, "Job")
            (by_schedule if job is not None and job.uid in scheduled else otherwise).update(node.images)
    return Pods(_bounded(_of_resource(node) for node in wrong), frozenset(by_schedule - otherwise))


def _owner(node: Node, kind: str) -> Parent | None:
    return next((parent for parent in node.parentRefs if parent.kind == kind), None)


def closed_windows_of(answer: Mapping[str, Any]) -> tuple[str, ...]:
    """Name the windows that deny automatic syncs now; if none denies and none allows them, those that will allow them.

    `canSync` is about syncs by hand too, so the active windows decide: a deny wins, and an allow counts only while it
    is active.
    """
    read = Windows.model_validate(answer)
    if deny := [one for one in read.activeWindows if one.kind == "deny"]:
        return tuple(f"it denies syncs from `{one.schedule}` on for {one.duration}" for one in deny)
    allow = [one for one in read.assignedWindows if one.kind == "allow"]
    if not allow or any(one.kind == "allow" for one in read.activeWindows):
        return ()
    return tuple(f"it allows syncs from `{one.schedule}` on for {one.duration}" for one in allow)


def _synced(operation: OperationState) -> tuple[str, ...]:
    """Give what the operation synced, once it has finished.

    An operation that fails before its first resource has no result, only what it was asked for.
    """
    if operation.phase not in _FINISHED:
        return ()
    return operation.syncResult.all() or (operation.operation.sync.all() if operation.phase in _FAILED else ())


def _retries_left(operation: OperationState) -> bool:
    """Tell whether Argo CD will try a failed operation again; between two tries it says Failed for a moment.

    https://github.com/argoproj/argo-cd/blob/v3.5.7/controller/appcontroller.go (processRequestedAppOperation)
    """
    limit = operation.operation.retry.limit
    return operation.phase in _FAILED and (limit < 0 or operation.retryCount < limit)


def _sync_errors(operation: OperationState) -> Iterator[str]:
    """Give the messages of a failed operation, or of the failed try of an operation that waits for its next try.

    Once the next try has begun, the result of the failed one is gone and the message is about the new one.
    https://github.com/argoproj/argo-cd/blob/v3.5.7/controller/appcontroller.go (processRequestedAppOperation)
    """
    failed = [one for one in operation.syncResult.resources if _has_failed(one)]
    yield from (f"{one.kind}/{one.name}: {one.message}" for one in failed)
    if operation.phase in _FAILED or (operation.retryCount and (operation.finishedAt or failed)):
        yield operation.message


def _has_failed(resource: SyncedResource) -> bool:
    return resource.status == "SyncFailed" or resource.hookPhase in {"Failed", "Error"}


def _messages(status: Status) -> Iterator[str]:
    if status.operationState.phase in _FAILED:
        yield from _sync_errors(status.operationState)
    yield from (condition.message for condition in status.conditions if condition.type in CANNOT_COMPARE)
    yield from (_of_resource(resource) for resource in status.resources if resource.health.status == "Degraded")
    yield status.health.message
    yield from (condition.message for condition in status.conditions if condition.type not in CANNOT_COMPARE)


def _of_resource(resource: Resource) -> str:
    return f"{_name(resource)}: {resource.health.message}" if resource.health.message else ""


def _unhealthy(resources: Iterable[Resource]) -> Iterator[str]:
    """Name what is not healthy with its message, the worst first; a load balancer without an address has no message."""
    wrong = [one for one in resources if one.health.status in _WRONG]
    for one in sorted(wrong, key=lambda one: _WRONG.index(one.health.status)):
        yield f"{_name(one)} is {one.health.status}" + (f": {one.health.message}" if one.health.message else "")


def _children(resources: Iterable[Resource], namespace: str) -> Iterator[str]:
    """Name the applications among the objects, in the form in which they can be asked for."""
    for one in resources:
        if one.kind == "Application" and one.group == _GROUP:
            yield "/".join(part for part in (one.namespace or namespace, one.name) if part)


def _name(resource: Resource) -> str:
    return f"{resource.kind}/{resource.name}"


def _bounded(messages: Iterable[str]) -> tuple[str, ...]:
    """Leave out empty and repeated messages and cut long ones: a message may hold a whole Helm error."""
    told = dict.fromkeys(message.strip()[:MESSAGE_LENGTH] for message in messages)
    return tuple(message for message in told if message)[:MESSAGES]
