"""The run goes on until our very revision is healthy, and ends in Argo CD's own words when it is not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from devstack.argocd.rendering import Source
from service.core.words import RunState, WaitKind
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline


def merge(pipeline: Pipeline, text: str = "two") -> str:
    pull = pipeline.stack.github.merge(SOURCE, "develop", {"app.py": f"print('{text}')\n"})
    assert pull.merge_commit_sha is not None
    return pull.merge_commit_sha


def test_nothing_is_live_while_argocd_only_compares(pipeline: Pipeline) -> None:
    """In every state on the way, the old version is still the healthy one."""
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


def failed_in_words(pipeline: Pipeline, words: str) -> None:
    """Check that the run failed with Argo CD's words, also on its commit."""
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert words in run.message
    assert run.code == "deploy-failed"
    assert pipeline.stack.github.statuses(SOURCE, run.commit, "mergeport/dev")[-1].state == "failure"


def test_failed_sync_ends_the_run_in_argocds_words(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.plan("checkout-dev", "sync-failed", message="a hook said no")
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    failed_in_words(pipeline, "a hook said no")


def test_sync_that_fails_for_good_ends_the_run_though_other_commits_come_all_the_time(pipeline: Pipeline) -> None:
    argocd, bare = pipeline.stack.argocd, pipeline.stack.git.open(MANIFESTS)
    argocd.pace = None
    argocd.application("checkout-dev").retry_limit = 2
    argocd.plan("checkout-dev", "sync-failed", message="no port")
    merge(pipeline)
    pipeline.settle()
    seen: list[str] = []
    while pipeline.run().state == RunState.WAITING and len(seen) < 40:
        seen.append(argocd.step("checkout-dev"))
        if seen[-1] == "retrying":
            bare.commit_files("main", {f"words-{len(seen)}.md": "words\n"}, "Write")
            argocd.refresh("checkout-dev")
        pipeline.settle()
    assert "failed" not in seen
    failed_in_words(pipeline, "no port")


def test_degraded_that_lasts_ends_the_run_in_the_pods_words(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.plan("checkout-dev", "degraded", message="exec format error")
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    assert "exec format error" in pipeline.wait(pipeline.run())[1]
    pipeline.clock.move(seconds=61)
    pipeline.settle()
    failed_in_words(pipeline, "exec format error")


def test_degraded_that_passes_is_no_failure(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.pace = None
    pipeline.stack.argocd.plan("checkout-dev", "recovers")
    merge(pipeline)
    pipeline.settle()
    while pipeline.stack.argocd.step("checkout-dev") != "degraded":
        pass
    pipeline.settle()
    assert "is live and Degraded" in pipeline.wait(pipeline.run())[1]
    pipeline.clock.move(seconds=5)
    pipeline.stack.argocd.step("checkout-dev")
    pipeline.settle()
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)


def test_chart_that_does_not_render_ends_the_run_after_the_grace(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.plan("checkout-dev", "comparison-error", message="nil pointer in deployment.yaml")
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    assert "nil pointer" in pipeline.wait(pipeline.run())[1]
    pipeline.clock.move(seconds=61)
    pipeline.settle()
    assert "nil pointer" in pipeline.ended(pipeline.run(), RunState.FAILED).message


def test_repository_server_that_is_away_during_the_rollout_fails_nothing(pipeline: Pipeline) -> None:
    argocd = pipeline.stack.argocd
    argocd.pace = None
    merge(pipeline)
    pipeline.settle()
    while argocd.step("checkout-dev") != "synced":
        pass
    pipeline.settle()
    argocd.plan("checkout-dev", "comparison-error", message="rpc error: code = Unavailable")
    argocd.refresh("checkout-dev")
    pipeline.settle()
    pipeline.clock.move(seconds=120)
    pipeline.settle()
    assert "Unavailable" in pipeline.wait(pipeline.run())[1]
    argocd.forget_plans("checkout-dev")
    argocd.refresh("checkout-dev")
    argocd.pace = 0.01
    pipeline.settle_live("checkout-dev")
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)


def sources(pipeline: Pipeline, *, others: int = 0, parameters: tuple[tuple[str, str], ...] = ()) -> None:
    """Give the application more sources of other repositories, or parameters that override its values."""
    application = pipeline.stack.argocd.applications["checkout-dev"]
    own = replace(application.sources[0], parameters=parameters)
    foreign = []
    for number in range(others):
        name = f"acme/chart-{number}"
        pipeline.stack.git.create(name).commit_files("main", {"chart/values.yaml": "a: 1\n"}, "Begin")
        foreign.append(Source(name, "chart"))
    with_them = (*foreign, own)
    pipeline.stack.argocd.add_application("checkout-dev", *with_them, namespace=application.namespace)


@pytest.mark.parametrize("others", [1, 4])
def test_unrelated_commit_while_several_sources_roll_out_does_not_hold_up_the_run(
    pipeline: Pipeline, others: int
) -> None:
    sources(pipeline, others=others)
    pipeline.stack.argocd.pace = None
    merge(pipeline)
    pipeline.settle()
    pipeline.stack.git.open(MANIFESTS).commit_files("main", {"README.md": "words\n"}, "Write")
    pipeline.stack.argocd.pace = 0.01
    pipeline.stack.argocd.refresh("checkout-dev")
    pipeline.settle_live("checkout-dev")
    pipeline.stack.argocd.refresh("checkout-dev")
    pipeline.settle_live("checkout-dev")
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)


def test_parameters_that_stand_over_our_image_are_no_success(pipeline: Pipeline) -> None:
    """A change of the chart just before ours causes an operation that looks like ours."""
    digest = "sha256:" + "7" * 64
    sources(pipeline, parameters=(("image.tag", "old"), ("image.digest", digest)))
    bare = pipeline.stack.git.open(MANIFESTS)
    bare.commit_files("main", {"charts/application/templates/more.yaml": "kind: ConfigMap\n"}, "Add to the chart")
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    assert digest in pipeline.wait(pipeline.run())[1]
    pipeline.clock.move(seconds=61)
    pipeline.settle()
    failed_in_words(pipeline, "helm.parameters image.tag, helm.parameters image.digest")


def test_application_of_applications_is_live_with_its_children_only(pipeline: Pipeline) -> None:
    argocd = pipeline.stack.argocd
    child = argocd.applications.pop("checkout-dev")
    argocd.add_application("child", *child.sources, namespace=child.namespace)
    argocd.add_application("checkout-dev", Source(MANIFESTS, "charts/application"), namespace="argocd").children = (
        "child",
    )
    argocd.plan("child", "stuck", message="back-off 40s restarting failed container")
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    argocd.refresh("child")
    pipeline.settle_live("child")
    kind, words = pipeline.wait(pipeline.run())
    assert kind is WaitKind.SYNC
    assert "argocd/child, an application of it" in words
    assert "back-off 40s restarting failed container" in words


def test_revision_that_never_becomes_healthy_ends_at_the_deadline(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.plan("checkout-dev", "stuck", message="back-off 40s restarting failed container")
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    pipeline.clock.move(minutes=16)
    pipeline.settle(looks=2)
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert run.code == "sync-timeout"
    assert "Progressing" in run.message
    assert "back-off 40s restarting failed container" in run.message


def test_later_commit_that_keeps_our_image_counts_as_ours(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.pace = None
    merge(pipeline)
    pipeline.settle()
    pipeline.stack.git.open(MANIFESTS).commit_files("main", {"README.md": "words\n"}, "Write")
    pipeline.stack.argocd.pace = 0.05
    pipeline.stack.argocd.refresh("checkout-dev")
    pipeline.settle_live("checkout-dev")
    assert pipeline.run().state == RunState.SUCCEEDED


def test_later_commit_of_ours_with_another_image_supersedes_the_run(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.pace = None
    first = merge(pipeline, "two")
    pipeline.settle()
    second = merge(pipeline, "three")
    pipeline.settle()
    pipeline.stack.argocd.pace = 0.05
    pipeline.settle_live("checkout-dev")
    older, newer = pipeline.run(commit=first), pipeline.ended(pipeline.run(commit=second), RunState.SUCCEEDED)
    assert (older.state, older.superseded_by) == (RunState.SUPERSEDED, newer.id)
    assert pipeline.stack.github.statuses(SOURCE, first, "mergeport/dev")[-1].state == "success"


def test_argocd_that_is_away_is_waited_for(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.faults.answer("503 Service Unavailable", times=3)
    merge(pipeline)
    pipeline.settle(looks=0)
    assert pipeline.run().state == RunState.WAITING
    pipeline.settle_over_time("checkout-dev", seconds=60)
    assert pipeline.run().state == RunState.SUCCEEDED


def test_application_that_never_appears_fails_with_what_to_compare(pipeline: Pipeline) -> None:
    del pipeline.stack.argocd.applications["checkout-dev"]
    merge(pipeline)
    pipeline.settle()
    assert "does not list checkout-dev" in pipeline.wait(pipeline.run())[1]
    pipeline.clock.move(minutes=16)
    pipeline.settle(looks=2)
    assert pipeline.ended(pipeline.run(), RunState.FAILED).code == "argocd-application-unknown"


def test_application_that_appears_minutes_after_the_commit_is_waited_for(pipeline: Pipeline) -> None:
    """An ApplicationSet without a webhook creates it after three minutes."""
    argocd = pipeline.stack.argocd
    made = argocd.applications.pop("checkout-dev")
    merge(pipeline)
    pipeline.settle()
    pipeline.clock.move(minutes=3)
    pipeline.settle()
    argocd.add_application("checkout-dev", *made.sources, namespace=made.namespace, deployed=False)
    pipeline.settle_live("checkout-dev")
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)


def test_one_list_call_looks_for_all_waiting_runs(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.pace = None
    merge(pipeline)
    pipeline.stack.github.merge(SOURCE, "staging", {"app.py": "staged\n"})
    pipeline.settle(looks=0)
    before = len(pipeline.stack.argocd.faults.requests("GET", "/api/v1/applications$"))
    pipeline.settle(looks=1)
    assert {run.state for run in pipeline.runs()} == {RunState.WAITING}
    assert len(pipeline.stack.argocd.faults.requests("GET", "/api/v1/applications$")) == before + 1


@pytest.mark.parametrize(
    ("window", "words"),
    [
        (("deny", "0 18 * * 5", "62h"), "denies syncs from `0 18 * * 5` on for 62h"),
        (("allow", "0 9 * * 1", "8h"), "allows syncs from `0 9 * * 1` on for 8h"),
    ],
)
def test_sync_window_that_is_closed_is_told(pipeline: Pipeline, window: tuple[str, str, str], words: str) -> None:
    pipeline.stack.argocd.application("checkout-dev").windows = (window,)
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    pipeline.clock.move(seconds=15)
    pipeline.settle()
    assert words in pipeline.wait(pipeline.run())[1]


def too_late(pipeline: Pipeline) -> str:
    """Let a run's time end, and give its words, which link to the application in Argo CD."""
    pipeline.clock.move(minutes=16)
    pipeline.settle(looks=2)
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert run.code == "sync-timeout"
    assert f"{pipeline.stack.argocd.url}/applications/argocd/checkout-dev" in run.message
    return run.message


def test_timeout_tells_that_auto_sync_is_off(pipeline: Pipeline) -> None:
    pipeline.stack.argocd.application("checkout-dev").automated = False
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    words = "auto-sync is off, so somebody must sync it"
    assert words in pipeline.wait(pipeline.run())[1]
    assert words in too_late(pipeline)


def test_timeout_tells_what_is_suspended_since_when(pipeline: Pipeline) -> None:
    argocd = pipeline.stack.argocd
    argocd.plan("checkout-dev", "stuck")
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    application = argocd.application("checkout-dev")
    application.set_health("Suspended", "CanaryPauseStep")
    application.health_at = "2026-11-22T10:50:24Z"
    pipeline.settle()
    assert "Suspended since 2026-11-22 10:50 UTC (Deployment/checkout-dev is Suspended: CanaryPauseStep)" in too_late(
        pipeline
    )
