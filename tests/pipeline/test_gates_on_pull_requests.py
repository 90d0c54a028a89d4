"""The gates of a promotion are shown on its pull request's head, so that branch protection can hold the door."""

from __future__ import annotations

import pytest

from devstack.github.state import Pull
from service.core.words import RunState, WaitKind
from service.pipeline import actions
from service.pipeline.actions import Asked
from service.pipeline.promote.gating import judge_open_heads
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure
from tests.pipeline.test_gate_evidence import hear

PROPOSED = "    publish: pull-request\n"


def gated(gates: str) -> str:
    return CONFIGURATION.replace(PROPOSED, f"{PROPOSED}    gates: {{{gates}}}\n")


def propose(pipeline: Pipeline, gates: str = "", text: str = "print('two')\n") -> Run:
    """Have a run to prod wait for its pull request."""
    if gates:
        configure(pipeline, gated(gates), "Gates of prod")
    pipeline.stack.github.merge(SOURCE, "main", {"app.py": text})
    pipeline.settle(looks=0)
    return pipeline.run("prod")


def shown(pipeline: Pipeline, head: str) -> dict[str, str]:
    """Give the newest state of each gate on a commit of the manifest repository."""
    newest = {one.context: one.state for one in pipeline.stack.github.statuses(MANIFESTS, head)}
    return {context.removeprefix("mergeport/gate/"): state for context, state in newest.items()}


def words(pipeline: Pipeline, head: str, gate: str) -> str:
    return pipeline.stack.github.statuses(MANIFESTS, head, f"mergeport/gate/{gate}")[-1].description or ""


def pull_of(pipeline: Pipeline) -> Pull:
    return pipeline.stack.github.pulls(MANIFESTS)[-1]


APPROVAL = 'approval: {from: ["user:grace", "user:alice"]}'
FREEZE = 'freeze: [{from: "2020-01-01", until: "2099-01-01", reason: stocktaking}]'


def gates_table(pipeline: Pipeline) -> str:
    body = pull_of(pipeline).body or ""
    return body.partition("<!-- mergeport gates -->")[2].partition("<!-- /mergeport gates -->")[0]


def edits_of(pipeline: Pipeline) -> int:
    """Count how often the pull request was edited."""
    path = f"/repos/{MANIFESTS}/pulls/{pull_of(pipeline).number}"
    return len(pipeline.stack.github.faults.requests("PATCH", path))


def test_table_in_the_body_follows_the_gates_and_equal_answers_edit_nothing(pipeline: Pipeline) -> None:
    propose(pipeline, f"{APPROVAL}, {FREEZE}")
    table = gates_table(pipeline)
    assert [word in table for word in ("| freeze | waiting |", "stocktaking", "| approval | waiting |")] == [True] * 3
    before = edits_of(pipeline)
    body = f"Mine.\n\n{pull_of(pipeline).body}"
    pipeline.stack.github.edit_pull(MANIFESTS, pull_of(pipeline).number, body=body)
    for _ in range(3):
        pipeline.clock.move(minutes=6)
        pipeline.settle(looks=0)
    assert (edits_of(pipeline), pull_of(pipeline).body) == (before, body)
    pipeline.stack.github.review_pull(MANIFESTS, pull_of(pipeline).number, by="grace")
    hear(pipeline, "pull_request_review", {"pull_request": {"number": pull_of(pipeline).number}}, MANIFESTS)
    assert ("| approval | open |" in gates_table(pipeline), edits_of(pipeline)) == (True, before + 1)
    assert (pull_of(pipeline).body or "").startswith("Mine.\n\nBrings ")


def test_each_gate_is_a_status_on_the_head_with_its_words(pipeline: Pipeline) -> None:
    propose(pipeline, f"{APPROVAL}, {FREEZE}")
    head = pull_of(pipeline).head_sha
    assert shown(pipeline, head) == {
        "approval": "pending", "freeze": "pending", "lock": "success", "hold": "success", "block": "success",
    }  # fmt: skip
    assert "stocktaking" in words(pipeline, head, "freeze")
    assert pipeline.run("prod").state is RunState.WAITING


def test_review_by_somebody_who_may_turns_the_gate_green_at_once(pipeline: Pipeline) -> None:
    propose(pipeline, APPROVAL)
    pull = pull_of(pipeline)
    pipeline.stack.github.review_pull(MANIFESTS, pull.number, by="grace")
    hear(pipeline, "pull_request_review", {"pull_request": {"number": pull.number}}, MANIFESTS)
    assert shown(pipeline, pull.head_sha)["approval"] == "success"


@pytest.mark.prove
def test_review_by_the_author_or_a_stranger_changes_nothing(pipeline: Pipeline) -> None:
    propose(pipeline, APPROVAL)
    pull = pull_of(pipeline)
    for login in ("alice", "mallory"):
        pipeline.stack.github.review_pull(MANIFESTS, pull.number, by=login)
    hear(pipeline, "pull_request_review", {"pull_request": {"number": pull.number}}, MANIFESTS)
    assert shown(pipeline, pull.head_sha)["approval"] == "pending"


@pytest.mark.prove
def test_dismissed_review_turns_the_gate_yellow_again(pipeline: Pipeline) -> None:
    propose(pipeline, APPROVAL)
    pull = pull_of(pipeline)
    review = pipeline.stack.github.review_pull(MANIFESTS, pull.number, by="grace")
    hear(pipeline, "pull_request_review", {"pull_request": {"number": pull.number}}, MANIFESTS)
    pipeline.stack.github.dismiss_review(MANIFESTS, pull.number, review)
    hear(pipeline, "pull_request_review", {"pull_request": {"number": pull.number}}, MANIFESTS)
    assert shown(pipeline, pull.head_sha)["approval"] == "pending"


