"""The pipeline in one thread on real parts: git, registry and doubles over HTTP, a database, a clock that tests move.

The engine is replaced by a list: `settle` works through what is queued until nothing moves any more.
"""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from devstack.pushing import Pusher
from devstack.stack import Devstack
from service.adapters.distribution import fixed
from service.adapters.registries import ecr
from service.bootstrap import build_context
from service.core.images import REVISION_LABEL, SOURCE_LABEL, TREE_LABEL, ImageReference
from service.core.words import DeliveryId, RunId, RunState, WaitKind
from service.errors import MergeportError
from service.pipeline.advance import advance
from service.pipeline.build.perform import perform_build
from service.pipeline.context import Context
from service.pipeline.deploy.refreshes import take_due, tell
from service.pipeline.intake.deliveries import claim, take_in
from service.pipeline.promote.downstream import Downstream
from service.pipeline.promote.evidence import address_answers
from service.pipeline.promote.gating import judge_due
from service.pipeline.promote.proposal_telling import bring_comments
from service.pipeline.promote.returning import bring_back
from service.pipeline.reports.statuses import send_reports
from service.pipeline.runs import transitions
from service.pipeline.runs.steps import wait_for
from service.pipeline.watches import answer_due, look, watched
from service.settings import load
from service.store import Store, deliveries, runs, steps, waits
from service.store.builds import Build
from service.store.deliveries import StoredDelivery
from service.store.ids import new_id
from service.store.migrate import migrate
from service.store.runs import Run
from tests.contract.registries import HandMade, make_image, push, push_index
from tests.fixtures.aws import aws_session
from tests.fixtures.service import REGISTRY

if TYPE_CHECKING:
    from mypy_boto3_ecr import ECRClient


