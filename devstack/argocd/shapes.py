"""How Argo CD writes applications in JSON, as recorded from a real one (tests/data/argocd). Pure functions."""

from __future__ import annotations

from typing import Any

from devstack.argocd.application import Application, Deployed, Operation
from devstack.argocd.rendering import Source

Json = dict[str, Any]
SERVER = "https://kubernetes.default.svc"
_SETTLED = frozenset({"synced", "healthy", "degraded", "idle"})
MANAGERS = ("argocd", "argocd-application-controller")


def source(one: Source, git_url: str) -> Json:
    """Write one source."""
    written: Json = {"repoURL": one.repository if one.chart else f"{git_url}/{one.repository}.git"}
    if one.path:
        written["path"] = one.path
    written["targetRevision"] = one.target_revision
    if one.value_files:
        written["helm"] = {"valueFiles": list(one.value_files)}
    if one.parameters:
        parameters = [{"name": name, "value": value} for name, value in one.parameters]
        written.setdefault("helm", {})["parameters"] = parameters
    if one.chart:
        written["chart"] = one.chart
    if one.ref:
        written["ref"] = one.ref
    return written


def sources(app: Application, git_url: str) -> Json:
    """Write the sources under the key that fits their number."""
    written = [source(one, git_url) for one in app.sources]
    return {"sources": written} if app.multi else {"source": written[0]}


def revisions(app: Application, values: tuple[str, ...]) -> Json:
    """Write revisions under the key that fits their number."""
    return {"revisions": list(values)} if app.multi else {"revision": values[0]}


def application(app: Application, git_url: str) -> Json:
    """Write a whole application."""
    metadata: Json = {
        "name": app.name,
        "namespace": "argocd",
        "uid": app.uid,
        "resourceVersion": str(app.resource_version),
        "generation": app.generation,
        "creationTimestamp": app.created_at,
        "finalizers": ["resources-finalizer.argocd.argoproj.io"],
        "managedFields": [_managed(app, manager) for manager in MANAGERS],
    }
    if app.labels:
        metadata["labels"] = dict(app.labels)
    automated = {"prune": True, "selfHeal": True} if app.automated else None
    policy: Json = {"syncOptions": ["CreateNamespace=true"]}
    spec: Json = {
        **sources(app, git_url),
        "destination": {"server": SERVER, "namespace": app.namespace},
        "project": app.project,
        "syncPolicy": {"automated": automated, **policy} if automated else policy,
    }
    written: Json = {"metadata": metadata, "spec": spec, "status": _status(app, git_url)}
    if app.requested is not None:
        written["operation"] = _operation(app, app.requested, git_url)
    return written


def _managed(app: Application, manager: str) -> Json:
    return {
        "manager": manager,
        "operation": "Update",
        "apiVersion": "argoproj.io/v1alpha1",
        "time": app.reconciled_at or app.created_at,
        "fieldsType": "FieldsV1",
        "fieldsV1": {},
    }


def _status(app: Application, git_url: str) -> Json:
    status: Json = {"resources": _resources(app)} if app.revisions else {}
    destination = {"server": SERVER, "namespace": app.namespace}
    status["sync"] = {"status": app.sync, "comparedTo": {**sources(app, git_url), "destination": destination}}
    if app.revisions:
        status["sync"].update(revisions(app, app.revisions))
    status["health"] = {"status": app.health, "lastTransitionTime": app.health_at}
    if app.history:
        status["history"] = [_history(app, one, git_url) for one in app.history]
    if app.conditions:
        status["conditions"] = [dict(one) for one in app.conditions]
    if app.reconciled_at:
        status["reconciledAt"] = app.reconciled_at
    if app.operation is not None:
        status["operationState"] = _operation_state(app, app.operation, git_url)
    if app.sync != "Unknown":
        status.update({"sourceTypes": ["Helm"] * len(app.sources)} if app.multi else {"sourceType": "Helm"})
    status["summary"] = {"images": list(app.images)} if app.images else {}
    return {**status, "resourceHealthSource": "appTree", "controllerNamespace": "argocd", "sourceHydrator": {}}


def _resources(app: Application) -> list[Json]:
    own = "Synced" if app.apart and app.sync == "OutOfSync" and app.at in _SETTLED else app.sync
    common: Json = {"namespace": app.namespace, "name": app.name, "status": own}
    extra: Json = {"requiresPruning": True} if app.sync == "Unknown" else {}
    health: Json = {"status": app.health}
    if app.health_message:
        health["message"] = app.health_message
    config = {"version": "v1", "kind": "ConfigMap", **common, **extra}
    others = [_object(one, app.namespace) for one in app.apart]
    children = [_child(name, app.sync) for name in app.children]
    if children:
        return [*children, *others]
    deployment = {"group": "apps", "version": "v1", "kind": "Deployment", **common, "health": health, **extra}
    return [config, deployment, *others]


