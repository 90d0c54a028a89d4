"""A person's revert before Argo CD has the commit ends the run at once, in words that name who, how and when."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from service.core.words import RunState, WaitKind
from service.pipeline import actions
from service.store import deployments
from service.store.runs import Run
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_deploying import merge
from tests.pipeline.test_deployments import deployed
from tests.pipeline.test_state_branch import acting, asked

FILE = "apps/checkout/values-dev.yaml"


def waiting(pipeline: Pipeline, text: str = "two") -> Run:
    """Let a run wait for an Argo CD that sees nothing yet."""
    pipeline.stack.argocd.pace = None
    commit = merge(pipeline, text)
    pipeline.settle()
    run = pipeline.run(commit=commit)
    assert pipeline.wait(run)[0] is WaitKind.SYNC
    return run


def before(pipeline: Pipeline, run: Run, file: str = FILE) -> str:
    return pipeline.stack.git.open(MANIFESTS).text(f"{run.manifest_commit}^", file)


def revert(pipeline: Pipeline, run: Run) -> str:
    message = f'Revert "Promote checkout"\n\nThis reverts commit {run.manifest_commit}.'
    return pipeline.stack.github.push(MANIFESTS, "main", {FILE: before(pipeline, run)}, message, author="carol")


def edit(pipeline: Pipeline, run: Run) -> str:
    text = before(pipeline, run).replace("sha256:" + "0" * 64, "sha256:" + "7" * 64)
    return pipeline.stack.github.push(MANIFESTS, "main", {FILE: text}, "Pin it by hand", author="carol")


def delete(pipeline: Pipeline, _run: Run) -> str:
    return pipeline.stack.github.push(MANIFESTS, "main", {FILE: None}, "Remove it", author="carol")


def force_away(pipeline: Pipeline, run: Run) -> str:
    bare = pipeline.stack.git.open(MANIFESTS)
    base = bare.git("rev-parse", f"{run.manifest_commit}^")
    pipeline.stack.github.force_push(MANIFESTS, "main", base, author="carol")
    return base


def unhold(pipeline: Pipeline) -> None:
    actions.unhold(acting(pipeline), asked(pipeline), application="checkout", environment="dev")


def taken(pipeline: Pipeline, run: Run, *told: str) -> Run:
    """Check that the run ended as taken back, and that its commit's status says so."""
    ended = pipeline.ended(run, RunState.CANCELLED)
    assert ended.code == "reverted"
    for words in (*told, "UTC"):
        assert words in ended.message
    pipeline.settle()
    status = pipeline.stack.github.statuses(SOURCE, run.commit, f"mergeport/{run.environment}")[-1]
    assert status.state == "error"
    assert told[0] in (status.description or "")
    return ended


WAYS: dict[str, tuple[Callable[[Pipeline, Run], str], str]] = {
    "revert": (revert, "reverted by {} of carol at "),
    "edit": (edit, "replaced by {} of carol at "),
    "delete": (delete, "replaced by {} of carol at "),
    "force-push": (force_away, "was removed from main by a force push to {} of "),
}


@pytest.mark.parametrize("way", WAYS)
def test_it_ends_at_the_pushs_event(pipeline: Pipeline, way: str) -> None:
    run = waiting(pipeline)
    act, words = WAYS[way]
    culprit = act(pipeline, run)
    pipeline.settle(looks=0)
    taken(pipeline, run, words.format(culprit[:12]))


def test_it_ends_at_the_next_look_where_no_hook_tells_it(pipeline: Pipeline) -> None:
    run = waiting(pipeline)
    bare = pipeline.stack.git.open(MANIFESTS)
    culprit = bare.commit_files("main", {FILE: before(pipeline, run)}, f"This reverts commit {run.manifest_commit}.")
    pipeline.settle()
    taken(pipeline, run, f"reverted by {culprit[:12]} of ")


