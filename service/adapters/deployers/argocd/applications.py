"""The parts of Argo CD's JSON that we read, as pydantic models. Used by `observation` and `tree`.

Go leaves empty fields out and writes empty lists as null, so every field here may be absent or null. The shapes
are those of recorded answers (tests/data/argocd).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, Field


def _or_empty(value: object) -> object:
    return {} if value is None else value


def _or_none_left(value: object) -> object:
    return [] if value is None else value


class Revisions(BaseModel):
    """One source has `revision`, several have `revisions`."""

    revision: str = ""
    revisions: Annotated[list[str], BeforeValidator(_or_none_left)] = []

    def all(self) -> tuple[str, ...]:
        """Give one revision a source."""
        return tuple(self.revisions) or ((self.revision,) if self.revision else ())


class Parameter(BaseModel):
    """A Helm parameter, or another name that an application overrides."""

    name: str = ""


class Helm(BaseModel):
    """Helm's settings of a source that override its values files."""

    parameters: Annotated[list[Parameter], BeforeValidator(_or_none_left)] = []
    fileParameters: Annotated[list[Parameter], BeforeValidator(_or_none_left)] = []  # noqa: N815 # Argo CD's name
    values: str = ""
    valuesObject: Annotated[dict[str, Any], BeforeValidator(_or_empty)] = {}  # noqa: N815 # Argo CD's name


class Kustomize(BaseModel):
    """Kustomize's settings of a source that override its files."""

    images: Annotated[list[str], BeforeValidator(_or_none_left)] = []
    patches: Annotated[list[Any], BeforeValidator(_or_none_left)] = []


class Source(BaseModel):
    """Where desired state comes from."""

    repoURL: str = ""  # noqa: N815 # Argo CD's name
    targetRevision: str = ""  # noqa: N815 # Argo CD's name
    helm: Annotated[Helm, BeforeValidator(_or_empty)] = Helm()
    kustomize: Annotated[Kustomize, BeforeValidator(_or_empty)] = Kustomize()


class Sources(BaseModel):
    """One `source` or several `sources`."""

    source: Annotated[Source, BeforeValidator(_or_empty)] = Source()
    sources: Annotated[list[Source], BeforeValidator(_or_none_left)] = []

    def all(self) -> tuple[Source, ...]:
        """Give the sources in the order of their revisions."""
        return tuple(self.sources) or ((self.source,) if self.source.repoURL else ())


class Sync(Revisions):
    """What was compared."""

    status: str = ""
    comparedTo: Annotated[Sources, BeforeValidator(_or_empty)] = Sources()  # noqa: N815 # Argo CD's name


class Health(BaseModel):
    """A health with words and the time of its last change."""

    status: str = ""
    message: str = ""
    lastTransitionTime: datetime | None = None  # noqa: N815 # Argo CD's name


class Resource(BaseModel):
    """An object of the application, as compared."""

    group: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    status: str = ""
    hook: bool = False
    health: Annotated[Health, BeforeValidator(_or_empty)] = Health()


class SyncedResource(BaseModel):
    """An object that an operation applied, or failed to apply."""

    kind: str = ""
    name: str = ""
    status: str = ""
    message: str = ""
    hookPhase: str = ""  # noqa: N815 # Argo CD's name
    images: Annotated[list[str], BeforeValidator(_or_none_left)] = []


class SyncResult(Revisions):
    """The result of an operation."""

    resources: Annotated[list[SyncedResource], BeforeValidator(_or_none_left)] = []


class Retry(BaseModel):
    """How often an operation is tried again; below zero means without end."""

    limit: int = 0


class Operation(BaseModel):
    """What was asked for."""

    sync: Annotated[Revisions, BeforeValidator(_or_empty)] = Revisions()
    retry: Annotated[Retry, BeforeValidator(_or_empty)] = Retry()


class OperationState(BaseModel):
    """The newest operation."""

    phase: str = ""
    message: str = ""
    startedAt: str = ""  # noqa: N815 # Argo CD's name
    finishedAt: str = ""  # noqa: N815 # Argo CD's name
    retryCount: int = 0  # noqa: N815 # Argo CD's name
    operation: Annotated[Operation, BeforeValidator(_or_empty)] = Operation()
    syncResult: Annotated[SyncResult, BeforeValidator(_or_empty)] = SyncResult()  # noqa: N815 # Argo CD's name


class Condition(BaseModel):
    """Something that Argo CD has to say about the application."""

    type: str = ""
    message: str = ""


class Summary(BaseModel):
    """What runs."""

    images: Annotated[list[str], BeforeValidator(_or_none_left)] = []


class Status(BaseModel):
    """What Argo CD found."""

    sync: Annotated[Sync, BeforeValidator(_or_empty)] = Sync()
    health: Annotated[Health, BeforeValidator(_or_empty)] = Health()
    resources: Annotated[list[Resource], BeforeValidator(_or_none_left)] = []
    conditions: Annotated[list[Condition], BeforeValidator(_or_none_left)] = []
    operationState: Annotated[OperationState, BeforeValidator(_or_empty)] = OperationState()  # noqa: N815 # Argo CD's name
    summary: Annotated[Summary, BeforeValidator(_or_empty)] = Summary()


class Automated(BaseModel):
    """Automatic syncs; `enabled` came with Argo CD 3.1 and is on where absent."""

    enabled: bool | None = None


class SyncPolicy(BaseModel):
    """When Argo CD syncs."""

    automated: Automated | None = None


class Spec(Sources):
    """What people want."""

    project: str = ""
    syncPolicy: Annotated[SyncPolicy, BeforeValidator(_or_empty)] = SyncPolicy()  # noqa: N815 # Argo CD's name


class Metadata(BaseModel):
    """The application's name."""

    name: str
    namespace: str = ""


class Application(BaseModel):
    """An Argo CD application."""

    metadata: Metadata
    spec: Annotated[Spec, BeforeValidator(_or_empty)] = Spec()
    status: Annotated[Status, BeforeValidator(_or_empty)] = Status()


class Window(BaseModel):
    """A time in which a project allows or denies syncs: a cron schedule and how long."""

    kind: str = ""
    schedule: str = ""
    duration: str = ""


class Windows(BaseModel):
    """An application's windows: those active now, and all."""

    activeWindows: Annotated[list[Window], BeforeValidator(_or_none_left)] = []  # noqa: N815 # Argo CD's name
    assignedWindows: Annotated[list[Window], BeforeValidator(_or_none_left)] = []  # noqa: N815 # Argo CD's name
    canSync: bool = False  # noqa: N815 # Argo CD's name


class Parent(BaseModel):
    """What owns a node of the tree."""

    kind: str = ""
    uid: str = ""


class Node(Resource):
    """An object that runs."""

    uid: str = ""
    parentRefs: Annotated[list[Parent], BeforeValidator(_or_none_left)] = Field(default=[])  # noqa: N815 # Argo CD's name
    images: Annotated[list[str], BeforeValidator(_or_none_left)] = []


class Tree(BaseModel):
    """All objects of an application, with what they own."""

    nodes: Annotated[list[Node], BeforeValidator(_or_none_left)] = []
