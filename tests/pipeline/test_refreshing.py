"""Argo CD is refreshed independently of runs, at once and together, and again until it compares our commit."""

from __future__ import annotations

import threading
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace

import pytest

from devstack.argocd.applicationset import ApplicationSetController
from devstack.stack import ARGOCD_TOKEN
from service.adapters.deployers.argocd import ApplicationSets, ArgoCD
from service.core.words import RunState, WaitKind
from service.engine.refresher import Refresher
from service.pipeline.deploy.refreshes import take_due
from service.ports import Observation, Pods
from service.store import refreshes
from tests.fixtures.service import MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_deploying import merge


def told(pipeline: Pipeline) -> int:
    requests = pipeline.stack.argocd.faults.requests("GET", "/api/v1/applications/checkout-dev$")
    return sum("refresh=normal" in request.query for request in requests)


def test_argocd_whose_git_lags_is_told_again_until_it_compares_ours(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.lag(MANIFESTS)
    merge(pipeline)
    pipeline.settle()
    assert "not" in pipeline.wait(pipeline.run())[1]
    before = told(pipeline)
    pipeline.settle()
    assert told(pipeline) == before
    pipeline.clock.move(seconds=5)
    pipeline.settle()
    assert told(pipeline) == before + 1
    pipeline.stack.argocd.catch_up(MANIFESTS)
    pipeline.settle_over_time("checkout-dev", seconds=20)
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)


@pytest.fixture
def controller(pipeline: Pipeline) -> Iterator[ApplicationSetController]:
    """Give an ApplicationSet controller that Argo CD's adapter knows, and that has not made the application yet."""
    running = ApplicationSetController(pipeline.stack.argocd, secret="hook-secret-of-argocd")
    running.hold("checkout-dev")
    sets = ApplicationSets(running.url, "hook-secret-of-argocd")
    deployer = ArgoCD(pipeline.stack.argocd.url, ARGOCD_TOKEN, sets=sets)
    pipeline.context = replace(pipeline.context, outside=replace(pipeline.context.outside, deployer=deployer))
    yield running
    running.stop()


def test_application_that_is_not_there_yet_is_made_at_once_by_a_controller_that_is_told(
    pipeline: Pipeline, controller: ApplicationSetController
) -> None:
    merge(pipeline)
    pipeline.settle(looks=0)
    assert len(controller.faults.requests("POST", "/api/webhook")) == 1
    pipeline.settle_live("checkout-dev")
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)


def test_controller_that_is_away_is_told_again(pipeline: Pipeline, controller: ApplicationSetController) -> None:
    controller.faults.answer("503 Service Unavailable", times=1)
    merge(pipeline)
    pipeline.settle()
    assert "does not list checkout-dev" in pipeline.wait(pipeline.run())[1]
    pipeline.clock.move(seconds=10)
    pipeline.settle()
    pipeline.settle_live("checkout-dev")
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)


class Slow:
    """A deployer that answers only when the test lets it."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.asked: list[str] = []

    def refresh(self, application: str) -> None:
        self.asked.append(application)
        self.let.wait(20)

    def announce(self, page: str, branch: str) -> None:
        raise NotImplementedError

    def look(self, applications: Collection[str]) -> Mapping[str, Observation]:
        raise NotImplementedError

    def closed_windows(self, application: str) -> tuple[str, ...]:
        raise NotImplementedError

    def pods(self, application: str) -> Pods:
        raise NotImplementedError


def test_refreshes_that_hang_keep_only_their_threads_and_the_rest_waits_as_rows(pipeline: Pipeline) -> None:
    slow = Slow()
    context = replace(pipeline.context, outside=replace(pipeline.context.outside, deployer=slow))
    names = [f"app-{number}" for number in range(5)]
    with pipeline.store.begin() as tx:
        for name in names:
            refreshes.want(tx, name, at=pipeline.clock.now())
            refreshes.want(tx, name, at=pipeline.clock.now())
    refresher = Refresher(context, threads=3)
    refresher.start_due()
    refresher.start_due()
    left = take_due(context, limit=100)
    slow.let.set()
    refresher.stop()
    assert sorted([*slow.asked, *(refresh.application for refresh in left)]) == names
    assert len(left) == 2


class Asking(Slow):
    """A deployer that records what the run waited for when the refresh came."""

    def __init__(self, pipeline: Pipeline) -> None:
        super().__init__()
        self.pipeline = pipeline
        self.waited_for: list[WaitKind] = []

    def refresh(self, application: str) -> None:
        self.asked.append(application)
        self.waited_for.append(self.pipeline.wait(self.pipeline.run())[0])


def test_run_waits_already_when_argocd_is_told(pipeline: Pipeline) -> None:
    asking = Asking(pipeline)
    pipeline.context = replace(pipeline.context, outside=replace(pipeline.context.outside, deployer=asking))
    merge(pipeline)
    pipeline.settle(looks=0)
    assert asking.asked == ["checkout-dev"]
    assert asking.waited_for == [WaitKind.SYNC]