def test_removal_by_force_that_no_hook_tells_is_found_at_the_next_look(pipeline: Pipeline) -> None:
    run = waiting(pipeline)
    bare = pipeline.stack.git.open(MANIFESTS)
    bare.update_ref("refs/heads/main", bare.git("rev-parse", f"{run.manifest_commit}^"))
    pipeline.settle()
    taken(pipeline, run, "was removed from main by a force push")


def test_revert_below_other_commits_is_named_and_not_they(pipeline: Pipeline) -> None:
    run = waiting(pipeline)
    bare = pipeline.stack.git.open(MANIFESTS)
    culprit = bare.commit_files("main", {FILE: before(pipeline, run)}, 'Revert "Promote"')
    bare.commit_files("main", {"README.md": "more\n"}, "Write")
    pipeline.settle()
    taken(pipeline, run, f"reverted by {culprit[:12]} of ")


def test_revert_is_found_while_argocd_is_away(pipeline: Pipeline) -> None:
    run = waiting(pipeline)
    pipeline.stack.argocd.faults.answer("503 Service Unavailable", times=50)
    revert(pipeline, run)
    pipeline.settle()
    taken(pipeline, run, "reverted by ")


def test_revert_is_found_before_argocd_lists_the_application(pipeline: Pipeline) -> None:
    run = waiting(pipeline)
    del pipeline.stack.argocd.applications["checkout-dev"]
    revert(pipeline, run)
    pipeline.settle()
    taken(pipeline, run, "reverted by ")


def test_edit_that_argocd_compares_already_is_told_as_a_persons(pipeline: Pipeline) -> None:
    run = waiting(pipeline)
    edit(pipeline, run)
    pipeline.stack.argocd.pace = 0.01
    pipeline.stack.argocd.refresh("checkout-dev")
    pipeline.settle_live("checkout-dev")
    taken(pipeline, run, "replaced by ")


def test_commit_that_leaves_our_values_is_no_reason_to_end(pipeline: Pipeline) -> None:
    run = waiting(pipeline)
    text = pipeline.stack.git.open(MANIFESTS).text("main", FILE)
    pipeline.stack.github.push(MANIFESTS, "main", {FILE: text + "more: 1\n"}, "Scale")
    pipeline.settle(looks=2)
    assert pipeline.wait(run)[0] is WaitKind.SYNC


def test_manifest_repository_that_is_away_is_no_reason_to_end(pipeline: Pipeline) -> None:
    run = waiting(pipeline)
    pipeline.stack.git.faults.answer("503 Service Unavailable", times=50)
    pipeline.settle(looks=2)
    assert pipeline.wait(run)[0] is WaitKind.SYNC


def test_newer_run_of_ours_is_no_revert(pipeline: Pipeline) -> None:
    run = waiting(pipeline)
    newer = waiting(pipeline, "three")
    assert pipeline.ended(run, RunState.SUPERSEDED).superseded_by == newer.id


def test_newer_run_of_ours_after_a_revert_that_nobody_saw_is_what_supersedes(pipeline: Pipeline) -> None:
    run = waiting(pipeline)
    pipeline.stack.git.open(MANIFESTS).commit_files("main", {FILE: before(pipeline, run)}, 'Revert "Promote"')
    second = merge(pipeline, "three")
    pipeline.stack.argocd.pace = 0.01
    pipeline.settle(looks=0)
    pipeline.settle_live("checkout-dev")
    pipeline.settle_live("checkout-dev")
    newer = pipeline.ended(pipeline.run(commit=second), RunState.SUCCEEDED)
    assert pipeline.ended(run, RunState.SUPERSEDED).superseded_by == newer.id


def test_former_release_stays_the_live_one(pipeline: Pipeline) -> None:
    first = deployed(pipeline, "one")
    run = waiting(pipeline)
    revert(pipeline, run)
    pipeline.settle()
    taken(pipeline, run, "reverted by ")
    with pipeline.store.read() as tx:
        live = deployments.live(tx, "checkout", "dev")
        assert deployments.of_run(tx, run.id) == []
    assert live is not None
    assert live.run_id == first.id
    assert pipeline.stack.github.statuses(SOURCE, first.commit, "mergeport/dev")[-1].state == "success"


