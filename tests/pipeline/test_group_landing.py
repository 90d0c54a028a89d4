"""A pull request that several share follows the gates of all: a draft until they open, a label, merged by itself."""

from __future__ import annotations

import pytest

from devstack.github.state import Pull
from service.core.words import RunState
from service.pipeline import actions
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.runs import transitions
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure
from tests.pipeline.test_gates_on_pull_requests import shown
from tests.pipeline.test_group import TOGETHER, group, merge, newest, says, settle
from tests.pipeline.test_landing import BY_GITHUB, BY_US, approve, pass_check, protected
from tests.pipeline.test_proposal_life import REVIEWERS, pull_of
from tests.pipeline.test_state_branch import acting, asked

__all__ = ["group"]
APPROVAL = 'approval: {from: ["user:grace"]}'
MERGED_BY_US = BY_US.replace("squash", "rebase")


def want(pipeline: Pipeline, more: str, of_catalog: str = APPROVAL) -> None:
    """Have the shared pull request live so, and give one of its members gates."""
    own = f"environments: {{prod: {{gates: {{{of_catalog}}}}}}}"
    text = TOGETHER.replace(REVIEWERS, f"{REVIEWERS}, {more}")
    configure(pipeline, text.replace(f"catalog: {{source: {SOURCE}", f"catalog: {{source: {SOURCE}, {own}"))


def cancel(pipeline: Pipeline, application: str) -> None:
    run = newest(pipeline)[application]
    with pipeline.store.begin() as tx:
        actions.cancel(tx, run.id, by="anna", at=pipeline.clock.now())
    enqueue(pipeline.context, run.id)


def lock_catalog(pipeline: Pipeline) -> None:
    actions.lock(acting(pipeline), asked(pipeline, "incident"), environment="prod", application="catalog")


def test_draft_and_label_follow_the_gates_of_all(group: Pipeline) -> None:
    later = 'freeze: [{from: "2020-01-01", until: "2099-01-01", reason: stocktaking}]'
    want(group, "draft: true, gate_labels: true", f"{APPROVAL}, {later}")
    merge(group)
    assert (pull_of(group).draft, pull_of(group).labels) == (True, ["release", "mergeport: waiting"])
    want(group, "draft: true, gate_labels: true")
    group.clock.move(minutes=6)
    settle(group)
    assert (pull_of(group).draft, pull_of(group).labels) == (False, ["release", "mergeport: waiting"])
    assert shown(group, pull_of(group).head_sha)["approval"] == "pending"
    approve(group)
    settle(group)
    assert pull_of(group).labels == ["release", "mergeport: ready"]
    assert shown(group, pull_of(group).head_sha)["approval"] == "success"


def test_we_merge_once_the_gates_of_all_are_open_and_each_run_goes_on(group: Pipeline) -> None:
    want(group, MERGED_BY_US)
    merge(group)
    assert not pull_of(group).merged
    head = pull_of(group).head_sha
    approve(group)
    pull = pull_of(group)
    assert (pull.merged, pull.merged_by and pull.merged_by.login, pull.head_sha) == (True, "mergeport-bot", head)
    settle(group)
    assert {run.state for run in newest(group).values()} == {RunState.SUCCEEDED}
    assert all(says(group, run, "main") for run in newest(group).values())


def test_base_that_takes_only_what_is_up_to_date_gets_all_anew_once_the_gates_of_all_are_open(group: Pipeline) -> None:
    repo = protected(group)
    repo.strict.add("main")
    want(group, MERGED_BY_US)
    merge(group)
    before = pull_of(group).head_sha
    moved = group.stack.github.push(MANIFESTS, "main", {"README.md": "a person's line\n"}, author="bob")
    settle(group)
    assert pull_of(group).head_sha == before
    approve(group)
    settle(group)
    assert pull_of(group).head_sha != before
    assert repo.bare.is_ancestor(moved, pull_of(group).head_sha)
    approve(group)
    pass_check(group)
    settle(group)
    assert pull_of(group).merged
    assert {run.state for run in newest(group).values()} == {RunState.SUCCEEDED}


