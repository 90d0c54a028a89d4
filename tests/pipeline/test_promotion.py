"""Promotion by pull request: one branch, one open pull request, whatever the reviewers do with it."""

from __future__ import annotations

import pytest

from devstack.github.state import MergeMethod
from service.core.words import RunState, WaitKind
from tests.fixtures.service import MANIFESTS, SOURCE
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


def test_newer_image_updates_the_same_pull_request(pipeline: Pipeline) -> None:
    first = propose(pipeline, "two")
    pipeline.stack.git.open(MANIFESTS).commit_files("main", {"README.md": "a person was here\n"}, "Write")
    second = propose(pipeline, "three")
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "all")
    bare = pipeline.stack.git.open(MANIFESTS)
    assert second[:12] in pull.title
    assert "Say two" in (pull.body or "")
    assert second[:12] in bare.text(BRANCH, FILE)
    assert bare.git("rev-parse", f"{BRANCH}^") == bare.git("rev-parse", "main")
    assert pipeline.run("prod", commit=first).state == RunState.SUPERSEDED
    assert pipeline.run("prod", commit=second).state == RunState.WAITING


def test_person_who_commits_on_the_branch_is_left_alone(pipeline: Pipeline) -> None:
    commit = propose(pipeline)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    theirs = pipeline.stack.github.push(MANIFESTS, BRANCH, {"notes.md": "mine\n"}, "Work here")
    pipeline.settle(looks=2)
    run = pipeline.ended(pipeline.run("prod", commit=commit), RunState.FAILED)
    assert run.code == "branch-edited"
    assert pipeline.stack.git.open(MANIFESTS).tip(BRANCH) == theirs
    assert "left alone" in pipeline.stack.github.comments(MANIFESTS, pull.number)[0].body


def test_newer_image_does_not_overwrite_a_persons_commit_on_the_branch(pipeline: Pipeline) -> None:
    propose(pipeline)
    theirs = pipeline.stack.github.push(MANIFESTS, BRANCH, {"notes.md": "mine\n"}, "Work here")
    pipeline.settle(looks=2)
    newer = propose(pipeline, "three")
    assert pipeline.run("prod", commit=newer).code == "branch-edited"
    assert pipeline.stack.git.open(MANIFESTS).tip(BRANCH) == theirs


def test_merged_commit_without_the_image_fails_and_says_what_is_there(pipeline: Pipeline) -> None:
    propose(pipeline)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    text = pipeline.stack.git.open(MANIFESTS).text(BRANCH, FILE)
    digest = pipeline.run("prod").images[""]["digest"]
    other = "sha256:" + "7" * 64
    pipeline.stack.github.push(MANIFESTS, BRANCH, {FILE: text.replace(digest, other)}, "Another image")
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
