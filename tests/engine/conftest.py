"""A worker's surroundings without the outside: a store, a still clock, an engine that is asked."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from service.adapters.sources.github import GitHubSource
from service.core.words import Repository
from service.engine.queue import Orphan, Standing
from service.pipeline.context import Context
from service.store import Store, leases
from service.store.builds import Build
from service.store.runs import Run
from tests.fixtures.rows import NOW


@dataclass
class AskedEngine:
    """Reports the standings that a test sets, and keeps what it was given."""

    executor: str = "worker-here"
    known: dict[str, Standing] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)
    alone: bool = True
    enqueued: list[str] = field(default_factory=list)
    dropped: list[str] = field(default_factory=list)
    asked: int = 0

    def enqueue_run(self, run: Run) -> None:
        self.enqueued.append(run.workflow_id)

    def take_up_run(self, run: Run) -> None:
        self.enqueued.append(run.workflow_id)

    def attends(self, workflow_id: str) -> bool:
        return workflow_id in self.enqueued

    def enqueue_build(self, build: Build) -> None:
        self.enqueued.append(build.workflow_id)

    def standings(self, workflow_ids: Sequence[str]) -> dict[str, Standing]:
        self.asked += 1
        return {one: self.known.get(one, Standing.UNKNOWN) for one in workflow_ids}

    def orphans(self, alive: Collection[str]) -> list[Orphan]:  # noqa: ARG002 - the engine's signature
        return [Orphan(one, self.alone) for one in self.left]

    def drop(self, workflow_id: str) -> None:
        self.dropped.append(workflow_id)


@dataclass
class StillClock:
    at: datetime = NOW + timedelta(seconds=10)

    def now(self) -> datetime:
        return self.at


@pytest.fixture
def engine() -> AskedEngine:
    return AskedEngine()


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def context(store: Store, engine: AskedEngine, clock: StillClock) -> Context:
    """Give a context with only a store, a clock and a queue; this worker's lease is alive."""
    nothing: Any = None
    with store.begin() as tx:
        leases.acquire(tx, f"worker:{engine.executor}", engine.executor, now=clock.now(), seconds=15)
    return Context(
        store=store,
        outside=cast(Any, SimpleNamespace(clock=clock)),
        sources={"github": GitHubSource([])},
        configurations=nothing,
        queue=engine,
        configuration_repository=Repository("acme/manifests"),
        committer=nothing,
        author=nothing,
        url="http://mergeport.test",
        holder=engine.executor,
    )
