"""Never backwards by pull request: the base counts, and so does what the open pull request brings."""

from __future__ import annotations

import pytest

from service.core.words import RunState
from service.store import runs
from service.store.runs import Run
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

BRANCH = "mergeport/promotion/prod/checkout"
FILE = "apps/checkout/values-prod.yaml"


@pytest.fixture
def two(pipeline: Pipeline) -> tuple[str, str]:
    """Push two commits to main; the newer one's run opens the pull request, and the older one's is cancelled."""
    commits = [
        pipeline.stack.github.push(SOURCE, "main", {"app.py": f"print('{text}')\n"}, f"Say {text}")
        for text in ("two", "three")
    ]
    pipeline.take_deliveries()
    while pipeline.intake():
        pass
    with pipeline.store.begin() as tx:
        older = pipeline.run("prod", commit=commits[0])
        runs.end(tx, older.id, RunState.CANCELLED, "not yet", at=pipeline.clock.now())
    pipeline.settle()
    assert pipeline.run("prod", commit=commits[1]).state is RunState.WAITING
    return commits[0], commits[1]


def again(pipeline: Pipeline, commit: str) -> Run:
    """Retry the commit's run, as far as it goes."""
    pipeline.retry(pipeline.run("prod", commit=commit))
    pipeline.settle()
    return pipeline.run("prod", commit=commit)


def test_older_run_leaves_the_open_pull_request_alone(pipeline: Pipeline, two: tuple[str, str]) -> None:
    older, newer = two
    tip = pipeline.stack.git.open(MANIFESTS).tip(BRANCH)
    run = again(pipeline, older)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "all")
    assert run.state is RunState.SUPERSEDED
    assert run.message == f"pull request #{pull.number} brings {newer[:12]}, which is newer than {older[:12]}"
    assert run.superseded_by == pipeline.run("prod", commit=newer).id
    assert pipeline.stack.git.open(MANIFESTS).tip(BRANCH) == tip
    assert pipeline.run("prod", commit=newer).state is RunState.WAITING


def test_what_a_closed_pull_request_would_have_brought_does_not_count(pipeline: Pipeline, two: tuple[str, str]) -> None:
    older, newer = two
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    pipeline.stack.github.close_pull(MANIFESTS, pull.number)
    pipeline.settle()
    run = again(pipeline, older)
    assert (run.state, pipeline.run("prod", commit=newer).state) == (RunState.WAITING, RunState.CANCELLED)
    assert older[:12] in pipeline.stack.git.open(MANIFESTS).text(BRANCH, FILE)


def test_older_run_does_not_open_a_pull_request_over_what_is_merged(pipeline: Pipeline, two: tuple[str, str]) -> None:
    older, newer = two
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    pipeline.stack.github.merge_pull(MANIFESTS, pull.number, method="squash", by="release-manager")
    pipeline.settle_live("checkout-prod")
    run = again(pipeline, older)
    assert run.state is RunState.SUPERSEDED
    assert run.message.startswith(f"{newer[:12]} is deployed, which contains {older[:12]} already")
    assert pipeline.stack.github.pulls(MANIFESTS, "open") == []


def test_image_that_nobody_knows_is_said_on_the_step(pipeline: Pipeline) -> None:
    bare = pipeline.stack.git.open(MANIFESTS)
    bare.commit_files("main", {FILE: bare.text("main", FILE).replace("0" * 64, "7" * 64)}, "Deploy by another tool")
    pipeline.stack.github.push(SOURCE, "main", {"app.py": "print('two')\n"}, "Say two")
    pipeline.settle()
    run = pipeline.run("prod")
    assert run.state is RunState.WAITING
    assert "order not checked" in pipeline.steps(run)["push promotion branch"][1]


def test_run_that_is_tried_again_takes_its_own_pull_request_up_without_a_push(
    pipeline: Pipeline, two: tuple[str, str]
) -> None:
    _, newer = two
    with pipeline.store.begin() as tx:
        runs.end(tx, pipeline.run("prod", commit=newer).id, RunState.FAILED, "a fault", at=pipeline.clock.now())
    pushes = len(pipeline.stack.git.pushes(MANIFESTS))
    run = again(pipeline, newer)
    assert (run.generation, run.state) == (1, RunState.WAITING)
    assert len(pipeline.stack.git.pushes(MANIFESTS)) == pushes