class MovedClock:
    """A clock that stands still until a test moves it; Context and adapters share it."""

    def __init__(self) -> None:
        self.at = datetime.now(UTC)

    def now(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class ListQueue:
    """Keeps what was handed to the engine, each workflow id only once, as the engine does."""

    seen: set[str] = field(default_factory=set)
    runs: list[tuple[Run, str]] = field(default_factory=list)
    builds: list[Build] = field(default_factory=list)

    def enqueue_run(self, run: Run) -> None:
        if run.workflow_id not in self.seen:
            self.seen.add(run.workflow_id)
            self.runs.append((run, run.workflow_id))

    def enqueue_build(self, build: Build) -> None:
        if build.workflow_id not in self.seen:
            self.seen.add(build.workflow_id)
            self.builds.append(build)


class Pipeline:
    """One worker's pipeline, driven by hand."""

    def __init__(self, stack: Devstack, directory: Path, *, store: Store | None = None, **settings: str) -> None:
        """Use a migrated store, by default on its own SQLite file; its connections are closed at the end."""
        self.stack = stack
        self.queue = ListQueue()
        self.clock = MovedClock()
        self._exits = ExitStack()
        environment = {
            **stack.environment(),
            "MERGEPORT_STATE_DIRECTORY": str(directory),
            "MERGEPORT_CONFIGURATION_REPOSITORY": "acme/manifests",
            "MERGEPORT_BUILDER": "layer",
            "MERGEPORT_HELM": "none",
            "MERGEPORT_URL": "http://mergeport.test",
            **settings,
        }
        self.store = store or Store(f"sqlite:///{directory}/mergeport.db")
        if store is None:
            migrate(self.store)
        self.settings = load(environment)
        self.context: Context = self._exits.enter_context(
            build_context(self.settings, self.store, self.queue, "worker-test", clock=self.clock)
        )
        self.context = replace(self.context, pause=lambda seconds: self.clock.move(seconds=seconds))
        self.downstream = Downstream(self.context)
        self._taken = 0

    def close(self) -> None:
        self._exits.close()
        self.store.close()

    # --- what comes in ------------------------------------------------------------------------------

    def take_deliveries(self) -> None:
        """Store what the GitHub double has sent since the last time, as the web process does."""
        self.stack.github.wait_delivered()
        new = self.stack.github.deliveries[self._taken :]
        self._taken += len(new)
        with self.store.begin() as tx:
            for one in new:
                deliveries.accept(
                    tx,
                    id=DeliveryId(one.guid),
                    source="github",
                    event=one.event,
                    repository=one.repository,
                    body=one.body,
                    at=self.clock.now(),
                )

    def skip_deliveries(self) -> None:
        """Leave out what was sent until now, as after the loss of the database."""
        self.stack.github.wait_delivered()
        self._taken = len(self.stack.github.deliveries)

    def intake(self) -> bool:
        delivery = claim(self.context)
        if delivery is None:
            return False
        take_in(self.context, delivery, lambda kind, key: look(self.context, kind, key))
        return True

    # --- what moves ---------------------------------------------------------------------------------

    def step(self) -> bool:
        """Do one queued piece of work; tell whether there was any."""
        if self.intake():
            return True
        if self.queue.builds:
            build = self.queue.builds.pop(0)
            perform_build(self.context, build.id, build.workflow_id, lambda: False)
            return True
        if self.queue.runs:
            run, workflow_id = self.queue.runs.pop(0)
            advance(self.context, run.id, workflow_id)
            return True
        with suppress(MergeportError):  # as the worker's loops: the next call may succeed
            bring_back(self.context)
            judge_due(self.context)
            self.downstream.send()
        if self.queue.runs:
            return True
        asked = address_answers.take_due(self.context, limit=8)
        for asking in asked:
            address_answers.ask(self.context, asking)
        told = take_due(self.context, limit=100)
        for refresh in told:
            tell(self.context, refresh)
        return bool(told or asked)

    def settle(self, *, looks: int = 1) -> None:
        """Take deliveries, then do all queued work; look so many times at what runs wait for."""
        self.take_deliveries()
        self._drain()
        for _ in range(looks):
            with self.store.read() as tx:
                keys = watched(tx)
            for kind, key in keys:
                look(self.context, kind, key)
            answer_due(self.context)
            self._drain()
            self.take_deliveries()
            self._drain()
        send_reports(self.context)
        bring_comments(self.context)

    def settle_live(self, *applications: str) -> None:
        """Let Argo CD finish all syncs, and the runs with it."""
        self.settle()
        for application in applications:
            self.stack.argocd.settle(application)
        self.settle()

    def settle_over_time(self, *applications: str, seconds: int) -> None:
        """Settle again and again while the clock advances, so that retries happen."""
        for _ in range(0, seconds, 10):
            self.clock.move(seconds=10)
            self.settle_live(*applications)

    def beside(self, person: Callable[[], None], *, looks: int = 1) -> None:
        """Settle while somebody does something on a thread of their own."""
        thread = threading.Thread(target=person)
        thread.start()
        self.settle(looks=looks)
        thread.join(30)
        assert not thread.is_alive()

    def retry(self, run: Run) -> None:
        """Accept the run's next generation, as `mergeport runs retry` does."""
        with self.store.begin() as tx:
            new = RunId(new_id())
            runs.accept(
                tx,
                id=new,
                change_id=run.change_id,
                repository=run.repository,
                branch=run.branch,
                commit=run.commit,
                application=run.application,
                environment=run.environment,
                generation=runs.next_generation(tx, run),
                configuration_commit=run.configuration_commit,
                at=self.clock.now(),
            )
            again = runs.get(tx, new)
        assert again is not None
        self.queue.enqueue_run(again)

    def resumed(self, run: Run) -> Run:
        """Queue a run whose worker died under a new workflow, as the sweeper does; give the run."""
        at = self.clock.now()
        wait = wait_for(self.context, run, WaitKind.RETRY, key="", subject="worker-lost", saw="going on")
        with self.store.begin() as tx:
            again = transitions.resume(tx, wait, at=at)
        assert again is not None
        self.queue.enqueue_run(again)
        return again

    def _drain(self) -> None:
        for _ in range(500):
            if not self.step():
                return
        raise AssertionError("the pipeline does not come to rest")

    # --- what is there ------------------------------------------------------------------------------

    def run(self, environment: str = "dev", application: str = "checkout", commit: str = "") -> Run:
        """Give the newest run of an application in an environment."""
        with self.store.read() as tx:
            found = runs.newest(tx, application=application, environment=environment)
        return next(run for run in found if commit in {"", run.commit})

    def runs(self) -> list[Run]:
        with self.store.read() as tx:
            return runs.newest(tx, limit=500)

    def delivery(self, event: str) -> StoredDelivery:
        """Give the newest delivery of an event."""
        with self.store.read() as tx:
            return next(one for one in deliveries.newest(tx) if one.event == event)

    def steps(self, run: Run) -> dict[str, tuple[str, str]]:
        with self.store.read() as tx:
            return {one.name: (one.state, one.message) for one in steps.of_run(tx, run.id)}

    def wait(self, run: Run) -> tuple[WaitKind, str]:
        with self.store.read() as tx:
            found = waits.open_of_run(tx, run.id)
        assert found is not None, f"{run.state}: {run.message}"
        return found.kind, found.last_seen

    def registry(self) -> ecr.EcrRegistry:
        """Give the registry that another pipeline would use."""
        return ecr.EcrRegistry(
            ecr.Options(host=REGISTRY),
            clock=self.clock,
            endpoint=self.stack.ecr.endpoint,
            reached_at=self.stack.ecr.host,
        )

    def push_image(
        self,
        tag: str,
        *,
        repository: str = "checkout",
        revision: str | None = None,
        source: str | None = None,
        tree: str | None = None,
    ) -> str:
        """Push an image as another pipeline does; give its digest."""
        labels = {REVISION_LABEL: revision, SOURCE_LABEL: source, TREE_LABEL: tree}
        image = make_image({name: value for name, value in labels.items() if value is not None})
        push(self.pusher(repository), repository, tag, image)
        return image.digest

    def push_index(self, tag: str, images: Mapping[str, HandMade], annotations: Mapping[str, str] | None = None) -> str:
        """Push an image of several platforms as another pipeline does; give the index's digest."""
        return push_index(self.pusher("checkout"), "checkout", tag, images, annotations)

    def pusher(self, repository: str) -> Pusher:
        """Give a client that may push; the repository is made if it is missing."""
        registry = self.registry()
        registry.ensure_repository(repository)
        target = registry.push_target(ImageReference(REGISTRY, repository, "any"))
        return Pusher(target.host, credentials=fixed(target.credentials), insecure=True)

    def allow_moving(self, repository: str) -> None:
        """Let the repository's tags move, as somebody does who made it by hand."""
        self.ecr().create_repository(repositoryName=repository, imageTagMutability="MUTABLE")

    def delete_image(self, digest: str, repository: str = "checkout") -> None:
        """Delete an image, as a lifecycle rule or a person does."""
        told = self.ecr().batch_delete_image(repositoryName=repository, imageIds=[{"imageDigest": digest}])
        assert not told["failures"]

    def ecr(self) -> ECRClient:
        """Give a client of the registry's own API."""
        return _ecr_client(self.stack.ecr.endpoint)

    def ended(self, run: Run, state: RunState) -> Run:
        """Give the run as it is now; fail unless it is in the state."""
        with self.store.read() as tx:
            now_at = runs.get(tx, run.id)
        assert now_at is not None
        assert now_at.state is state or now_at.state == state, f"{now_at.state}: {now_at.message}"
        return now_at


@functools.cache
def _ecr_client(endpoint: str) -> ECRClient:
    return aws_session(ecr.Options(host=REGISTRY).aws_region or "").client("ecr", endpoint_url=endpoint)
