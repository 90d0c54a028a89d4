"""The run goes on until our very revision is healthy, and ends in Argo CD's own words when it is not."""

from __future__ import annotations

import pytest

from devstack.argocd.application import Outcome
from service.core.words import RunState, WaitKind
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline


def merge(pipeline: Pipeline, text: str = "two") -> str:
    pull = pipeline.stack.github.merge(SOURCE, "develop", {"app.py": f"print('{text}')\n"})
    assert pull.merge_commit_sha is not None
    return pull.merge_commit_sha


def test_nothing_is_live_while_argocd_only_compares(pipeline: Pipeline) -> None:
    """Every state on the way is one in which the old version is still the healthy one."""
    pipeline.stack.argocd.pace = None
    merge(pipeline)
    pipeline.settle()
    seen = []
    while (state := pipeline.stack.argocd.step("checkout-dev")) and pipeline.run().state == RunState.WAITING:
        pipeline.settle()
        application = pipeline.stack.argocd.application("checkout-dev")
        seen.append((pipeline.run().state, application.sync, application.health))
    assert all(health == "Healthy" and sync == "Synced" for run, sync, health in seen if run == RunState.SUCCEEDED)
    assert pipeline.run().state == RunState.SUCCEEDED, (seen, state)


@pytest.mark.parametrize(
    ("outcome", "words"),
    [
        ("degraded", "exceeded its progress deadline"),
        ("sync-failed", "a hook said no"),
    ],
)
def test_what_argocd_says_of_a_failure_ends_the_run(pipeline: Pipeline, outcome: Outcome, words: str) -> None:
    pipeline.stack.argocd.plan("checkout-dev", outcome, message=words)
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert words in run.message
    assert run.code == "deploy-failed"
    assert pipeline.stack.github.statuses(SOURCE, run.commit, "mergeport/dev")[-1].state == "failure"


def test_chart_that_does_not_render_ends_the_run_after_the_grace(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.plan("checkout-dev", "comparison-error", message="nil pointer in deployment.yaml")
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    assert pipeline.wait(pipeline.run())[0] is WaitKind.SYNC
    pipeline.clock.move(seconds=30)
    pipeline.settle()
    assert "nil pointer" in pipeline.ended(pipeline.run(), RunState.FAILED).message


def test_revision_that_never_becomes_healthy_ends_at_the_deadline(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.plan("checkout-dev", "stuck")
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    pipeline.clock.move(minutes=16)
    pipeline.settle(looks=2)
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert run.code == "sync-timeout"
    assert "Progressing" in run.message


def test_later_commit_that_keeps_our_image_counts_as_ours(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.pace = None
    merge(pipeline)
    pipeline.settle()
    pipeline.stack.git.open(MANIFESTS).commit_files("main", {"README.md": "words\n"}, "Write")
    pipeline.stack.argocd.pace = 0.05
    pipeline.stack.argocd.refresh("checkout-dev")
    pipeline.settle_live("checkout-dev")
    assert pipeline.run().state == RunState.SUCCEEDED


def test_later_commit_with_another_image_supersedes_the_run(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.pace = None
    first = merge(pipeline, "two")
    pipeline.settle()
    bare = pipeline.stack.git.open(MANIFESTS)
    file = "apps/checkout/values-dev.yaml"
    digest = pipeline.run().images[""]["digest"]
    bare.commit_files("main", {file: bare.text("main", file).replace(digest, "sha256:" + "7" * 64)}, "By hand")
    pipeline.stack.argocd.pace = 0.05
    pipeline.stack.argocd.refresh("checkout-dev")
    pipeline.settle_live("checkout-dev")
    assert pipeline.run(commit=first).state == RunState.SUPERSEDED


def test_argocd_that_is_away_is_waited_for(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.faults.answer("503 Service Unavailable", times=3)
    merge(pipeline)
    pipeline.settle(looks=0)
    assert pipeline.run().state == RunState.WAITING
    pipeline.settle_over_time("checkout-dev", seconds=60)
    assert pipeline.run().state == RunState.SUCCEEDED


def test_unknown_application_fails_with_what_to_compare(pipeline: Pipeline) -> None:
    del pipeline.stack.argocd.applications["checkout-dev"]
    merge(pipeline)
    pipeline.settle()
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "argocd-application-unknown"


def test_one_list_call_looks_for_all_waiting_runs(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.pace = None
    merge(pipeline)
    pipeline.stack.github.merge(SOURCE, "staging", {"app.py": "staged\n"})
    pipeline.settle(looks=0)
    before = len(pipeline.stack.argocd.faults.requests("GET", "/api/v1/applications$"))
    pipeline.settle(looks=1)
    assert {run.state for run in pipeline.runs()} == {RunState.WAITING}
    assert len(pipeline.stack.argocd.faults.requests("GET", "/api/v1/applications$")) == before + 1
