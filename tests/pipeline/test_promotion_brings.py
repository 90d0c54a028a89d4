"""The list of what a promotion's pull request brings, read from the values file on the base."""

from __future__ import annotations

import re

import pytest

from devstack.github.state import MergeMethod, Pull
from service.core.words import RunState
from service.pipeline import actions
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_state_branch import acting, asked

FILE = "apps/checkout/values-prod.yaml"


def propose(pipeline: Pipeline, text: str) -> str:
    """Merge into main and let the run wait on its pull request; give the source commit."""
    pull = pipeline.stack.github.merge(SOURCE, "main", {"app.py": f"print('{text}')\n"}, title=f"Say {text}")
    pipeline.settle()
    return pull.merge_commit_sha or ""


def promote(pipeline: Pipeline, text: str, method: MergeMethod = "squash") -> tuple[str, str]:
    """Have a change merged and live; give the source commit, and the manifest commit."""
    commit = propose(pipeline, text)
    merged = pipeline.stack.github.merge_pull(MANIFESTS, opened(pipeline).number, method=method, by="release-manager")
    pipeline.settle_live("checkout-prod")
    pipeline.ended(pipeline.run("prod", commit=commit), RunState.SUCCEEDED)
    return commit, merged.merge_commit_sha or ""


def opened(pipeline: Pipeline) -> Pull:
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    return pull


def put_back(pipeline: Pipeline, manifest_commit: str, author: str = "carol") -> str:
    """Bring the values file back to what it was before a commit, as `git revert` does."""
    before = pipeline.stack.git.open(MANIFESTS).text(f"{manifest_commit}^", FILE)
    made = pipeline.stack.github.push(MANIFESTS, "main", {FILE: before}, 'Revert "Promote checkout"', author=author)
    pipeline.settle()
    return made


def unhold(pipeline: Pipeline) -> None:
    """Lift the hold that a revert has left."""
    actions.unhold(acting(pipeline), asked(pipeline), application="checkout", environment="prod")
    pipeline.settle()


@pytest.mark.parametrize("method", ["squash", pytest.param("merge", marks=pytest.mark.prove)])
def test_after_a_revert_everything_that_comes_back_is_listed_with_a_warning(
    pipeline: Pipeline, method: MergeMethod
) -> None:
    first, _ = promote(pipeline, "one", method)
    second, merged = promote(pipeline, "two", method)
    revert = put_back(pipeline, merged)
    third = propose(pipeline, "three")
    unhold(pipeline)
    body = opened(pipeline).body or ""
    assert f"compare/{first}...{third}" in body
    assert "Say two" in body
    assert "Say three" in body
    assert "Say one" not in body
    assert "> [!WARNING]" in body
    for told in (second[:12], revert[:12], "carol", "taken back"):
        assert told in body, told


@pytest.mark.parametrize("before", ["", "by-hand"])
def test_after_a_revert_of_the_first_promotion_it_is_listed_again_with_a_warning(
    pipeline: Pipeline, before: str
) -> None:
    text = pipeline.stack.git.open(MANIFESTS).text("main", FILE)
    other = re.sub(r"digest: .*", 'digest: ""', re.sub(r"tag: .*", f'tag: "{before}"', text))
    pipeline.stack.github.push(MANIFESTS, "main", {FILE: other}, "Begin")
    first, merged = promote(pipeline, "one")
    revert = put_back(pipeline, merged)
    propose(pipeline, "two")
    unhold(pipeline)
    body = opened(pipeline).body or ""
    assert [text in body for text in ("Say one", "Say two", "WARNING", "this brings it back")] == [True] * 4
    for told in (first[:12], revert[:12], "carol"):
        assert told in body, told
    assert ("does not know which source commit" in body) is bool(before)


def test_without_a_revert_there_is_no_warning_and_only_the_new_is_listed(pipeline: Pipeline) -> None:
    promote(pipeline, "one")
    second, _ = promote(pipeline, "two")
    third = propose(pipeline, "three")
    body = opened(pipeline).body or ""
    assert f"compare/{second}...{third}" in body
    assert [text in body for text in ("Say one", "Say two", "Say three", "WARNING")] == [False, False, True, False]


def test_reverted_and_put_there_again_by_hand_brings_nothing_back(pipeline: Pipeline) -> None:
    promote(pipeline, "one")
    second, merged = promote(pipeline, "two")
    text = pipeline.stack.git.open(MANIFESTS).text("main", FILE)
    put_back(pipeline, merged)
    pipeline.stack.github.push(MANIFESTS, "main", {FILE: text}, "Revert the revert")
    third = propose(pipeline, "three")
    unhold(pipeline)
    body = opened(pipeline).body or ""
    assert f"compare/{second}...{third}" in body
    assert "WARNING" not in body


def test_after_an_edited_pull_request_the_edit_is_what_is_compared_with(pipeline: Pipeline) -> None:
    first, _ = promote(pipeline, "one")
    old = pipeline.stack.git.open(MANIFESTS).text("main", FILE)
    propose(pipeline, "two")
    pull = opened(pipeline)
    pipeline.stack.github.push(MANIFESTS, pull.head, {FILE: old, "notes.md": "not yet\n"}, "Leave it as it is")
    pipeline.settle(looks=2)
    pipeline.stack.github.merge_pull(MANIFESTS, pull.number, by="release-manager")
    third = propose(pipeline, "three")
    body = opened(pipeline).body or ""
    assert f"compare/{first}...{third}" in body
    assert "Say two" in body


def test_image_that_nobody_knows_is_said_to_be_unknown(pipeline: Pipeline) -> None:
    promote(pipeline, "one")
    bare = pipeline.stack.git.open(MANIFESTS)
    digest = pipeline.run("prod").images[""]["digest"]
    text = bare.text("main", FILE).replace(digest, "sha256:" + "7" * 64)
    pipeline.stack.github.push(MANIFESTS, "main", {FILE: text}, "Deploy by another tool")
    propose(pipeline, "two")
    body = opened(pipeline).body or ""
    assert "does not know which source commit" in body
    assert "compare/" not in body


@pytest.mark.parametrize("method", ["squash", pytest.param("merge", marks=pytest.mark.prove)])
def test_retry_of_what_was_reverted_says_that_it_comes_back(pipeline: Pipeline, method: MergeMethod) -> None:
    first, _ = promote(pipeline, "one", method)
    second, merged = promote(pipeline, "two", method)
    revert = put_back(pipeline, merged)
    pipeline.retry(pipeline.run("prod", commit=second))
    pipeline.settle()
    unhold(pipeline)
    body = opened(pipeline).body or ""
    assert f"compare/{first}...{second}" in body
    assert revert[:12] in body
