"""Branches that refuse pushes, by real hooks: now and then, for one file, or for good."""

from __future__ import annotations

import pytest

from service.core.words import RunState, WaitKind
from service.store import edits
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.crowd import BRANCH, file_of, merge, settle_in, states, wait_all, written
from tests.pipeline.harness import Pipeline

NAMES = ("checkout", "cart", "search", "orders", "users")
BY_PULL_REQUEST = "{branch: develop, manifest: {protected: pull-request}}"

FILE_HOOK = f"""#!/bin/sh
while read old new ref; do
  [ "$ref" = refs/heads/{BRANCH} ] || continue
  git diff --name-only "$old" "$new" | grep -q {file_of("search")} && exit 1
done
exit 0
"""
CLOSED_HOOK = f'#!/bin/sh\nwhile read old new ref; do [ "$ref" != refs/heads/{BRANCH} ] || exit 1; done\n'
SLOW_HOOK = "#!/bin/sh\ncount=$(cat count 2>/dev/null || echo 0)\necho $((count + 1)) >count\n[ $count -ge {times} ]\n"


def hook(pipeline: Pipeline, script: str) -> None:
    pipeline.stack.git.install_hook(MANIFESTS, "pre-receive", script)


def test_edit_that_a_hook_refuses_takes_no_other_with_it(pipeline: Pipeline) -> None:
    settle_in(pipeline, *NAMES)
    hook(pipeline, FILE_HOOK)
    merge(pipeline)
    wait_all(pipeline)
    pipeline.settle()
    others = [name for name in NAMES if name != "search"]
    assert written(pipeline) == others
    assert states(pipeline, NAMES) == {
        **dict.fromkeys(others, (RunState.SUCCEEDED, "")),
        "search": (RunState.FAILED, "push-refused"),
    }


def test_edit_that_a_hook_refuses_goes_on_as_a_pull_request_where_that_is_wanted(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout", "search", dev=BY_PULL_REQUEST)
    hook(pipeline, FILE_HOOK)
    merge(pipeline)
    wait_all(pipeline)
    pipeline.settle()
    assert written(pipeline) == ["checkout"]
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    run = pipeline.run(application="search")
    assert (pull.head, pull.base) == ("mergeport/promotion/dev/search", BRANCH)
    assert "refuses the push, although nobody moved it" in (pull.body or "")
    waiting = f"waiting for pull request #{pull.number} to be merged: its branch refuses pushes"
    assert pipeline.wait(run) == (WaitKind.PULL_REQUEST, waiting)
    (status,) = pipeline.stack.github.statuses(SOURCE, run.commit, "mergeport/dev")[-1:]
    assert (status.state, status.description) == ("pending", f"1 of 2 done; search: {waiting}")
    assert "the run goes on with a pull request" in pipeline.steps(run)["commit to manifest repository"][1]


def test_pull_request_instead_of_a_commit_ends_as_any_other(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout", dev=BY_PULL_REQUEST)
    hook(pipeline, CLOSED_HOOK)
    merge(pipeline)
    pipeline.settle(looks=2)
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "open")
    hook(pipeline, "")
    pipeline.stack.github.merge_pull(MANIFESTS, pull.number, method="squash", by="release-manager")
    pipeline.settle(looks=2)
    run = pipeline.run()
    assert (run.state, run.manifest_commit) == (RunState.SUCCEEDED, pipeline.stack.git.open(MANIFESTS).tip(BRANCH))
    with pipeline.store.read() as tx:
        assert edits.open_at(tx, run.repository, BRANCH) == []


def test_next_change_of_a_branch_that_stays_closed_updates_the_same_pull_request(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout", dev=BY_PULL_REQUEST)
    hook(pipeline, CLOSED_HOOK)
    merge(pipeline, "two")
    pipeline.settle()
    merge(pipeline, "three")
    pipeline.settle()
    (pull,) = pipeline.stack.github.pulls(MANIFESTS, "all")
    newest, older = pipeline.runs()
    assert (newest.state, newest.pull_request) == (RunState.WAITING, pull.number)
    assert older.state == RunState.SUPERSEDED
    assert newest.commit[:7] in pull.title


@pytest.mark.parametrize("times", [1, 2, 5])
def test_hook_that_fails_now_and_then_is_no_rule(pipeline: Pipeline, times: int) -> None:
    settle_in(pipeline, "checkout", "cart")
    hook(pipeline, SLOW_HOOK.format(times=times))
    merge(pipeline)
    wait_all(pipeline)
    began = pipeline.clock.now()
    pipeline.settle()
    assert sorted(written(pipeline)) == ["cart", "checkout"]
    assert {state for state, _ in states(pipeline, ("checkout", "cart")).values()} == {RunState.SUCCEEDED}
    assert (pipeline.clock.now() - began).total_seconds() < 10


def test_branch_that_refuses_everything_is_believed_after_seconds_only(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout")
    tip = pipeline.stack.git.open(MANIFESTS).tip(BRANCH)
    hook(pipeline, CLOSED_HOOK)
    merge(pipeline)
    began = pipeline.clock.now()
    pipeline.settle(looks=0)
    assert states(pipeline, ("checkout",)) == {"checkout": (RunState.FAILED, "push-refused")}
    assert 4 < (pipeline.clock.now() - began).total_seconds() < 10
    assert pipeline.stack.git.open(MANIFESTS).tip(BRANCH) == tip


def test_promotion_branch_that_nobody_may_push_is_an_error_in_words(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout", dev="{branch: develop, publish: pull-request}")
    hook(pipeline, "#!/bin/sh\nexit 1\n")
    merge(pipeline)
    pipeline.settle(looks=0)
    run = pipeline.ended(pipeline.run(), RunState.FAILED)
    assert (run.code, "mergeport/promotion/" in run.message) == ("push-refused", True)