def two_environments(pipeline: Pipeline) -> tuple[Run, Run]:
    pipeline.stack.argocd.pace = None
    merge(pipeline)
    pipeline.stack.github.merge(SOURCE, "staging", {"app.py": "staged\n"})
    pipeline.settle(looks=2)
    return pipeline.run("dev"), pipeline.run("stage")


def test_revert_of_one_environment_leaves_the_other_waiting(pipeline: Pipeline) -> None:
    dev, stage = two_environments(pipeline)
    revert(pipeline, dev)
    pipeline.settle()
    taken(pipeline, dev, "reverted by ")
    assert pipeline.wait(stage)[0] is WaitKind.SYNC


def test_one_commit_that_takes_back_two_environments_ends_both(pipeline: Pipeline) -> None:
    dev, stage = two_environments(pipeline)
    other = "apps/checkout/values-stage.yaml"
    files = {FILE: before(pipeline, dev), other: before(pipeline, stage, other)}
    culprit = pipeline.stack.github.push(MANIFESTS, "main", files, 'Revert "Promote" twice', author="carol")
    pipeline.settle()
    for run in (dev, stage):
        taken(pipeline, run, f"reverted by {culprit[:12]} of carol")


@pytest.mark.parametrize("method", ["squash", "merge"])
def test_merged_promotion_that_is_reverted_ends_and_does_not_begin_again(pipeline: Pipeline, method: str) -> None:
    pipeline.stack.argocd.pace = None
    pipeline.stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"})
    pipeline.settle()
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    pipeline.stack.github.merge_pull(MANIFESTS, pull.number, method=method)  # type: ignore[arg-type] # a parameter
    pipeline.settle()
    run = pipeline.run("prod")
    file = "apps/checkout/values-prod.yaml"
    culprit = pipeline.stack.github.push(
        MANIFESTS, "main", {file: before(pipeline, run, file)}, 'Revert "checkout"', author="carol"
    )
    pipeline.settle(looks=3)
    taken(pipeline, run, f"reverted by {culprit[:12]} of carol")
    assert [one.id for one in pipeline.runs() if one.environment == "prod"] == [run.id]


def test_retry_of_what_was_taken_back_waits_until_the_place_is_held_no_more(pipeline: Pipeline) -> None:
    run = waiting(pipeline)
    revert(pipeline, run)
    pipeline.settle()
    taken(pipeline, run, "reverted by ")
    pipeline.retry(pipeline.ended(run, RunState.CANCELLED))
    pipeline.settle()
    assert pipeline.wait(pipeline.run())[0] is WaitKind.GATE
    unhold(pipeline)
    pipeline.stack.argocd.pace = 0.01
    pipeline.settle_live("checkout-dev")
    pipeline.settle_live("checkout-dev")
    pipeline.ended(pipeline.run(), RunState.SUCCEEDED)


def test_run_whose_commit_people_wrote_anew_with_its_values_is_live_with_theirs(pipeline: Pipeline) -> None:
    """After a forced rebase, another commit with other parents has the same values."""
    run = waiting(pipeline)
    bare = pipeline.stack.git.open(MANIFESTS)
    bare.update_ref("refs/heads/aside", bare.git("rev-parse", f"{run.manifest_commit}^"))
    bare.commit_files("aside", {"README.md": "squeezed in\n"}, "Write")
    anew = bare.commit_files("aside", {FILE: bare.text(str(run.manifest_commit), FILE)}, "Promote, rebased")
    pipeline.stack.github.force_push(MANIFESTS, "main", anew, author="carol")
    pipeline.settle()
    assert pipeline.wait(run)[0] is WaitKind.SYNC
    pipeline.stack.argocd.pace = 0.0
    pipeline.settle_live("checkout-dev")
    assert f"{anew[:12]} is live" in pipeline.ended(run, RunState.SUCCEEDED).message
