"""Promotion by pull request: one branch, one open pull request, whatever the reviewers do with it."""

from __future__ import annotations

import pytest

from devstack.github.state import MergeMethod
from service.core.words import DeliveryState, RunState, WaitKind
from service.store import waits
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline

BRANCH = "mergeport/promotion/prod/checkout"
FILE = "apps/checkout/values-prod.yaml"


def propose(pipeline: Pipeline, text: str = "two") -> str:
    """Merge into main and let the run wait on its pull request; give the source commit."""
    pull = pipeline.stack.github.merge(
        SOURCE, "main", {"app.py": f"print('{text}')\n"}, title=f"Say {text}", author="bob"
    )
    pipeline.settle()
    assert pull.merge_commit_sha is not None
    return pull.merge_commit_sha


def test_merge_into_main_opens_a_pull_request_and_waits_for_it(pipeline: Pipeline) -> None:
    commit = propose(pipeline)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    run = pipeline.run("prod")
    assert (pull.head, pull.base, pull.labels) == (BRANCH, "main", ["release"])
    assert pipeline.wait(run) == (WaitKind.PULL_REQUEST, f"waiting for pull request #{pull.number} to be merged")
    for told in (commit, run.images[""]["digest"], "Say two", "bob", "Revert"):
        assert told in (pull.body or ""), told
    (status,) = pipeline.stack.github.statuses(SOURCE, commit, "mergeport/prod")[-1:]
    assert (status.state, f"#{pull.number}" in (status.description or "")) == ("pending", True)


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_merged_by_any_method_the_run_goes_on_at_the_merged_commit(pipeline: Pipeline, method: MergeMethod) -> None:
    propose(pipeline)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    pipeline.stack.github.merge_pull(MANIFESTS, pull.number, method=method, by="release-manager")
    pipeline.settle_live("checkout-prod")
    run = pipeline.run("prod")
    assert (run.state, run.manifest_commit) == (RunState.SUCCEEDED, pipeline.stack.git.open(MANIFESTS).tip("main"))


def test_pull_request_closed_unmerged_cancels_the_run(pipeline: Pipeline) -> None:
    propose(pipeline)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    pipeline.stack.github.close_pull(MANIFESTS, pull.number)
    pipeline.settle()
    run = pipeline.ended(pipeline.run("prod"), RunState.CANCELLED)
    assert run.message == f"pull request #{pull.number} was closed without being merged"


@pytest.mark.rows_decide
def test_newer_image_updates_the_same_pull_request(pipeline: Pipeline) -> None:
    first = propose(pipeline, "two")
    pipeline.stack.git.open(MANIFESTS).commit_files("main", {"README.md": "a person was here\n"}, "Write")
    second = propose(pipeline, "three")
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "all")
    bare = pipeline.stack.git.open(MANIFESTS)
    assert second[:7] in pull.title
    assert "Say two" in (pull.body or "")
    assert second[:12] in bare.text(BRANCH, FILE)
    assert bare.git("rev-parse", f"{BRANCH}^") == bare.git("rev-parse", "main")
    assert pipeline.run("prod", commit=first).state == RunState.SUPERSEDED
    assert pipeline.run("prod", commit=second).state == RunState.WAITING


def edit_values(pipeline: Pipeline, digest: str = "sha256:" + "7" * 64) -> str:
    """Put another image on the promotion branch, as a person does; give their commit."""
    text = pipeline.stack.git.open(MANIFESTS).text(BRANCH, FILE)
    ours = pipeline.run("prod").images[""]["digest"]
    return pipeline.stack.github.push(MANIFESTS, BRANCH, {FILE: text.replace(ours, digest)}, "Another image")


def test_person_who_changes_our_values_on_the_branch_is_left_alone(pipeline: Pipeline) -> None:
    commit = propose(pipeline)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    theirs = edit_values(pipeline)
    pipeline.settle(looks=2)
    run = pipeline.ended(pipeline.run("prod", commit=commit), RunState.FAILED)
    assert run.code == "branch-edited"
    assert pipeline.stack.git.open(MANIFESTS).tip(BRANCH) == theirs
    assert "left alone" in pipeline.stack.github.comments(MANIFESTS, pull.number)[0].body


def test_newer_image_does_not_overwrite_a_persons_commit_on_the_branch(pipeline: Pipeline) -> None:
    propose(pipeline)
    theirs = edit_values(pipeline)
    pipeline.settle(looks=2)
    newer = propose(pipeline, "three")
    assert pipeline.run("prod", commit=newer).code == "branch-edited"
    assert pipeline.stack.git.open(MANIFESTS).tip(BRANCH) == theirs


def test_merged_commit_without_the_image_fails_and_says_what_is_there(pipeline: Pipeline) -> None:
    propose(pipeline)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    other = "sha256:" + "7" * 64
    edit_values(pipeline, other)
    pipeline.stack.github.merge_pull(MANIFESTS, pull.number, by="release-manager")
    pipeline.settle(looks=2)
    run = pipeline.ended(pipeline.run("prod"), RunState.FAILED)
    assert run.code == "merged-without-image"
    assert other in run.message


def test_pull_request_that_was_opened_without_an_answer_is_adopted(pipeline: Pipeline) -> None:
    pipeline.stack.github.faults.cut(method="POST", path="/pulls$")
    propose(pipeline)
    pipeline.clock.move(seconds=60)
    pipeline.settle(looks=2)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "all")
    run = pipeline.run("prod")
    assert (run.state, run.pull_request) == (RunState.WAITING, pull.number)
    assert pull.labels == ["release"]


