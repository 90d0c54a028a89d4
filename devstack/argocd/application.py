"""Records of the Argo CD double: sources, applications, operations, and what is live.

Plain data; `rollout` changes it, `shapes` writes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Literal

from devstack.argocd.rendering import Rendered, Source

Outcome = Literal["healthy", "degraded", "recovers", "sync-failed", "comparison-error", "stuck"]
PROGRESSING = "Waiting for rollout to finish: 0 of 2 updated replicas are available..."


def now() -> str:
    """Return the time as Kubernetes writes it."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Plan:
    """The planned outcome of syncs, and the words of a failure. `commit` None means any commit."""

    outcome: Outcome = "healthy"
    message: str = ""
    commit: str | None = None


@dataclass(slots=True)
class Operation:
    """A sync under way or done. `healing` is Argo CD correcting its own work, limited to some resources."""

    revisions: tuple[str, ...]
    username: str | None = None
    healing: bool = False
    retries: int = 0
    phase: str = ""
    message: str = ""
    started_at: str = ""
    finished_at: str = ""
    image: str = ""
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Deployed:
    """One line of an application's history."""

    number: int
    revisions: tuple[str, ...]
    at: str
    username: str | None


@dataclass(slots=True)
class Application:
    """One Argo CD application, its live state and its coming steps."""

    name: str
    uid: str
    sources: tuple[Source, ...]
    namespace: str
    project: str = "default"
    labels: dict[str, str] = field(default_factory=dict)
    automated: bool = True
    self_heal: bool = False
    created_at: str = field(default_factory=now)
    resource_version: int = 100
    generation: int = 1
    sync: str = ""
    revisions: tuple[str, ...] = ()
    health: str = "Missing"
    health_message: str = ""
    health_at: str = field(default_factory=now)
    requested: Operation | None = None
    operation: Operation | None = None
    live: Rendered | None = None
    images: tuple[str, ...] = ()
    history: list[Deployed] = field(default_factory=list)
    conditions: list[dict[str, str]] = field(default_factory=list)
    reconciled_at: str = ""
    plans: list[Plan] = field(default_factory=list)
    script: deque[tuple[str, Callable[[], None]]] = field(default_factory=deque)
    at: str = "idle"
    """The name of the step that was taken last."""
    next_at: float = 0.0
    polled_at: float = 0.0
    refresh_wanted: bool = False
    failed_revisions: tuple[str, ...] = ()
    pod_message: str = ""
    retry_limit: int = 0
    """How often Argo CD tries a failed automatic sync again; its own default is 5."""
    apart: tuple[str, ...] = ()
    """Objects, as `Kind/name`, that are OutOfSync for reasons of their own."""
    windows: tuple[tuple[str, str, str], ...] = ()
    """Sync windows of its project that deny syncs now: kind, schedule, duration."""
    children: tuple[str, ...] = ()
    """Applications among its objects. Argo CD itself gives them no health."""

    @property
    def multi(self) -> bool:
        """Whether the application has a list of sources, which changes its JSON."""
        return len(self.sources) > 1

    @property
    def operating(self) -> bool:
        """Whether a sync is asked for or running."""
        return self.requested is not None or (self.operation is not None and self.operation.phase == "Running")

    def plan_for(self, revisions: tuple[str, ...]) -> Plan:
        """Return the newest plan for these revisions."""
        for plan in reversed(self.plans):
            if plan.commit is None or plan.commit in revisions:
                return plan
        return Plan()

    def set_health(self, status: str, message: str = "") -> None:
        """Change the health; its time changes only if the health does."""
        if status != self.health:
            self.health_at = now()
        self.health, self.health_message = status, message
