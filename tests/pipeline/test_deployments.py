"""Which release is live where is kept, also after a run has ended, and the source commit's status follows it."""

from __future__ import annotations

from dataclasses import replace

from devstack.argocd.rendering import Source
from service.core.words import RunState
from service.pipeline.deploy.live_watch import look_at_live
from service.store import deployments
from service.store.deployments import Deployment
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_deploying import merge

FILE = "apps/checkout/values-dev.yaml"


def of(pipeline: Pipeline, run: Run) -> list[Deployment]:
    with pipeline.store.read() as tx:
        return deployments.of_run(tx, run.id)


def live(pipeline: Pipeline) -> Deployment | None:
    with pipeline.store.read() as tx:
        return deployments.live(tx, "checkout", "dev")


def deployed(pipeline: Pipeline, text: str) -> Run:
    """Merge something and see it live; give its run."""
    commit = merge(pipeline, text)
    pipeline.settle_live("checkout-dev")
    pipeline.settle_live("checkout-dev")
    return pipeline.ended(pipeline.run(commit=commit), RunState.SUCCEEDED)


def status(pipeline: Pipeline, run: Run) -> tuple[str, str]:
    pipeline.settle()
    newest = pipeline.stack.github.statuses(SOURCE, run.commit, "mergeport/dev")[-1]
    return newest.state, newest.description or ""


def looked(pipeline: Pipeline, **later: float) -> None:
    """Look at what is live, a while later."""
    pipeline.clock.move(**(later or {"minutes": 2}))
    look_at_live(pipeline.context)


def revert(pipeline: Pipeline, run: Run, text: str) -> str:
    """Let a person revert a promotion by a push."""
    message = f'Revert "Promote"\n\nThis reverts commit {run.manifest_commit}.'
    pipeline.stack.github.push(MANIFESTS, "main", {FILE: text}, message)
    return pipeline.stack.git.open(MANIFESTS).tip("main")


def test_release_is_live_and_healthy_since_it_was_seen_so(pipeline: Pipeline) -> None:
    run = deployed(pipeline, "two")
    (one,) = of(pipeline, run)
    assert one.since <= pipeline.clock.now()
    assert one.healthy_since is not None
    assert one.until is None


def test_next_release_ends_the_one_before(pipeline: Pipeline) -> None:
    first = deployed(pipeline, "two")
    second = deployed(pipeline, "three")
    (ended,) = of(pipeline, first)
    assert (ended.until is not None, ended.by_us) == (True, True)
    assert (now := live(pipeline)) is not None
    assert now.run_id == second.id
    assert status(pipeline, first)[0] == "success"


def test_degraded_breaks_the_time_of_being_healthy_and_nothing_else(pipeline: Pipeline) -> None:
    run = deployed(pipeline, "two")
    application = pipeline.stack.argocd.application("checkout-dev")
    application.set_health("Degraded", "out of memory")
    looked(pipeline)
    (broken,) = of(pipeline, run)
    application.set_health("Healthy")
    looked(pipeline)
    (healed,) = of(pipeline, run)
    assert (broken.healthy_since, broken.until) == (None, None)
    assert healed.healthy_since == pipeline.clock.now()
    assert healed.since == broken.since


def test_parameter_that_is_set_over_a_live_release_ends_its_being_healthy(pipeline: Pipeline) -> None:
    run = deployed(pipeline, "two")
    argocd = pipeline.stack.argocd
    application = argocd.application("checkout-dev")
    (source,) = application.sources
    application.sources = (replace(source, parameters=(("image.digest", "sha256:" + "7" * 64),)),)
    argocd.refresh("checkout-dev")
    argocd.settle("checkout-dev")
    looked(pipeline)
    (one,) = of(pipeline, run)
    assert (one.health, one.healthy_since) == ("Overridden", None)


def test_revert_by_a_person_is_refreshed_told_and_brings_the_former_release_back(pipeline: Pipeline) -> None:
    first = deployed(pipeline, "two")
    before = pipeline.stack.git.open(MANIFESTS).text("main", FILE)
    second = deployed(pipeline, "three")
    culprit = revert(pipeline, second, before)
    pipeline.settle()
    pipeline.stack.github.push(MANIFESTS, "main", {"README.md": "more\n"}, "Write")
    pipeline.settle_live("checkout-dev")
    looked(pipeline)
    (gone,) = of(pipeline, second)
    assert gone.ended_by.startswith(f"reverted by {culprit[:12]} of ")
    assert (now := live(pipeline)) is not None
    assert now.run_id == first.id
    state, words = status(pipeline, second)
    assert state == "error"
    assert f"reverted by {culprit[:12]}" in words
    assert pipeline.ended(second, RunState.SUCCEEDED)