def test_branch_pushed_without_an_answer_is_adopted(pipeline: Pipeline) -> None:
    pipeline.stack.git.faults.cut(method="POST", path="acme/manifests.*git-receive-pack")
    propose(pipeline)
    pipeline.clock.move(seconds=60)
    pipeline.settle(looks=2)
    assert pipeline.run("prod").state == RunState.WAITING
    assert len(pipeline.stack.github.pulls(MANIFESTS, "all")) == 1
    assert len(pipeline.stack.git.pushes(MANIFESTS)) == 1


@pytest.mark.rows_decide
def test_older_run_that_hangs_while_opening_does_not_take_the_pull_request_back(pipeline: Pipeline) -> None:
    """GitHub keeps the older run waiting for an answer, and the newer one arrives meanwhile."""
    gate = pipeline.stack.github.faults.hang(method="GET", path="/repos/acme/manifests/pulls$")
    first = pipeline.stack.github.merge(SOURCE, "main", {"app.py": "print('two')\n"}, title="Say two")
    commits: list[str] = []

    def newer() -> None:
        gate.wait_arrived()
        pull = pipeline.stack.github.merge(SOURCE, "main", {"app.py": "print('three')\n"}, title="Say three")
        commits.append(pull.merge_commit_sha or "")
        pipeline.settle()
        gate.release()

    pipeline.beside(newer)
    pipeline.clock.move(seconds=60)
    pipeline.settle(looks=2)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "all")
    assert pipeline.run("prod", commit=first.merge_commit_sha or "").state == RunState.SUPERSEDED
    assert pipeline.run("prod", commit=commits[0]).state == RunState.WAITING
    assert commits[0][:7] in pull.title
    assert commits[0][:12] in pipeline.stack.git.open(MANIFESTS).text(BRANCH, FILE)


@pytest.mark.rows_decide
def test_older_run_that_does_not_wait_just_now_is_superseded_as_well(pipeline: Pipeline) -> None:
    """Its wait was answered, or is not written yet, when the newer run takes the pull request over."""
    first = propose(pipeline)
    with pipeline.store.begin() as tx:
        wait = waits.open_of_run(tx, pipeline.run("prod").id)
        assert wait is not None
        waits.answer(tx, wait.id, "changed", at=pipeline.clock.now())
    propose(pipeline, "three")
    pipeline.ended(pipeline.run("prod", commit=first), RunState.SUPERSEDED)


def test_pull_request_merged_before_its_opening_was_heard_of_needs_no_second(pipeline: Pipeline) -> None:
    pipeline.stack.github.faults.cut(method="POST", path="/pulls$")
    propose(pipeline)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    pipeline.stack.github.merge_pull(MANIFESTS, pull.number, by="release-manager")
    pipeline.clock.move(seconds=60)
    pipeline.settle_live("checkout-prod")
    assert len(pipeline.stack.github.pulls(MANIFESTS, "all")) == 1
    assert pipeline.run("prod").state == RunState.SUCCEEDED


def test_pull_request_given_another_base_fails_the_run_in_words(pipeline: Pipeline) -> None:
    propose(pipeline)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    bare = pipeline.stack.git.open(MANIFESTS)
    bare.update_ref("refs/heads/other", bare.tip("main"))
    pipeline.stack.github.repository(MANIFESTS).pulls[pull.number].base = "other"
    pipeline.settle(looks=2)
    assert pipeline.ended(pipeline.run("prod"), RunState.FAILED).code == "pull-request-retargeted"


def test_person_is_told_on_the_pull_request_whatever_its_base_is(pipeline: Pipeline) -> None:
    bare = pipeline.stack.git.open(MANIFESTS)
    bare.update_ref("refs/heads/deploy", bare.tip("main"))
    elsewhere = CONFIGURATION.replace(
        "publish: pull-request", f"publish: pull-request\n    manifest: {{repository: {MANIFESTS}, branch: deploy}}"
    )
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": elsewhere}, "Deploy from a branch")
    propose(pipeline)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    edit_values(pipeline)
    pipeline.settle(looks=2)
    (before,) = [one.body for one in pipeline.stack.github.comments(MANIFESTS, pull.number)]
    newer = propose(pipeline, "three")
    assert pipeline.run("prod", commit=newer).code == "branch-edited"
    (told,) = [one.body for one in pipeline.stack.github.comments(MANIFESTS, pull.number)]
    assert told != before
    assert pipeline.run("prod").id in told


@pytest.mark.parametrize("method", ["squash", "merge", "rebase"])
def test_merged_promotion_starts_nothing_where_sources_and_manifests_share_a_repository(
    pipeline: Pipeline, method: MergeMethod
) -> None:
    both = CONFIGURATION.replace(f"source: {SOURCE}", f"source: {MANIFESTS}")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": both, "Dockerfile": "FROM scratch\n"}, "Share")
    pipeline.settle(looks=0)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    pipeline.stack.github.merge_pull(MANIFESTS, pull.number, method=method, by="release-manager")
    pipeline.settle_live("checkout-prod")
    assert [run.state for run in pipeline.runs()] == [RunState.SUCCEEDED]
    assert pipeline.delivery("push").state == DeliveryState.IGNORED