def test_head_that_moved_gets_its_own_statuses_and_no_old_approval(pipeline: Pipeline) -> None:
    propose(pipeline, APPROVAL)
    pull, github = pull_of(pipeline), pipeline.stack.github
    github.review_pull(MANIFESTS, pull.number, by="grace")
    seen = pull.head_sha
    github.push(MANIFESTS, pull.head, {"README.md": "a person's line\n"}, author="bob")
    pipeline.settle(looks=0)
    assert pull.head_sha != seen
    assert shown(pipeline, pull.head_sha)["approval"] == "pending"
    assert f"grace approved {seen[:12]}, which has changed since" in words(pipeline, pull.head_sha, "approval")


@pytest.mark.prove
def test_newer_release_on_the_same_pull_request_gets_its_own_statuses(pipeline: Pipeline) -> None:
    propose(pipeline, APPROVAL)
    pull = pull_of(pipeline)
    seen = pull.head_sha
    propose(pipeline, text="print('three')\n")
    assert pull.head_sha != seen
    assert shown(pipeline, pull.head_sha)["approval"] == "pending"


def test_refusal_is_a_failure_on_the_head(pipeline: Pipeline) -> None:
    propose(pipeline, "image: {platforms: [linux/s390x]}")
    head = pull_of(pipeline).head_sha
    assert shown(pipeline, head)["image"] == "failure"
    assert "linux/s390x" in words(pipeline, head, "image")


def test_lock_shows_on_an_open_pull_request_without_gates_and_goes_again(pipeline: Pipeline) -> None:
    propose(pipeline)
    head = pull_of(pipeline).head_sha
    assert shown(pipeline, head) == {}
    actions.lock(pipeline.context, Asked("ann", pipeline.clock.now(), "broken"), environment="prod")
    pipeline.settle(looks=0)
    assert shown(pipeline, head) == {"lock": "pending"}
    actions.unlock(pipeline.context, Asked("ann", pipeline.clock.now(), "mended"), environment="prod")
    pipeline.settle(looks=0)
    assert shown(pipeline, head) == {"lock": "success"}


@pytest.mark.prove
def test_gate_that_the_configuration_drops_does_not_keep_the_door_shut(pipeline: Pipeline) -> None:
    propose(pipeline, f"{APPROVAL}, {FREEZE}")
    configure(pipeline, gated(APPROVAL), "No freeze")
    head = pull_of(pipeline).head_sha
    assert (shown(pipeline, head)["freeze"], shown(pipeline, head)["approval"]) == ("success", "pending")


def test_merge_queue_gets_the_statuses_on_its_own_head(pipeline: Pipeline) -> None:
    propose(pipeline, APPROVAL)
    pull, trial = pull_of(pipeline), pipeline.stack.git.open(MANIFESTS).tip("main")
    group = {"head_sha": trial, "head_ref": f"refs/heads/gh-readonly-queue/main/pr-{pull.number}-{trial}"}
    hear(pipeline, "merge_group", {"action": "checks_requested", "merge_group": group}, MANIFESTS)
    assert shown(pipeline, trial)["approval"] == "pending"


def test_merge_while_a_gate_is_closed_is_told(pipeline: Pipeline) -> None:
    run = propose(pipeline, APPROVAL)
    pipeline.stack.github.merge_pull(MANIFESTS, pull_of(pipeline).number)
    pipeline.settle()
    with pipeline.store.read() as tx:
        from service.store import steps  # noqa: PLC0415

        told = [one.message for one in steps.of_run(tx, run.id) if one.name == "await merge"]
    assert "although not all gates were open: approval" in told[-1]


def test_open_heads_are_judged_before_anything_else_at_the_start(pipeline: Pipeline) -> None:
    propose(pipeline, APPROVAL)
    pull = pull_of(pipeline)
    pipeline.stack.github.review_pull(MANIFESTS, pull.number, by="grace")
    judge_open_heads(pipeline.context)
    pipeline.settle(looks=0)
    assert shown(pipeline, pull.head_sha)["approval"] == "success"


def test_lock_lets_a_pull_request_open_with_its_gate_closed(pipeline: Pipeline) -> None:
    actions.lock(pipeline.context, Asked("ann", pipeline.clock.now(), "broken"), environment="prod")
    run = propose(pipeline)
    assert pipeline.wait(run)[0] is WaitKind.PULL_REQUEST
    assert shown(pipeline, pull_of(pipeline).head_sha) == {"lock": "pending"}


def test_hold_keeps_a_pull_request_from_opening_until_it_is_lifted_though_a_lock_is_on(pipeline: Pipeline) -> None:
    at = pipeline.context
    actions.hold(at, Asked("ann", pipeline.clock.now(), "broken"), application="checkout", environment="prod")
    run = propose(pipeline)
    assert pipeline.wait(run)[0] is WaitKind.GATE
    assert "is held by ann" in pipeline.wait(run)[1]
    assert pipeline.stack.github.pulls(MANIFESTS) == []
    actions.lock(at, Asked("ann", pipeline.clock.now(), "frozen"), environment="prod")
    actions.unhold(at, Asked("ann", pipeline.clock.now(), "mended"), application="checkout", environment="prod")
    pipeline.settle(looks=0)
    assert shown(pipeline, pull_of(pipeline).head_sha) == {"lock": "pending"}
