"""What gates read outside opens and closes them, and an event about it has them asked again at once."""

from __future__ import annotations

import json
from collections.abc import Mapping

import pytest

from service.core.words import DeliveryId, RunState
from service.store import deliveries
from service.store.ids import new_id
from service.store.runs import Run
from tests.fixtures.service import SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import CHAIN, configure, images, merge
from tests.pipeline.test_gating import values


def gated(gates: str) -> str:
    return CHAIN.replace("{from: dev}", f"{{from: dev, gates: {{{gates}}}}}")


def hear(pipeline: Pipeline, event: str, payload: Mapping[str, object], repository: str = SOURCE) -> None:
    """Have an event arrive that GitHub sends beside those of the double."""
    body = json.dumps({"repository": {"full_name": repository}, **payload}).encode()
    with pipeline.store.begin() as tx:
        deliveries.accept(
            tx, id=DeliveryId(new_id()), source="github", event=event, repository=repository, body=body,
            at=pipeline.clock.now(),
        )  # fmt: skip
    pipeline.settle(looks=0)


@pytest.fixture
def unchecked(pipeline: Pipeline) -> Run:
    """Have a release whose run to stage waits for a check that is not there yet."""
    configure(pipeline, gated('checks: {contexts: ["load"]}'))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    return pipeline.run("stage")


@pytest.mark.prove
def test_run_waits_for_a_check_of_its_source_commit(pipeline: Pipeline, unchecked: Run) -> None:
    assert pipeline.wait(unchecked)[1] == f"checks: no check load on {unchecked.commit[:12]} yet"


def test_status_opens_the_gate_at_once_when_its_event_comes(pipeline: Pipeline, unchecked: Run) -> None:
    pipeline.stack.github.report_status(SOURCE, unchecked.commit, "load", "success")
    hear(pipeline, "status", {"sha": unchecked.commit, "context": "load", "state": "success"})
    assert str(images(unchecked)) in values(pipeline)


def test_check_run_opens_the_gate_at_once_when_its_event_comes(pipeline: Pipeline, unchecked: Run) -> None:
    pipeline.stack.github.report_check(SOURCE, unchecked.commit, "load")
    hear(pipeline, "check_run", {"action": "completed", "check_run": {"head_sha": unchecked.commit}})
    assert str(images(unchecked)) in values(pipeline)


@pytest.mark.prove
def test_check_suite_that_ended_has_the_gates_asked_again(pipeline: Pipeline, unchecked: Run) -> None:
    pipeline.stack.github.report_check(SOURCE, unchecked.commit, "load")
    hear(pipeline, "check_suite", {"action": "completed", "check_suite": {"head_sha": unchecked.commit}})
    assert str(images(unchecked)) in values(pipeline)


@pytest.mark.prove
def test_failed_check_keeps_the_run_waiting_with_its_name(pipeline: Pipeline, unchecked: Run) -> None:
    pipeline.stack.github.report_check(SOURCE, unchecked.commit, "load", "failure")
    hear(pipeline, "check_run", {"action": "completed", "check_run": {"head_sha": unchecked.commit}})
    assert "load" in pipeline.wait(unchecked)[1]
    assert "failed" in pipeline.wait(unchecked)[1]


def test_event_believed_alone_opens_nothing(pipeline: Pipeline, unchecked: Run) -> None:
    hear(pipeline, "status", {"sha": unchecked.commit, "context": "load", "state": "success"})
    assert pipeline.run("stage").state is RunState.WAITING


@pytest.mark.prove
def test_check_is_found_without_any_event_within_minutes(pipeline: Pipeline, unchecked: Run) -> None:
    pipeline.stack.github.report_check(SOURCE, unchecked.commit, "load")
    pipeline.clock.move(minutes=5)
    pipeline.settle(looks=0)
    assert str(images(unchecked)) in values(pipeline)


def test_checks_that_cannot_be_read_are_a_wait_and_no_allowance(pipeline: Pipeline, unchecked: Run) -> None:
    pipeline.stack.github.report_check(SOURCE, unchecked.commit, "load")
    pipeline.stack.github.faults.answer("403 Forbidden", path="/check-runs", times=1)
    hear(pipeline, "check_run", {"action": "completed", "check_run": {"head_sha": unchecked.commit}})
    assert "could not be read" in pipeline.wait(unchecked)[1]
    pipeline.clock.move(seconds=31)
    pipeline.settle(looks=0)
    assert str(images(unchecked)) in values(pipeline)


@pytest.fixture
def frozen(pipeline: Pipeline) -> Run:
    """Have a release whose run to stage waits for a freeze that does not concern hotfixes."""
    window = '{from: "2020-01-01", until: "2099-01-01", except: {labels: [hotfix]}}'
    configure(pipeline, gated(f"freeze: [{window}]"))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    return pipeline.run("stage")


def pull_of(pipeline: Pipeline, run: Run) -> int:
    return next(one.number for one in pipeline.stack.github.pulls(SOURCE) if one.merge_commit_sha == run.commit)


def test_label_that_comes_later_lets_the_release_pass_a_freeze(pipeline: Pipeline, frozen: Run) -> None:
    assert "freeze" in pipeline.wait(frozen)[1]
    pipeline.stack.github.label_pull(SOURCE, pull_of(pipeline, frozen), "hotfix")
    pipeline.settle(looks=0)
    assert str(images(frozen)) in values(pipeline)


def test_label_of_a_pull_request_that_is_only_open_lets_nothing_pass(pipeline: Pipeline, frozen: Run) -> None:
    pull = pipeline.stack.github.open_pull(SOURCE, "develop", "staging", "Release", labels=["hotfix"])
    pipeline.stack.github.label_pull(SOURCE, pull.number, "hotfix", "more")
    pipeline.settle(looks=0)
    assert "freeze" in pipeline.wait(frozen)[1]
