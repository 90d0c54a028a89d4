"""A run can be cancelled whatever it waits for, and retried after that."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from service.core.words import RunState, WaitKind
from service.store import runs, waits
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline


def hold_image(pipeline: Pipeline) -> str:
    external = CONFIGURATION.replace("build: {kind: docker}", "build: {kind: external}")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": external}, "Build elsewhere")
    return "develop"


def hold_retry(pipeline: Pipeline) -> str:
    pipeline.stack.git.faults.answer("503 Service Unavailable", path="acme/manifests", times=2)
    return "develop"


def hold_sync(pipeline: Pipeline) -> str:
    return "develop"


def hold_pull_request(pipeline: Pipeline) -> str:
    return "main"


@pytest.mark.rows_decide
@pytest.mark.parametrize(
    ("hold", "kind"),
    [
        (hold_image, WaitKind.IMAGE),
        (hold_retry, WaitKind.RETRY),
        (hold_sync, WaitKind.SYNC),
        (hold_pull_request, WaitKind.PULL_REQUEST),
    ],
)
def test_waiting_run_is_cancelled_at_once_and_its_retry_goes_the_same_way(
    pipeline: Pipeline, hold: Callable[[Pipeline], str], kind: WaitKind
) -> None:
    branch = hold(pipeline)
    environment = "prod" if branch == "main" else "dev"
    pipeline.stack.github.merge(SOURCE, branch, {"app.py": "print('two')\n"})
    pipeline.settle(looks=0)
    run = pipeline.run(environment)
    assert pipeline.wait(run)[0] is kind
    with pipeline.store.begin() as tx:
        runs.update(tx, run.id, at=pipeline.clock.now(), cancel_requested_by="carol")
        wait = waits.open_of_run(tx, run.id)
        assert wait is not None
        waits.answer(tx, wait.id, "cancelled", at=pipeline.clock.now())
        again = runs.get(tx, run.id)
    assert again is not None
    pipeline.queue.enqueue_run(again)
    pipeline.settle(looks=0)
    closed = "; pull request #1 was closed" if kind is WaitKind.PULL_REQUEST else ""
    assert pipeline.ended(run, RunState.CANCELLED).message == f"cancelled by carol{closed}"
    pipeline.retry(run)
    pipeline.settle(looks=0)
    assert pipeline.run(environment).generation == 1
    assert pipeline.run(environment).state == RunState.WAITING