def _object(name: str, namespace: str) -> Json:
    kind, _, called = name.partition("/")
    return {"version": "v1", "kind": kind, "namespace": namespace, "name": called, "status": "OutOfSync"}


def _child(name: str, status: str) -> Json:
    kind: Json = {"group": "argoproj.io", "version": "v1alpha1", "kind": "Application"}
    return {**kind, "namespace": "argocd", "name": name, "status": status}


def _history(app: Application, one: Deployed, git_url: str) -> Json:
    by: Json = {"username": one.username} if one.username else {"automated": True}
    return {
        **revisions(app, one.revisions),
        "deployedAt": one.at,
        "id": one.number,
        **sources(app, git_url),
        "deployStartedAt": one.at,
        "initiatedBy": by,
    }


def _operation(app: Application, operation: Operation, git_url: str) -> Json:
    sync: Json = {**revisions(app, operation.revisions), "prune": True}
    if operation.healing:
        sync["resources"] = [{"group": "apps", "kind": "Deployment", "name": app.name}]
    sync.update(**sources(app, git_url), syncOptions=["CreateNamespace=true"])
    if operation.healing:
        sync["autoHealAttemptsCount"] = 1
    by: Json = {"username": operation.username} if operation.username else {"automated": True}
    return {"sync": sync, "initiatedBy": by, "retry": {"limit": app.retry_limit}}


def _operation_state(app: Application, operation: Operation, git_url: str) -> Json:
    written: Json = {"operation": _operation(app, operation, git_url), "phase": operation.phase}
    if operation.retries:
        written["retryCount"] = operation.retries
    if operation.finished_at or operation.retries:
        written["message"] = operation.message
    if operation.finished_at:
        written["syncResult"] = {
            "resources": _results(app, operation),
            **revisions(app, operation.revisions),
            **sources(app, git_url),
        }
    written["startedAt"] = operation.started_at
    if operation.finished_at:
        written["finishedAt"] = operation.finished_at
    return written


def _results(app: Application, operation: Operation) -> list[Json]:
    common: Json = {"version": "v1", "namespace": app.namespace, "name": app.name}
    ended: Json = {"hookPhase": "Running", "syncPhase": "Sync"}
    config = {
        "group": "",
        "kind": "ConfigMap",
        **common,
        "status": "Synced",
        "message": f"configmap/{app.name} configured",
        **ended,
    }
    done: Json = {"status": "Synced", "message": f"deployment.apps/{app.name} configured", **ended}
    if operation.failed:
        done = {"status": "SyncFailed", "message": operation.message, "hookPhase": "Failed", "syncPhase": "Sync"}
    deployment = {"group": "apps", "kind": "Deployment", **common, **done, "images": [operation.image]}
    return [deployment] if operation.healing else [config, deployment]


def resource_tree(app: Application) -> Json:
    """Write the tree of what runs: a Deployment, its ReplicaSet and a pod, whose health tells why."""
    common: Json = {"version": "v1", "namespace": app.namespace, "resourceVersion": str(app.resource_version)}
    health: Json = {"status": app.health, **({"message": app.health_message} if app.health_message else {})}
    pod: Json = {
        "status": "Degraded" if app.pod_message else app.health,
        **({"message": app.pod_message} if app.pod_message else {}),
    }
    age = {"createdAt": app.created_at}
    parent = {"group": "apps", **common, "name": app.name}
    parent.pop("resourceVersion")
    return {
        "nodes": [
            {**common, "kind": "ConfigMap", "name": app.name, "uid": f"{app.uid}-c", **age},
            {
                **common,
                "kind": "Pod",
                "name": f"{app.name}-6d59c5cf87-lgfdl",
                "uid": f"{app.uid}-p",
                "parentRefs": [{**parent, "kind": "ReplicaSet", "uid": f"{app.uid}-r"}],
                "info": [{"name": "Containers", "value": "0/1"}],
                "networkingInfo": {"labels": {"app": app.name}},
                "images": list(app.images[-1:]),
                "health": pod,
                **age,
            },
            {
                "group": "apps",
                **common,
                "kind": "Deployment",
                "name": app.name,
                "uid": f"{app.uid}-d",
                "info": [{"name": "Revision", "value": "Rev:1"}],
                "health": health,
                **age,
            },
            {
                "group": "apps",
                **common,
                "kind": "ReplicaSet",
                "name": f"{app.name}-6d59c5cf87",
                "uid": f"{app.uid}-r",
                "parentRefs": [{**parent, "kind": "Deployment", "uid": f"{app.uid}-d"}],
                "info": [{"name": "Revision", "value": "Rev:1"}],
                "health": health,
                **age,
            },
        ],
        "hosts": [],
    }
