"""Mergeport's own commits start nothing, where source and manifests are one repository too."""

from __future__ import annotations

from pathlib import Path

import pytest

from devstack.github.state import MergeMethod
from service.core.words import DeliveryState, RunState
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

TOGETHER = CONFIGURATION.replace(f"source: {SOURCE}", f"source: {MANIFESTS}")


@pytest.fixture
def together(pipeline: Pipeline) -> Pipeline:
    """Give a pipeline whose only application has its code in the manifest repository."""
    pipeline.stack.git.open(MANIFESTS).commit_files(
        "main", {"Dockerfile": "FROM scratch\nCOPY app.py /\n", "app.py": "1\n"}, "Bring the code here"
    )
    return pipeline


def test_commit_in_the_repository_of_the_source_starts_no_run(together: Pipeline) -> None:
    text = TOGETHER.replace("branch: develop", "branch: main").replace(
        "branch: main\n    publish", "branch: x\n    publish"
    )
    together.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Feed dev by main")
    together.settle_live("checkout-dev")
    together.settle_live("checkout-dev")
    (run,) = together.runs()
    assert run.state == RunState.SUCCEEDED
    assert together.delivery("push").state == DeliveryState.IGNORED
    assert together.delivery("push").reason == "a commit of Mergeport's own"


def test_commit_that_the_lost_database_knew_starts_no_run(together: Pipeline, tmp_path: Path) -> None:
    """Its delivery is sent again; its content shows whose commit it is."""
    text = TOGETHER.replace("branch: develop", "branch: main").replace(
        "branch: main\n    publish", "branch: x\n    publish"
    )
    together.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Feed dev by main")
    together.settle_live("checkout-dev")
    together.settle_live("checkout-dev")
    (run,) = together.runs()
    after = Pipeline(together.stack, tmp_path / "after")
    after.settle_live("checkout-dev")
    told = [(one.commit, one.state) for one in after.runs()]
    ignored = after.delivery("push")
    after.close()
    assert told == [(run.commit, RunState.SUCCEEDED)]
    assert (ignored.state, ignored.reason) == (DeliveryState.IGNORED, "a commit of Mergeport's own")


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_merged_promotion_in_the_repository_of_the_source_starts_no_run(
    together: Pipeline, method: MergeMethod
) -> None:
    together.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": TOGETHER}, "Feed prod by main")
    together.settle()
    (pull,) = together.stack.github.pulls(MANIFESTS, "open")
    together.stack.github.merge_pull(MANIFESTS, pull.number, method=method, by="release-manager")
    together.settle_live("checkout-prod")
    together.settle_live("checkout-prod")
    assert [(run.environment, run.state) for run in together.runs()] == [("prod", RunState.SUCCEEDED)]
    assert together.stack.github.pulls(MANIFESTS, "open") == []