@pytest.mark.prove
def test_one_that_wants_a_person_keeps_all_from_being_merged_by_itself(group: Pipeline) -> None:
    want(group, BY_US)
    own = f"billing: {{source: {SOURCE}, environments: {{prod: {{pull_request: {{auto_merge: false}}}}}}"
    text = TOGETHER.replace(REVIEWERS, f"{REVIEWERS}, {BY_US}").replace(f"billing: {{source: {SOURCE}", own)
    configure(group, text, "A person merges billing")
    merge(group)
    assert not pull_of(group).merged


def auto_merged(pipeline: Pipeline) -> Pull:
    """Have GitHub asked to merge it, which waits for a check that it requires."""
    protected(pipeline)
    want(pipeline, BY_GITHUB)
    merge(pipeline)
    assert pull_of(pipeline).auto_merge is None
    approve(pipeline)
    assert pull_of(pipeline).auto_merge is not None
    return pull_of(pipeline)


def test_github_is_asked_no_longer_when_a_gate_of_one_closes(group: Pipeline) -> None:
    auto_merged(group)
    actions.lock(acting(group), asked(group, "incident"), environment="prod")
    group.settle(looks=0)
    assert pull_of(group).auto_merge is None
    pass_check(group)
    assert not pull_of(group).merged


def test_run_of_a_member_that_ends_takes_the_auto_merge_back_because_its_commit_is_in_the_head(group: Pipeline) -> None:
    before = auto_merged(group).head_sha
    with group.store.begin() as tx:
        transitions.end(tx, newest(group)["catalog"].id, RunState.FAILED, "it broke", at=group.clock.now())
    group.settle(looks=0)
    assert (pull_of(group).head_sha, pull_of(group).auto_merge) == (before, None)
    settle(group)
    approve(group)
    pass_check(group)
    settle(group)
    there = newest(group)
    assert [says(group, there[name], "main") for name in ("billing", "catalog", "checkout")] == [True, False, True]


@pytest.mark.prove
def test_member_that_is_cancelled_is_not_merged_with_the_others(group: Pipeline) -> None:
    before = auto_merged(group).head_sha
    cancel(group, "billing")
    group.settle(looks=0)
    assert (pull_of(group).head_sha != before, pull_of(group).auto_merge) == (True, None)
    pass_check(group)
    settle(group)
    assert not pull_of(group).merged


@pytest.mark.prove
def test_newer_release_of_one_takes_the_auto_merge_back_and_it_is_asked_for_the_new_head(group: Pipeline) -> None:
    before = auto_merged(group).head_sha
    merge(group, "print('three')\n")
    pull = pull_of(group)
    assert (pull.head_sha != before, pull.auto_merge) == (True, None)
    approve(group)
    settle(group)
    assert pull_of(group).auto_merge is not None
    pass_check(group)
    settle(group)
    assert all(says(group, run, "main") for run in newest(group).values())


@pytest.mark.prove
def test_member_that_is_locked_at_the_last_moment_is_not_merged_with_the_others(group: Pipeline) -> None:
    protected(group)
    want(group, MERGED_BY_US)
    merge(group)
    approve(group)
    lock_catalog(group)
    settle(group)
    pass_check(group)
    settle(group)
    there = newest(group)
    assert [says(group, there[name], "main") for name in ("billing", "catalog", "checkout")] == [True, False, True]


def test_merge_queue_takes_it_gives_it_back_when_the_run_of_one_ends_and_merges_the_others(group: Pipeline) -> None:
    repo = group.stack.github.repository(MANIFESTS)
    repo.queues["main"] = []
    want(group, MERGED_BY_US)
    merge(group)
    approve(group)
    assert repo.queues["main"] == [pull_of(group).number]
    with group.store.begin() as tx:
        transitions.end(tx, newest(group)["catalog"].id, RunState.FAILED, "it broke", at=group.clock.now())
    group.settle(looks=0)
    assert repo.queues["main"] == []
    settle(group)
    approve(group)
    assert repo.queues["main"] == [pull_of(group).number]
    group.stack.github.merge_queued(MANIFESTS)
    settle(group)
    there = newest(group)
    states = [there[name].state for name in ("billing", "catalog", "checkout")]
    assert states == [RunState.SUCCEEDED, RunState.FAILED, RunState.SUCCEEDED]
    assert not says(group, there["catalog"], "main")
