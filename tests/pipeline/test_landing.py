"""A pull request that follows its gates: a draft until they open, labels, and merged without a person."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from devstack.faults import Answer, Fault
from devstack.github.state import Repository as GitHubRepository
from service.core.words import Repository, RunState, WaitKind
from service.pipeline import actions
from service.pipeline.actions import Asked
from service.pipeline.manifest.place import place_of
from service.pipeline.promote.gating import judge
from service.pipeline.promote.landing import Landed, land
from service.pipeline.promote.together.members import Members
from service.pipeline.runs.claim import claim_of
from tests.fixtures.service import MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_gate_evidence import hear
from tests.pipeline.test_proposal_life import comment, policy, propose, pull_of

FREEZE = 'freeze: [{from: "2020-01-01", until: "2099-01-01", reason: stocktaking}]'
APPROVAL = 'approval: {from: ["user:grace"]}'
BY_US, BY_GITHUB = "auto_merge: mergeport, merge_method: squash", "auto_merge: github"


def asked(pipeline: Pipeline, why: str = "broken") -> Asked:
    return Asked("ann", pipeline.clock.now(), why)


def lock(pipeline: Pipeline) -> None:
    actions.lock(pipeline.context, asked(pipeline), environment="prod")
    pipeline.settle(looks=0)


def unlock(pipeline: Pipeline) -> None:
    actions.unlock(pipeline.context, asked(pipeline, "mended"), environment="prod")
    pipeline.settle(looks=0)


def protected(pipeline: Pipeline) -> GitHubRepository:
    """Have GitHub require a check of the base, and allow auto-merge."""
    repo = pipeline.stack.github.repository(MANIFESTS)
    repo.allows_auto_merge, repo.required["main"] = True, ("ci",)
    return repo


def approve(pipeline: Pipeline) -> None:
    pipeline.stack.github.review_pull(MANIFESTS, pull_of(pipeline).number, by="grace")
    hear(pipeline, "pull_request_review", {"pull_request": {"number": pull_of(pipeline).number}}, MANIFESTS)


def pass_check(pipeline: Pipeline) -> None:
    head = pull_of(pipeline).head_sha
    pipeline.stack.github.report_status(MANIFESTS, head, "ci", "success")
    hear(pipeline, "status", {"sha": head, "state": "success", "context": "ci", "branches": []}, MANIFESTS)


# --- the draft and the labels ---------------------------------------------------------------------


def test_draft_is_marked_ready_when_only_reviewers_are_missing(pipeline: Pipeline) -> None:
    lock(pipeline)
    policy(pipeline, "draft: true", APPROVAL)
    propose(pipeline)
    assert pull_of(pipeline).draft
    unlock(pipeline)
    assert not pull_of(pipeline).draft
    lock(pipeline)
    assert not pull_of(pipeline).draft


@pytest.mark.prove
def test_draft_that_a_person_marked_ready_stays_so_and_one_that_they_made_stays_a_draft(pipeline: Pipeline) -> None:
    lock(pipeline)
    policy(pipeline, "draft: true", APPROVAL)
    propose(pipeline)
    pull_of(pipeline).draft = False
    approve(pipeline)
    assert not pull_of(pipeline).draft
    pull_of(pipeline).draft = True
    unlock(pipeline)
    assert pull_of(pipeline).draft


@pytest.mark.prove
def test_draft_whose_opening_was_not_heard_of_is_marked_ready_as_well(pipeline: Pipeline) -> None:
    lock(pipeline)
    policy(pipeline, "draft: true", APPROVAL)
    pipeline.stack.github.faults.cut(method="POST", path="/pulls$")
    propose(pipeline)
    pipeline.settle_over_time(seconds=20)
    assert pull_of(pipeline).draft
    unlock(pipeline)
    assert not pull_of(pipeline).draft


@pytest.mark.prove
def test_label_follows_the_gates_and_a_person_may_take_it_off(pipeline: Pipeline) -> None:
    policy(pipeline, "gate_labels: true", APPROVAL)
    propose(pipeline)
    assert pull_of(pipeline).labels == ["release", "mergeport: waiting"]
    pull_of(pipeline).labels.remove("mergeport: waiting")
    lock(pipeline)
    assert pull_of(pipeline).labels == ["release"]
    unlock(pipeline)
    approve(pipeline)
    assert pull_of(pipeline).labels == ["release", "mergeport: ready"]


# --- merged by us ---------------------------------------------------------------------------------


def test_we_merge_once_all_gates_are_open_by_the_method_that_is_wanted(pipeline: Pipeline) -> None:
    policy(pipeline, BY_US, APPROVAL)
    run = propose(pipeline)
    assert not pull_of(pipeline).merged
    head = pull_of(pipeline).head_sha
    approve(pipeline)
    pull = pull_of(pipeline)
    assert (pull.merged, pull.merged_by and pull.merged_by.login, pull.head_sha) == (True, "mergeport-bot", head)
    assert pull.merge_commit_sha == pipeline.run("prod").manifest_commit
    pipeline.settle_live("checkout-prod")
    pipeline.ended(run, RunState.SUCCEEDED)


@pytest.mark.prove
def test_a_rollback_is_merged_through_its_own_hold(pipeline: Pipeline) -> None:
    """Its hold keeps newer releases away, and not the pull request that goes back."""
    policy(pipeline, BY_US)
    runs = []
    for number in (2, 3):
        runs.append(propose(pipeline, f"print('{number}')\n"))
        pipeline.settle_live("checkout-prod")
    actions.rollback(pipeline.context, asked(pipeline), application="checkout", environment="prod")
    pipeline.settle(looks=0)
    pull = pull_of(pipeline)
    assert (pull.title.startswith("Rollback: "), pull.merged) == (True, True)
    values = pipeline.stack.git.open(MANIFESTS).text("main", "apps/checkout/values-prod.yaml")
    assert runs[0].images[""]["digest"] in values


def test_we_wait_for_the_checks_that_github_requires_and_say_so(pipeline: Pipeline) -> None:
    protected(pipeline)
    policy(pipeline, BY_US)
    run = propose(pipeline)
    assert not pull_of(pipeline).merged
    pipeline.settle()
    assert "as soon as what GitHub requires has passed" in pipeline.wait(run)[1]
    assert "as soon as what GitHub requires has passed" in comment(pipeline)
    pass_check(pipeline)
    assert pull_of(pipeline).merged


def test_what_closes_between_the_gates_and_the_merge_keeps_it_open(pipeline: Pipeline) -> None:
    begins = pipeline.clock.now() + timedelta(hours=1)
    freeze = f'freeze: [{{from: "{begins:%Y-%m-%d %H:%M}", until: "2099-01-01", timezone: UTC, reason: stocktaking}}]'
    policy(pipeline, BY_US, f"{APPROVAL}, {freeze}")
    run = propose(pipeline)
    pipeline.stack.github.review_pull(MANIFESTS, pull_of(pipeline).number, by="grace")
    claim = claim_of(pipeline.context, run)
    place = place_of(pipeline.context, claim.target)
    pull_request = pipeline.context.outside.manifest_forge.pull_request(place.repository, pull_of(pipeline).number)
    open_then = judge(claim, place)
    assert not open_then.closed

    def lands() -> Landed:
        return land(Members(claim), place, open_then, pull_request, lambda: judge(claim, place))

    actions.lock(pipeline.context, asked(pipeline), environment="prod")
    assert lands() == Landed()
    actions.unlock(pipeline.context, asked(pipeline, "mended"), environment="prod")
    pipeline.clock.move(hours=2)
    assert lands() == Landed()
    pipeline.clock.move(hours=-2)
    digest = str(next(iter(run.images.values()))["digest"])
    pipeline.delete_image(digest)
    assert "is not in the registry any more" in lands().words
    assert not pull_of(pipeline).merged


@pytest.mark.prove
def test_refusal_of_the_merge_is_told_and_tried_again(pipeline: Pipeline) -> None:
    policy(pipeline, BY_US)
    body = json.dumps({"message": "Pull Request is not mergeable"}).encode()
    answer = Answer("405 Method Not Allowed", (("Content-Type", "application/json"),), body)
    pipeline.stack.github.faults.plant(Fault("PUT", re.compile("/merge$"), 1, answer=answer))
    run = propose(pipeline)
    assert not pull_of(pipeline).merged
    assert "Pull Request is not mergeable" in pipeline.wait(run)[1]
    pipeline.clock.move(minutes=3)
    pipeline.settle()
    assert pull_of(pipeline).merged


@pytest.mark.prove
def test_head_that_moved_before_the_merge_is_not_merged(pipeline: Pipeline) -> None:
    policy(pipeline, BY_US, APPROVAL)
    run = propose(pipeline)
    github = pipeline.stack.github
    github.review_pull(MANIFESTS, pull_of(pipeline).number, by="grace")
    claim = claim_of(pipeline.context, run)
    place = place_of(pipeline.context, claim.target)
    seen = pipeline.context.outside.manifest_forge.pull_request(Repository(MANIFESTS), pull_of(pipeline).number)
    opened = judge(claim, place)
    github.push(MANIFESTS, pull_of(pipeline).head, {"README.md": "a person's line\n"}, author="bob")
    landed = land(Members(claim), place, opened, seen, lambda: opened)
    assert "Head branch was modified" in landed.words
    assert not pull_of(pipeline).merged
    pipeline.settle()
    assert not pull_of(pipeline).merged
    assert "its head is not the one that Mergeport wrote" in comment(pipeline)


@pytest.mark.prove
def test_merge_whose_answer_was_lost_is_one_merge_and_one_release(pipeline: Pipeline) -> None:
    policy(pipeline, BY_US, APPROVAL)
    run = propose(pipeline)
    pipeline.stack.github.faults.cut(method="PUT", path="/merge$")
    approve(pipeline)
    assert pull_of(pipeline).merged
    pipeline.settle_live("checkout-prod")
    pipeline.ended(run, RunState.SUCCEEDED)
    assert len(pipeline.stack.github.pulls(MANIFESTS)) == 1


@pytest.mark.prove
def test_merge_queue_takes_it_and_the_run_goes_on_when_it_is_merged(pipeline: Pipeline) -> None:
    repo = pipeline.stack.github.repository(MANIFESTS)
    repo.queues["main"] = []
    policy(pipeline, BY_US)
    run = propose(pipeline)
    assert repo.queues["main"] == [pull_of(pipeline).number]
    assert not pull_of(pipeline).merged
    pipeline.settle()
    assert "in the merge queue" in pipeline.wait(run)[1]
    pipeline.stack.github.merge_queued(MANIFESTS)
    pipeline.settle_live("checkout-prod")
    pipeline.ended(run, RunState.SUCCEEDED)


def test_what_closes_takes_it_out_of_the_queue_and_what_opens_puts_it_in_again(pipeline: Pipeline) -> None:
    repo = pipeline.stack.github.repository(MANIFESTS)
    repo.queues["main"] = []
    policy(pipeline, BY_US, APPROVAL)
    run = propose(pipeline)
    approve(pipeline)
    there = [pull_of(pipeline).number]
    assert repo.queues["main"] == there
    lock(pipeline)
    assert repo.queues["main"] == []
    unlock(pipeline)
    assert repo.queues["main"] == there
    actions.hold(pipeline.context, asked(pipeline), application="checkout", environment="prod")
    pipeline.settle(looks=0)
    assert repo.queues["main"] == []
    actions.unhold(pipeline.context, asked(pipeline), application="checkout", environment="prod")
    pipeline.settle(looks=0)
    assert repo.queues["main"] == there
    actions.block(pipeline.context, asked(pipeline), run.commit)
    pipeline.settle(looks=0)
    assert repo.queues["main"] == []


@pytest.mark.prove
def test_what_somebody_takes_out_of_the_queue_stays_out_of_it(pipeline: Pipeline) -> None:
    repo = pipeline.stack.github.repository(MANIFESTS)
    repo.queues["main"] = []
    policy(pipeline, BY_US)
    run = propose(pipeline)
    repo.queues["main"].clear()
    pipeline.clock.move(minutes=5)
    pipeline.settle()
    assert repo.queues["main"] == []
    assert "was taken out of GitHub's auto-merge or merge queue" in pipeline.wait(run)[1]


def test_run_that_ends_leaves_nothing_in_the_queue(pipeline: Pipeline) -> None:
    repo = pipeline.stack.github.repository(MANIFESTS)
    repo.queues["main"] = []
    policy(pipeline, BY_US)
    propose(pipeline)
    assert repo.queues["main"] == [pull_of(pipeline).number]
    pipeline.clock.move(days=31)
    pipeline.settle()
    assert (pipeline.run("prod").code, pull_of(pipeline).state) == ("pull-request-timeout", "open")
    assert repo.queues["main"] == []


@pytest.mark.prove
def test_place_in_the_queue_whose_answer_was_lost_is_known_and_taken_back(pipeline: Pipeline) -> None:
    repo = pipeline.stack.github.repository(MANIFESTS)
    repo.queues["main"] = []
    policy(pipeline, BY_US)
    pipeline.stack.github.faults.cut(method="POST", path="/graphql$")
    run = propose(pipeline)
    assert repo.queues["main"] == [pull_of(pipeline).number]
    pipeline.clock.move(seconds=15)
    pipeline.settle()
    assert "in the merge queue" in pipeline.wait(run)[1]
    lock(pipeline)
    assert repo.queues["main"] == []


@pytest.mark.parametrize("how", [BY_US, pytest.param(BY_GITHUB, marks=pytest.mark.prove)])
def test_base_that_takes_only_what_is_up_to_date_gets_the_release_anew_once_all_is_open(
    pipeline: Pipeline, how: str
) -> None:
    repo = protected(pipeline)
    repo.strict.add("main")
    policy(pipeline, how)
    lock(pipeline)
    run = propose(pipeline)
    before = pull_of(pipeline).head_sha
    moved = pipeline.stack.github.push(MANIFESTS, "main", {"README.md": "a person's line\n"}, author="bob")
    pipeline.settle()
    assert pull_of(pipeline).head_sha == before
    unlock(pipeline)
    pipeline.settle()
    assert pull_of(pipeline).head_sha != before
    assert repo.bare.is_ancestor(moved, pull_of(pipeline).head_sha)
    pass_check(pipeline)
    assert pull_of(pipeline).merged
    assert len(pipeline.stack.github.pulls(MANIFESTS)) == 1
    pipeline.settle_live("checkout-prod")
    pipeline.ended(run, RunState.SUCCEEDED)


@pytest.mark.parametrize("how", [BY_US, BY_GITHUB])
def test_review_of_an_earlier_head_that_github_still_counts_merges_no_newer_release(
    pipeline: Pipeline, how: str
) -> None:
    repo = protected(pipeline)
    repo.reviews["main"] = 1
    policy(pipeline, how)
    propose(pipeline)
    approve(pipeline)
    newer = propose(pipeline, "print('three')\n")
    pass_check(pipeline)
    pipeline.settle()
    assert (pull_of(pipeline).merged, pull_of(pipeline).auto_merge) == (False, None)
    assert "an approval of an earlier head still counts for GitHub" in pipeline.wait(newer)[1]
    assert "an approval of an earlier head still counts for GitHub" in comment(pipeline)
    approve(pipeline)
    assert pull_of(pipeline).merged


@pytest.mark.parametrize("how", [BY_US, BY_GITHUB])
def test_persons_commit_is_not_merged_by_itself_below_a_newer_release(pipeline: Pipeline, how: str) -> None:
    protected(pipeline)
    policy(pipeline, how)
    propose(pipeline)
    pipeline.stack.github.push(MANIFESTS, pull_of(pipeline).head, {"NOTES.md": "mine\n"}, "Note", author="bob")
    pipeline.settle()
    newer = propose(pipeline, "print('three')\n")
    pass_check(pipeline)
    pipeline.settle()
    assert pipeline.stack.git.open(MANIFESTS).text(pull_of(pipeline).head, "NOTES.md") == "mine\n"
    assert (pull_of(pipeline).merged, pull_of(pipeline).auto_merge) == (False, None)
    assert "its branch has a commit of a person" in pipeline.wait(newer)[1]


# --- merged by GitHub -----------------------------------------------------------------------------


def test_github_is_asked_only_when_all_gates_are_open_and_no_longer_when_one_closes(pipeline: Pipeline) -> None:
    protected(pipeline)
    policy(pipeline, BY_GITHUB, APPROVAL)
    propose(pipeline)
    assert pull_of(pipeline).auto_merge is None
    approve(pipeline)
    assert pull_of(pipeline).auto_merge is not None
    lock(pipeline)
    assert pull_of(pipeline).auto_merge is None
    unlock(pipeline)
    pass_check(pipeline)
    assert pull_of(pipeline).merged


def test_run_that_ends_leaves_no_auto_merge_behind_because_nobody_judges_its_gates(pipeline: Pipeline) -> None:
    protected(pipeline)
    policy(pipeline, BY_GITHUB, APPROVAL)
    propose(pipeline)
    approve(pipeline)
    assert pull_of(pipeline).auto_merge is not None
    pipeline.clock.move(days=31)
    pipeline.settle()
    assert (pipeline.run("prod").code, pull_of(pipeline).state) == ("pull-request-timeout", "open")
    assert pull_of(pipeline).auto_merge is None
    lock(pipeline)
    pass_check(pipeline)
    assert not pull_of(pipeline).merged


def test_auto_merge_is_taken_back_even_if_the_gates_cannot_be_shown(pipeline: Pipeline) -> None:
    protected(pipeline)
    policy(pipeline, BY_GITHUB, APPROVAL)
    propose(pipeline)
    approve(pipeline)
    assert pull_of(pipeline).auto_merge is not None
    refusal = Answer("403 Forbidden", (("Content-Type", "application/json"),), b'{"message": "Must be a collaborator"}')
    pipeline.stack.github.faults.plant(Fault("PATCH", re.compile("/pulls/"), 1000, answer=refusal))
    lock(pipeline)
    assert pull_of(pipeline).auto_merge is None


@pytest.mark.prove
def test_auto_merge_is_taken_back_when_a_person_pushes_or_a_newer_release_comes(pipeline: Pipeline) -> None:
    protected(pipeline)
    policy(pipeline, BY_GITHUB, APPROVAL)
    propose(pipeline)
    approve(pipeline)
    assert pull_of(pipeline).auto_merge is not None
    propose(pipeline, "print('three')\n")
    assert pull_of(pipeline).auto_merge is None
    approve(pipeline)
    assert pull_of(pipeline).auto_merge is not None
    pipeline.stack.github.push(MANIFESTS, pull_of(pipeline).head, {"README.md": "a line\n"}, author="bob")
    pipeline.settle()
    assert pull_of(pipeline).auto_merge is None


def test_newer_release_takes_auto_merge_back_before_it_pushes(pipeline: Pipeline) -> None:
    protected(pipeline)
    policy(pipeline, BY_GITHUB)
    propose(pipeline)
    assert pull_of(pipeline).auto_merge is not None
    pipeline.stack.git.faults.answer("500 Internal Server Error", method="POST", path="receive-pack", times=50)
    propose(pipeline, "print('three')\n")
    assert pull_of(pipeline).auto_merge is None


@pytest.mark.prove
def test_what_github_itself_put_into_the_queue_is_taken_out_when_a_gate_closes(pipeline: Pipeline) -> None:
    repo = protected(pipeline)
    repo.queues["main"] = []
    policy(pipeline, BY_GITHUB)
    propose(pipeline)
    pass_check(pipeline)
    assert repo.queues["main"] == [pull_of(pipeline).number]
    lock(pipeline)
    assert (repo.queues["main"], pull_of(pipeline).auto_merge) == ([], None)


@pytest.mark.prove
def test_auto_merge_whose_answer_was_lost_is_taken_back_as_well(pipeline: Pipeline) -> None:
    protected(pipeline)
    policy(pipeline, BY_GITHUB)
    pipeline.stack.github.faults.cut(method="POST", path="/graphql$")
    propose(pipeline)
    assert pull_of(pipeline).auto_merge is not None
    lock(pipeline)
    assert pull_of(pipeline).auto_merge is None


@pytest.mark.prove
def test_auto_merge_that_a_person_took_back_is_not_asked_for_again(pipeline: Pipeline) -> None:
    protected(pipeline)
    policy(pipeline, BY_GITHUB)
    run = propose(pipeline)
    assert pull_of(pipeline).auto_merge is not None
    pull_of(pipeline).auto_merge = None
    pass_check(pipeline)
    pipeline.settle()
    assert not pull_of(pipeline).merged
    assert "was taken out of GitHub's auto-merge or merge queue" in pipeline.wait(run)[1]


@pytest.mark.prove
def test_repository_without_auto_merge_is_told_in_words(pipeline: Pipeline) -> None:
    protected(pipeline).allows_auto_merge = False
    policy(pipeline, BY_GITHUB)
    run = propose(pipeline)
    pipeline.settle()
    assert pipeline.wait(run)[0] is WaitKind.PULL_REQUEST
    assert "Auto merge is not allowed for this repository" in pipeline.wait(run)[1]
    assert "Auto merge is not allowed for this repository" in comment(pipeline)


@pytest.mark.prove
def test_where_nothing_is_required_it_is_merged_at_once(pipeline: Pipeline) -> None:
    policy(pipeline, BY_GITHUB)
    propose(pipeline)
    assert pull_of(pipeline).merged


# --- approvals of another head --------------------------------------------------------------------


@pytest.mark.prove
def test_one_comment_tells_who_approved_which_head_and_what_changed(pipeline: Pipeline) -> None:
    policy(pipeline, "draft: false", APPROVAL)
    propose(pipeline)
    approve(pipeline)
    seen = pull_of(pipeline).head_sha
    newer = propose(pipeline, "print('three')\n")
    told = comment(pipeline)
    assert f"grace approved [`{seen[:12]}`]" in told
    assert (
        f"since then it was brought to {newer.commit[:12]}: the head is `{pull_of(pipeline).head_sha[:12]}` now" in told
    )
    approve(pipeline)
    pipeline.settle(looks=0)
    assert "grace" not in comment(pipeline)
