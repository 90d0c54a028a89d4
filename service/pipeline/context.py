"""What the pipeline works with: the store, the ports, the configuration and the queue, joined by bootstrap."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from service.core.config import ImageTarget
from service.core.config.targets import ModelTarget
from service.core.words import Actor, Repository
from service.pipeline.configurations import Configurations
from service.ports import (
    Builder,
    CallBudgets,
    Charts,
    Clock,
    Deployer,
    Forge,
    GateAddresses,
    ManifestRepositories,
    ModelRegistry,
    Pipelines,
    Registry,
    SecretDetector,
    Source,
    SourceTrees,
    Templates,
)
from service.store import Store
from service.store.builds import Build
from service.store.runs import Run


class Images(Protocol):
    """Gives the registry and the builder that an image of the configuration names."""

    def registry(self, image: ImageTarget) -> Registry:
        """Give the image's registry; the same options give the same one."""
        ...

    def builder(self, kind: str) -> Builder | None:
        """Give the builder of a kind; None where another pipeline builds by itself. PermanentError: it is not here."""
        ...

    def pipelines(self, kind: str) -> Pipelines | None:
        """Give who knows the pipelines that push by themselves, for a builder that is none; else None."""
        ...

    def expect_news(self, repository: Repository) -> None:
        """Let all who know pipelines of others ask for a repository's again, because one of them has moved."""
        ...


class Models(Protocol):
    """Gives the registry that a model of the configuration names."""

    def registry(self, model: ModelTarget) -> ModelRegistry:
        """Give the model's registry; the same options give the same one."""
        ...


class Queue(Protocol):
    """Hands runs and builds to the engine; handing one over twice is harmless."""

    def enqueue_run(self, run: Run) -> None:
        """Let the engine advance the run under its workflow id."""
        ...

    def enqueue_build(self, build: Build) -> None:
        """Let the engine make the build under its workflow id."""
        ...


@dataclass(frozen=True, slots=True)
class Outside:
    """The ports.

    `forge` and `trees` are for source repositories, `manifest_forge` is for manifest repositories; the forges may be
    two Apps. `budgets` knows what they still may ask, and `addresses` asks those
    of http gates. `charts` renders what pull requests show; None where the settings want none. `templates`
    renders people's own texts of these, and `secrets` searches what people propose for plain secrets. `models` are the
    registries of models.
    """

    forge: Forge
    manifest_forge: Forge
    images: Images
    manifests: ManifestRepositories
    trees: SourceTrees
    deployer: Deployer | None
    clock: Clock
    budgets: CallBudgets
    addresses: GateAddresses
    charts: Charts | None
    templates: Templates
    secrets: SecretDetector
    models: Models


@dataclass(frozen=True, slots=True)
class Context:
    """Everything a stage may use; one a process, shared by its threads.

    `sources` read deliveries, by kind. `url` is the base of every link that we give; `holder` names this process in
    leases. `author` and `committer` are those of manifest commits; `pause` lets time pass between attempts.
    `elsewhere_concurrency` is how many builds each builder elsewhere may have under way.
    """

    store: Store
    outside: Outside
    sources: Mapping[str, Source]
    configurations: Configurations
    queue: Queue
    configuration_repository: Repository
    committer: Actor
    author: Actor
    url: str
    holder: str
    pause: Callable[[float], None] = time.sleep
    elsewhere_concurrency: int = 20

    def now(self) -> datetime:
        """Give the time by the process's clock."""
        return self.outside.clock.now()

    def run_url(self, run_id: str) -> str:
        """Give the page of a run."""
        return f"{self.url}/runs/{run_id}"
