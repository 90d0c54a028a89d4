"""People ask for things in comments: obeyed once, for those who may, and answered in one comment that is edited."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from devstack.github.state import Pull
from devstack.stack import WEBHOOK_SECRET
from service.core.comments.command_answers import MARK_OF_ANSWERS
from service.core.words import DeliveryState, RunState
from service.pipeline import actions
from service.pipeline.comments.taking import MOST_TRIES
from service.store import deliveries
from service.store.tables import audit, command_replies
from service.store.tables import comment_commands as kept
from service.store.tables import deliveries as received
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure, images
from tests.pipeline.test_gate_evidence import gated
from tests.pipeline.test_gates_on_pull_requests import APPROVAL, propose, pull_of, shown
from tests.pipeline.test_gating import values
from tests.pipeline.test_train_plan import BY_HAND


@pytest.fixture
def asked(pipeline: Pipeline) -> Pipeline:
    """Give a pipeline that hears of comments, where alice may write the source and grace maintains it."""
    for repository in (SOURCE, MANIFESTS):
        pipeline.stack.github.add_hook(
            repository, "http://127.0.0.1:9/webhooks/github", WEBHOOK_SECRET, ["issue_comment"]
        )
        pipeline.stack.github.grant(repository, "alice", "write")
        pipeline.stack.github.grant(repository, "grace", "maintain")
    return pipeline


def merged(pipeline: Pipeline, branch: str = "develop") -> Pull:
    pull = pipeline.stack.github.merge(SOURCE, branch, {"app.py": "print('two')\n"}, author="bob")
    pipeline.settle_live("checkout-dev")
    return pull


def opened(pipeline: Pipeline) -> Pull:
    """Give a pull request that is not merged: nothing runs for it yet."""
    pipeline.stack.github.push(SOURCE, "bob/tea", {"app.py": "print('two')\n"}, author="bob")
    return pipeline.stack.github.open_pull(SOURCE, "bob/tea", "develop", author="bob")


def say(pipeline: Pipeline, pull: Pull, *lines: str, by: str = "alice", where: str = SOURCE, later: int = 1) -> str:
    """Write a comment and let it be heard; give the text of our answers, without the marks that keep it harmless."""
    pipeline.stack.github.comment(
        where, pull.number, "\n".join(f"/mergeport {line}" for line in lines), by=by, later=later
    )
    pipeline.settle(looks=0)
    return answers(pipeline, pull, where)


def ours(pipeline: Pipeline, pull: Pull, where: str = SOURCE) -> list[str]:
    return [one.body for one in pipeline.stack.github.comments(where, pull.number) if MARK_OF_ANSWERS in one.body]


def answers(pipeline: Pipeline, pull: Pull, where: str = SOURCE) -> str:
    (body,) = ours(pipeline, pull, where) or [""]
    return body.replace("\\", "").replace("\u200b", "")


def state(pipeline: Pipeline) -> str:
    (found,) = actions.listed(pipeline.context)
    assert found.seen is not None
    return found.seen.text or ""


# --- what is asked for, from the comment to what happens ------------------------------------------


def test_hold_on_a_source_pull_request_is_in_force_and_answered_in_one_comment(asked: Pipeline) -> None:
    pull = merged(asked)
    told = say(asked, pull, 'hold stage --reason "prices @everybody"')
    assert "**alice** asked at" in told
    assert "checkout in stage is held" in told
    assert all(word in state(asked) for word in ("checkout", "stage", "alice", "prices @everybody"))
    told = say(asked, pull, "unhold stage", "status", by="grace")
    assert "checkout in stage is not held any more" in told
    assert "| checkout | dev |" in told
    assert len(ours(asked, pull)) == 1
    assert "**alice** asked at" in told


def test_promotion_of_the_merged_release_knows_who_asked_for_it(asked: Pipeline) -> None:
    configure(asked, BY_HAND)
    pull = merged(asked)
    told = say(asked, pull, "promote --to stage --plan", "promote --to stage")
    run = asked.run("stage")
    assert "would move: checkout" in told
    assert f"run {run.id}" in told
    assert run.asked_by == "alice"
    asked.settle()
    assert str(images(run)) in values(asked)
    message = asked.stack.git.open(MANIFESTS).git("log", "-1", "--format=%B", "main")
    assert "Mergeport-Actor: alice" in message


def test_reasons_are_told_for_each_place_of_the_pull_request(asked: Pipeline) -> None:
    configure(asked, BY_HAND)
    told = say(asked, merged(asked), "why-not", "why-not prod")
    assert "checkout" in told
    assert "is live in dev (live)" in told
    assert "is not live in stage (candidate)" in told
    assert told.count("in prod (") == 2


def test_failed_run_is_tried_again_and_knows_by_whom(asked: Pipeline) -> None:
    pull = asked.stack.github.merge(SOURCE, "develop", {"app.py": "print('two')\n"})
    asked.settle(looks=0)
    with asked.store.begin() as tx:
        actions.cancel(tx, asked.run().id, by="bob", at=asked.clock.now())
    asked.queue.enqueue_run(asked.run())
    asked.settle()
    old = asked.run()
    assert old.state is RunState.CANCELLED
    told = say(asked, pull, "retry")
    assert asked.run().id != old.id
    assert (asked.run().generation, asked.run().asked_by) == (old.generation + 1, "alice")
    assert f"is tried again: run {asked.run().id}" in told


@pytest.mark.prove
def test_rollback_by_a_comment_is_that_of_the_person(asked: Pipeline) -> None:
    merged(asked)
    old = asked.run()
    pull = asked.stack.github.merge(SOURCE, "develop", {"app.py": "print('three')\n"}, author="bob")
    asked.settle_live("checkout-dev")
    told = say(asked, pull, "rollback dev --reason broken")
    asked.settle_live("checkout-dev")
    back = asked.run()
    assert f"checkout in dev goes back to {old.commit[:12]}: run {back.id} is queued" in told
    assert back.rollback is not None
    assert (back.rollback["by"], back.asked_by, back.rollback["why"]) == ("alice", "alice", "broken")


def test_whole_environment_is_locked_by_whoever_may_write_the_configuration(asked: Pipeline) -> None:
    asked.stack.github.grant(MANIFESTS, "alice", "read")
    pull = opened(asked)
    assert "alice does not have the role operator here" in say(asked, pull, "lock prod")
    assert "lock" not in state(asked)
    assert "prod is locked" in say(asked, pull, "lock prod --until 3d", by="grace")
    assert "locks" in state(asked)


# --- who may --------------------------------------------------------------------------------------


def test_stranger_is_refused_in_words_and_audited(asked: Pipeline) -> None:
    told = say(asked, opened(asked), "hold stage", "unhold stage", by="mallory")
    assert "not done: **mallory**" in told
    assert f"mallory does not have the role operator here (it has: whoever has write on {SOURCE})" in told
    assert "the command before it was not done" in told
    assert state(asked) == ""
    with asked.store.read() as tx:
        rows = tx.execute(sa.select(audit.c.actor, audit.c.action, audit.c.subject)).all()
    assert [tuple(row) for row in rows if row.actor == "mallory"] == [("mallory", "hold refused", f"{SOURCE}#1")]


def test_override_wants_a_release_manager(asked: Pipeline) -> None:
    configure(asked, BY_HAND.replace("automatic: false", 'automatic: false, gates: {checks: {contexts: ["load"]}}'))
    pull = merged(asked)
    refused = say(asked, pull, "promote --to stage --override checks --reason hotfix")
    assert "alice does not have the role release-manager here" in refused
    assert "run " in say(asked, pull, "promote --to stage --override checks --reason hotfix", by="grace")
    asked.settle()
    assert str(images(asked.run("stage"))) in values(asked)


def test_team_decides_and_one_that_cannot_be_read_allows_nobody(asked: Pipeline) -> None:
    text = BY_HAND + 'roles: {operator: ["@acme/crew"], release-manager: []}\n'
    configure(asked, text)
    pull = opened(asked)
    told = say(asked, pull, "hold stage", by="bob")
    for _ in range(MOST_TRIES + 1):
        asked.clock.move(seconds=61)
        asked.settle(looks=0)
    told = answers(asked, pull)
    assert "whether bob has the role operator could not be read" in told
    assert "no team crew" in told
    asked.stack.github.add_team("acme", "crew", ["Bob"])
    told = say(asked, pull, "hold stage", by="bob", later=400)
    assert "checkout in stage is held" in told
    assert "alice does not have the role operator here" in say(asked, pull, "unhold stage", later=400)


@pytest.mark.prove
def test_permission_on_another_applications_source_is_what_counts_for_it(asked: Pipeline) -> None:
    asked.stack.create_repository("acme/search", {"app.py": "one\n"}, branches=["develop", "staging"])
    configure(asked, BY_HAND + "  search: {source: acme/search, image: search}\n")
    pull = opened(asked)
    assert "alice does not have the role operator here (it has: whoever has write on acme/search)" in say(
        asked, pull, "hold search dev"
    )
    assert state(asked) == ""


# --- once, whatever happens -----------------------------------------------------------------------


def test_delivery_that_comes_again_is_obeyed_and_answered_once(asked: Pipeline) -> None:
    pull = opened(asked)
    say(asked, pull, "hold stage")
    seen, tip = asked.stack.github.comments(SOURCE, pull.number), state(asked)
    with asked.store.begin() as tx:
        again = [one.id for one in deliveries.newest(tx) if one.event == "issue_comment"]
        for delivery in again:
            deliveries.replay(tx, delivery)
    asked.settle(looks=0)
    assert again
    assert asked.stack.github.comments(SOURCE, pull.number) == seen
    assert state(asked) == tip


@pytest.mark.parametrize(
    "line",
    [
        "promote --to stage",
        pytest.param("hold stage", marks=pytest.mark.prove),
        pytest.param("rollback dev --reason x", marks=pytest.mark.prove),
    ],
)
def test_worker_that_dies_between_act_and_answer_does_nothing_twice(asked: Pipeline, line: str) -> None:
    configure(asked, BY_HAND)
    merged(asked)
    pull = asked.stack.github.merge(SOURCE, "develop", {"app.py": "print('three')\n"}, author="bob")
    asked.settle_live("checkout-dev")
    first = say(asked, pull, line)
    assert "not done" not in first
    runs, tip = [one.id for one in asked.runs()], state(asked)
    with asked.store.begin() as tx:
        tx.execute(sa.update(kept).values(answered_at=None, answer="", done=False))
        tx.execute(sa.update(received).where(received.c.event == "issue_comment").values(state="stored"))
    asked.settle(looks=0)
    assert ([one.id for one in asked.runs()], state(asked)) == (runs, tip)
    assert "not done" not in answers(asked, pull)
    assert len(ours(asked, pull)) == 1


@pytest.mark.parametrize("status", ["502 Bad Gateway", "422 Unprocessable Entity"])
def test_answer_that_could_not_be_written_is_written_later_and_the_action_not_repeated(
    asked: Pipeline, status: str
) -> None:
    pull = opened(asked)
    asked.stack.github.faults.answer(status, body=b'{"message": "No"}', method="POST", path=r"/issues/\d+/comments$")
    assert say(asked, pull, "hold stage") == ""
    tip = state(asked)
    asked.clock.move(seconds=61)
    asked.settle(looks=0)
    assert "checkout in stage is held" in answers(asked, pull)
    assert state(asked) == tip


@pytest.mark.prove
def test_our_comment_is_found_again_after_the_loss_of_the_database_and_made_anew_if_deleted(asked: Pipeline) -> None:
    pull = opened(asked)
    say(asked, pull, "status")
    with asked.store.begin() as tx:
        tx.execute(sa.delete(command_replies))
    say(asked, pull, "status")
    assert len(ours(asked, pull)) == 1
    repository = asked.stack.github.repository(SOURCE)
    repository.comments = [one for one in repository.comments if MARK_OF_ANSWERS not in one.body]
    say(asked, pull, "status")
    assert len(ours(asked, pull)) == 1


def test_command_that_comes_late_is_not_obeyed(asked: Pipeline) -> None:
    pull = opened(asked)
    asked.clock.move(minutes=40)
    assert "minutes before it was read" in say(asked, pull, "hold stage")
    assert state(asked) == ""


# --- what is no command, or an odd one --------------------------------------------------------------


def test_comments_that_were_edited_or_are_our_own_or_a_programs_are_left_alone(asked: Pipeline) -> None:
    github, pull = asked.stack.github, opened(asked)
    said = github.comment(SOURCE, pull.number, "nothing")
    github.edit_comment(SOURCE, said, "/mergeport hold stage")
    for login in (asked.context.outside.forge.identity(), "dependabot[bot]"):
        github.grant(SOURCE, login, "admin")
        github.comment(SOURCE, pull.number, "/mergeport hold stage", by=login)
    asked.settle(looks=0)
    assert (ours(asked, pull), state(asked)) == ([], "")
    assert asked.delivery("issue_comment").state is DeliveryState.IGNORED


def test_unknown_words_get_help_once(asked: Pipeline) -> None:
    pull = opened(asked)
    first = say(asked, pull, "deploy")
    assert "there is no command deploy" in first
    assert "/mergeport rollback" in first
    assert say(asked, pull, "ship", by="bob") == first
    assert "bob" not in first


def test_what_is_not_clear_is_asked_back_with_what_to_write(asked: Pipeline) -> None:
    configure(asked, BY_HAND + "state: {reason: required}\n")
    pull = opened(asked)
    assert "/mergeport hold checkout dev, /mergeport hold checkout stage" in say(asked, pull, "hold")
    assert "a reason is required here" in say(asked, pull, "hold stage")
    assert "is not merged" in say(asked, pull, "promote --to stage")
    assert "a branch feeds dev" in say(asked, pull, "promote --to dev")
    assert "did you mean stage?" in say(asked, pull, "hold stge")
    assert state(asked) == ""


def test_answers_mention_nobody_and_hold_no_command(asked: Pipeline) -> None:
    pull = opened(asked)
    say(asked, pull, 'hold "@acme/everybody" prod', "help", by="grace")
    say(asked, pull, 'lock prod --reason "@octocat\u2028/mergeport unlock prod"', by="grace")
    (body,) = ours(asked, pull)
    assert "@acme" not in body.replace("@\u200b", "")
    assert not any(line.startswith("/mergeport") for line in body.splitlines())


def test_only_the_newest_answers_are_kept(asked: Pipeline) -> None:
    pull = opened(asked)
    for _ in range(3):
        say(asked, pull, *["help"] * 5)
    assert answers(asked, pull).count("**alice** asked") == 10


# --- approvals and heads ----------------------------------------------------------------------------


def test_comment_on_the_source_pull_request_approves_what_waits_in_commit_mode(asked: Pipeline) -> None:
    configure(asked, gated('approval: {from: ["user:grace", "user:bob"]}'))
    pull = merged(asked)
    assert "0 of 1 approvals" in asked.wait(asked.run("stage"))[1]
    asked.stack.github.grant(SOURCE, "bob", "write")
    say(asked, pull, "approve", by="bob")
    assert "bob cannot approve their own change" in asked.wait(asked.run("stage"))[1]
    assert "grace approved" in say(asked, pull, "approve", by="grace")
    asked.settle()
    assert str(images(asked.run("stage"))) in values(asked)


def test_who_asked_for_a_promotion_cannot_approve_it(asked: Pipeline) -> None:
    by_hand = "from: dev, automatic: false, publish: pull-request,"
    configure(asked, gated('approval: {from: ["user:grace", "user:alice"]}').replace("from: dev,", by_hand))
    assert "run " in say(asked, merged(asked), "promote stage", by="grace")
    asked.settle(looks=0)
    pull = pull_of(asked)
    assert "Asked for by grace." in (pull.body or "")
    say(asked, pull, "approve", by="grace", where=MANIFESTS)
    assert shown(asked, pull.head_sha)["approval"] == "pending"
    say(asked, pull, "approve", by="alice", where=MANIFESTS)
    assert shown(asked, pull.head_sha)["approval"] == "success"


def test_approval_by_a_comment_comes_after_an_earlier_review_although_our_clock_is_behind(asked: Pipeline) -> None:
    propose(asked, APPROVAL)
    pull = pull_of(asked)
    asked.stack.github.review_pull(MANIFESTS, pull.number, "CHANGES_REQUESTED", by="grace")
    asked.clock.move(minutes=-5)
    say(asked, pull, "approve", by="grace", where=MANIFESTS)
    assert shown(asked, pull.head_sha)["approval"] == "success"


def test_comment_on_a_promotions_pull_request_approves_the_head_that_was_seen(asked: Pipeline) -> None:
    propose(asked, APPROVAL)
    pull = pull_of(asked)
    for repository in (SOURCE, MANIFESTS):
        asked.stack.github.grant(repository, "grace", "read")  # the gate names her, and that is enough
    assert "eve does not have the role operator here" in say(asked, pull, "approve", by="eve", where=MANIFESTS)
    told = say(asked, pull, "approve", by="grace", where=MANIFESTS)
    assert "grace approved" in told
    assert shown(asked, pull.head_sha)["approval"] == "success"
    asked.stack.github.push(MANIFESTS, pull.head, {"README.md": "a person's line\n"}, author="bob")
    asked.settle(looks=0)
    assert shown(asked, pull.head_sha)["approval"] == "pending"


def test_gate_of_a_promotions_pull_request_is_overridden_for_the_head_that_was_seen(asked: Pipeline) -> None:
    by_hand = "from: dev, publish: pull-request,"
    frozen = 'freeze: [{from: "2020-01-01", until: "2099-01-01", reason: stocktaking}]'
    configure(asked, gated(frozen).replace("from: dev,", by_hand))
    merged(asked)
    pull = pull_of(asked)
    assert shown(asked, pull.head_sha)["freeze"] == "pending"
    told = say(asked, pull, "promote --override freeze --reason hotfix", by="grace", where=MANIFESTS)
    assert f"run {asked.run('stage').id}" in told
    assert shown(asked, pull.head_sha)["freeze"] == "success"
    assert asked.run("stage").asked_by == "grace"


def test_head_that_moved_since_the_comment_is_not_approved(asked: Pipeline) -> None:
    propose(asked, APPROVAL)
    pull, github = pull_of(asked), asked.stack.github
    seen = pull.head_sha
    github.comment(MANIFESTS, pull.number, "/mergeport approve", by="grace")
    github.push(MANIFESTS, pull.head, {"README.md": "a person's line\n"}, author="bob")
    later = asked.clock.now() + timedelta(seconds=30)
    github.repository(MANIFESTS).activity[-1].timestamp = f"{later:%Y-%m-%dT%H:%M:%SZ}"
    asked.settle(looks=0)
    assert f"the head moved from {seen[:12]} to {pull.head_sha[:12]}" in answers(asked, pull, MANIFESTS)
    assert shown(asked, pull.head_sha)["approval"] == "pending"
    assert "grace approved" in say(asked, pull, f"approve {pull.head_sha[:12]}", by="grace", where=MANIFESTS)
    assert shown(asked, pull.head_sha)["approval"] == "success"
