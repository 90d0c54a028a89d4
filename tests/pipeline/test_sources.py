"""Intake reads neutral events, of whatever source a delivery came from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.core.changes import Event, Ignored, Push
from service.core.words import DeliveryId, DeliveryState, Repository, Sha
from service.ports import DeliveryHead, StoredRequest
from service.store import deliveries
from service.store.deliveries import StoredDelivery
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

EXTERNAL = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: external}")


class Upstream:
    """A source whose deliveries tell of several branches at once; a branch without a commit did not move."""

    kind = "upstream"

    def verify(self, headers: Mapping[str, str], body: bytes) -> DeliveryHead:
        raise NotImplementedError

    def read(self, delivery: StoredRequest) -> Sequence[Event]:
        return [_event(branch, commit) for branch, commit in json.loads(delivery.body)]


def _event(branch: str, commit: str) -> Event:
    if not commit:
        return Ignored(f"{branch} did not move")
    return Push(
        repository=Repository(SOURCE), branch=branch, before=None, after=Sha(commit), commits=(Sha(commit),),
        created=True, forced=False, pusher="", sender="", subject="", author="", author_email="", default_branch="",
    )  # fmt: skip


def deliver(pipeline: Pipeline, told: list[tuple[str, str]], *, source: str = "upstream") -> StoredDelivery:
    """Store a delivery of a source, process it, and give its outcome."""
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": EXTERNAL}, "Build elsewhere")
    pipeline.settle(looks=0)
    pipeline.context = replace(pipeline.context, sources={**pipeline.context.sources, "upstream": Upstream()})
    body, made = json.dumps(told).encode(), DeliveryId("several-1")
    with pipeline.store.begin() as tx:
        deliveries.accept(
            tx, id=made, source=source, event="moved", repository=SOURCE, body=body, at=pipeline.clock.now()
        )
    pipeline.settle(looks=0)
    with pipeline.store.read() as tx:
        found = deliveries.get(tx, made)
    assert found is not None
    return found


def test_delivery_of_several_events_starts_the_runs_of_all(pipeline: Pipeline) -> None:
    git = pipeline.stack.git.open(SOURCE)
    found = deliver(pipeline, [("develop", git.tip("develop")), ("x", ""), ("staging", git.tip("staging"))])
    assert sorted(run.environment for run in pipeline.runs()) == ["dev", "stage"]
    told = "runs: checkout to dev; x did not move; runs: checkout to stage"
    assert (found.state, found.reason) == (DeliveryState.PROCESSED, told)


def test_delivery_of_no_event_is_done(pipeline: Pipeline) -> None:
    found = deliver(pipeline, [])
    assert (found.state, found.reason) == (DeliveryState.IGNORED, "it reports no event")


def test_delivery_of_a_source_that_is_not_here_fails_in_words_and_can_be_replayed(pipeline: Pipeline) -> None:
    found = deliver(pipeline, [], source="other")
    assert (found.state, "no source `other`" in found.reason) == (DeliveryState.FAILED, True)