def test_push_of_somebody_else_has_argocd_told_of_what_it_touches_alone(pipeline: Pipeline) -> None:
    deployed(pipeline, "two")
    requests = pipeline.stack.argocd.faults.requests
    seen = len(requests("GET", "/applications/"))
    text = pipeline.stack.git.open(MANIFESTS).text("main", FILE)
    pipeline.stack.github.push(MANIFESTS, "main", {FILE: text + "replicas: 2\n"}, "Scale")
    pipeline.settle(looks=0)
    told = [one.path for one in requests("GET", "/applications/")[seen:] if "refresh=" in one.query]
    assert told == ["/api/v1/applications/checkout-dev"]


def test_failed_run_that_somebody_repaired_stays_failed_and_its_commit_says_what_is_true(pipeline: Pipeline) -> None:
    argocd = pipeline.stack.argocd
    argocd.plan("checkout-dev", "sync-failed", message="a hook said no")
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert status(pipeline, run)[0] == "failure"
    argocd.forget_plans("checkout-dev")
    argocd.application("checkout-dev").failed_revisions = ()
    argocd.refresh("checkout-dev")
    argocd.settle("checkout-dev")
    looked(pipeline)
    state, words = status(pipeline, run)
    assert state == "success"
    assert "live and healthy since" in words
    assert pipeline.ended(run, RunState.FAILED).code == "deploy-failed"


def test_release_that_was_forced_off_its_branch_is_live_no_more(pipeline: Pipeline) -> None:
    bare = pipeline.stack.git.open(MANIFESTS)
    first = deployed(pipeline, "two")
    tip = bare.tip("main")
    second = deployed(pipeline, "three")
    bare.update_ref("refs/heads/main", tip)
    pipeline.stack.argocd.refresh("checkout-dev")
    pipeline.settle_live("checkout-dev")
    looked(pipeline)
    (gone,) = of(pipeline, second)
    assert gone.ended_by.startswith("gone from its branch")
    assert (now := live(pipeline)) is not None
    assert now.run_id == first.id


def test_release_without_argocd_is_live_from_its_commit_until_git_says_otherwise(pipeline: Pipeline) -> None:
    bare = pipeline.stack.git.open(MANIFESTS)
    text = CONFIGURATION.replace('argocd: "{application}-{environment}"', "argocd: false")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": text}, "Commit only")
    pipeline.settle()
    before = bare.text("main", FILE)
    commit = merge(pipeline, "two")
    pipeline.settle(looks=2)
    run = pipeline.ended(pipeline.run(commit=commit), RunState.SUCCEEDED)
    assert of(pipeline, run)[0].until is None
    revert(pipeline, run, before)
    looked(pipeline)
    assert of(pipeline, run)[0].ended_by.startswith("reverted by")


def family(pipeline: Pipeline) -> None:
    """Make `checkout-dev` the parent of the former application."""
    argocd = pipeline.stack.argocd
    child = argocd.applications.pop("checkout-dev")
    argocd.add_application("child", *child.sources, namespace=child.namespace)
    parent = argocd.add_application("checkout-dev", Source(MANIFESTS, "charts/application"), namespace="argocd")
    parent.children = ("child",)


def brought(pipeline: Pipeline) -> None:
    pipeline.settle()
    pipeline.stack.argocd.refresh("child")
    pipeline.settle_live("checkout-dev", "child")


def test_child_that_breaks_later_is_told_of_its_parents_release(pipeline: Pipeline) -> None:
    family(pipeline)
    merge(pipeline)
    brought(pipeline)
    run = pipeline.ended(pipeline.run(), RunState.SUCCEEDED)
    pipeline.stack.argocd.application("child").set_health("Degraded", "out of memory")
    looked(pipeline)
    assert of(pipeline, run)[0].healthy_since is None


def test_child_that_is_repaired_by_hand_turns_its_parents_commit(pipeline: Pipeline) -> None:
    family(pipeline)
    pipeline.stack.argocd.plan("child", "degraded", message="exec format error")
    merge(pipeline)
    brought(pipeline)
    pipeline.clock.move(seconds=61)
    pipeline.settle()
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    pipeline.stack.argocd.application("child").set_health("Healthy")
    looked(pipeline)
    assert status(pipeline, run)[0] == "success"
