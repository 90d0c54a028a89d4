"""What is locked, held or blocked on `mergeport/state` does not go in, and it is believed only with reason."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from _pytest.mark import ParameterSet

from devstack.bare import BareRepository
from service.core import trailers
from service.core.changes import STATE_BRANCH
from service.core.state import Blocked, Lock, State, parse
from service.core.words import Repository, RunState, WaitKind
from service.errors import MergeportError, NotFoundError, PermanentError, RetryableError
from service.pipeline import actions
from service.pipeline.actions import Asked, on_state
from service.pipeline.context import Context
from service.pipeline.manifest.state.state_reading import look_at_state
from service.store import manifest_states, runs
from service.store.tables import audit as audit_table
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE, VALUES
from tests.pipeline.crowd import BRANCH, merge, settle_in, until_promoted, written
from tests.pipeline.harness import Pipeline

HAND = """\
locks:
  - environment: dev
    who: ben, by hand
    since: "2026-11-29T17:00:00Z"
"""


def bare(pipeline: Pipeline, repository: str = MANIFESTS) -> BareRepository:
    return pipeline.stack.git.open(repository)


def asked(pipeline: Pipeline, why: str = "incident 42", *, by: str = "anna", **more: object) -> Asked:
    return Asked(by=by, at=pipeline.clock.now(), why=why, **more)  # type: ignore[arg-type] # fields of it


def acting(pipeline: Pipeline) -> Context:
    """Give the context of a command, for which time really passes."""
    return replace(pipeline.context, holder="command-1", pause=time.sleep)


def state(pipeline: Pipeline, repository: str = MANIFESTS) -> State:
    return parse(bare(pipeline, repository).text(STATE_BRANCH, "state.yaml"))


def lock(pipeline: Pipeline, environment: str = "dev", **more: object) -> actions.Outcome:
    return actions.lock(acting(pipeline), asked(pipeline, **more), environment=environment)  # type: ignore[arg-type] # fields of it


def unlock(pipeline: Pipeline, environment: str = "dev") -> actions.Outcome:
    return actions.unlock(acting(pipeline), asked(pipeline, "it is over"), environment=environment)


def by_hand(pipeline: Pipeline, text: str | None, *, branch: str = STATE_BRANCH) -> str:
    return bare(pipeline).commit_files(branch, {"state.yaml": text}, "By hand")


def long_after(pipeline: Pipeline) -> None:
    """Let so much time pass that no replica can lag any more."""
    pipeline.clock.move(minutes=1)


# --- an action is a commit --------------------------------------------------------------------------


def test_first_lock_makes_an_orphan_branch_whose_commit_says_what_who_and_why(pipeline: Pipeline) -> None:
    outcome = actions.lock(acting(pipeline), asked(pipeline), environment="dev", application="checkout")
    ((repository, commit),) = outcome.done
    assert (repository, commit) == (MANIFESTS, bare(pipeline).tip(STATE_BRANCH))
    assert bare(pipeline).files(STATE_BRANCH) == ["state.yaml"]
    assert bare(pipeline).git("rev-list", "--count", STATE_BRANCH).strip() == "1"
    message = bare(pipeline).git("log", "-1", "--format=%B", STATE_BRANCH)
    told = dict(trailers.parse(message))
    assert message.startswith("Lock checkout in dev: incident 42\n")
    assert (told["Mergeport-Actor"], told["Mergeport-Reason"], told["Mergeport-Environment"]) == (
        "anna", "incident 42", "dev",
    )  # fmt: skip
    (entry,) = state(pipeline).entries
    assert isinstance(entry, Lock)
    assert (entry.environment, entry.application, entry.placed.why) == ("dev", "checkout", "incident 42")


def test_action_is_in_the_audit(pipeline: Pipeline) -> None:
    lock(pipeline)
    with pipeline.store.read() as tx:
        (row,) = tx.execute(audit_table.select()).all()
    assert (row.actor, row.action, row.subject) == ("anna", "lock", "dev")
    assert "incident 42" in row.detail


def test_same_action_again_makes_no_second_commit(pipeline: Pipeline) -> None:
    once = asked(pipeline)
    for _ in range(2):
        actions.lock(acting(pipeline), once, environment="dev")
    assert bare(pipeline).git("rev-list", "--count", STATE_BRANCH).strip() == "1"


def test_lost_answer_of_the_push_leads_to_one_commit(pipeline: Pipeline) -> None:
    pipeline.stack.git.faults.cut(method="POST", path="acme/manifests.*git-receive-pack")
    lock(pipeline)
    assert bare(pipeline).git("rev-list", "--count", STATE_BRANCH).strip() == "1"
    assert len(state(pipeline).entries) == 1


def test_action_that_was_killed_before_its_push_is_done_by_its_repetition(pipeline: Pipeline) -> None:
    """The line breaks for good: nothing is there. The same action, asked again, makes its one commit."""
    once = asked(pipeline)
    pipeline.stack.git.faults.answer(
        "500 Internal Server Error", method="POST", path="acme/manifests.*git-receive-pack", times=20
    )
    with pytest.raises(RetryableError):
        actions.lock(replace(acting(pipeline), pause=lambda _: None), once, environment="dev")
    assert STATE_BRANCH not in bare(pipeline).branches()
    pipeline.stack.git.faults.clear()
    assert actions.lock(acting(pipeline), once, environment="dev").done
    assert bare(pipeline).git("rev-list", "--count", STATE_BRANCH).strip() == "1"


@pytest.mark.rows_decide
def test_two_who_act_at_once_both_have_their_commit(pipeline: Pipeline) -> None:
    contexts = [replace(acting(pipeline), holder=f"command-{number}") for number in range(2)]
    threads = [
        threading.Thread(target=actions.lock, args=(context, asked(pipeline)), kwargs={"environment": environment})
        for context, environment in zip(contexts, ("dev", "stage"), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(entry.name for entry in state(pipeline).entries) == ["dev", "stage"]
    assert bare(pipeline).git("rev-list", "--count", STATE_BRANCH).strip() == "2"


def test_commit_of_a_person_between_look_and_push_is_kept(pipeline: Pipeline) -> None:
    lock(pipeline, "stage")
    gate = pipeline.stack.git.faults.hang(method="POST", path="acme/manifests.*git-receive-pack")
    action = threading.Thread(target=lock, args=(pipeline, "prod"))
    action.start()
    gate.wait_arrived()
    by_hand(pipeline, f"# by hand\n{HAND}")
    gate.release()
    action.join(60)
    assert sorted(entry.name for entry in state(pipeline).entries) == ["dev", "prod"]
    assert "# by hand" in bare(pipeline).text(STATE_BRANCH, "state.yaml")


def test_reason_of_a_person_pings_nobody_and_closes_nothing(pipeline: Pipeline) -> None:
    why = "@acme/team fixes #3 \x1b[31m\n\nSource-Commit: forged\n" + "ä" * 9_000
    lock(pipeline, why=why)
    message = bare(pipeline).git("log", "-1", "--format=%B", STATE_BRANCH)
    assert ("@acme" in message, "#3" in message, "\x1b" in message) == (False, False, False)
    assert "Source-Commit" not in dict(trailers.parse(message))
    assert max(len(line) for line in message.splitlines()) < 1100
    assert len(state(pipeline).entries[0].placed.why) > 9_000


REFUSED: dict[str, Callable[[Context, Asked], object]] = {
    "environment-unknown": lambda at, ask: actions.lock(at, ask, environment="dve"),
    "application-unknown": lambda at, ask: actions.hold(at, ask, application="x", environment="dev"),
    "not-locked": lambda at, ask: actions.unlock(at, ask, environment="dev"),
    "not-held": lambda at, ask: actions.unhold(at, ask, application="checkout", environment="dev"),
    "not-blocked": lambda at, ask: actions.unblock(at, ask, "1" * 40),
    "block-unclear": lambda at, ask: actions.block(at, ask, "4f2c1e9"),
    "until-past": lambda at, ask: actions.lock(at, replace(ask, until=ask.at), environment="dev"),
    "reason-too-long": lambda at, ask: actions.lock(at, replace(ask, why="x" * 10_001), environment="dev"),
}


def test_what_cannot_be_done_is_refused_and_changes_nothing(pipeline: Pipeline) -> None:
    for code, act in REFUSED.items():
        with pytest.raises(MergeportError) as caught:
            act(acting(pipeline), asked(pipeline))
        assert caught.value.code == code
    assert STATE_BRANCH not in bare(pipeline).branches()


def test_second_lock_is_refused_and_says_who_was_first(pipeline: Pipeline) -> None:
    lock(pipeline)
    with pytest.raises(PermanentError, match=r"dev is locked by anna since .*: incident 42"):
        lock(pipeline, by="ben")
    assert bare(pipeline).git("rev-list", "--count", STATE_BRANCH).strip() == "1"


def test_reason_is_required_where_the_configuration_wants_one(pipeline: Pipeline) -> None:
    text = f"{CONFIGURATION}state: {{reason: required}}\n"
    pipeline.stack.github.push(MANIFESTS, BRANCH, {"mergeport.yaml": text}, "Want reasons")
    pipeline.settle(looks=0)
    with pytest.raises(PermanentError, match="a reason is required"):
        lock(pipeline, why=" \n")
    assert lock(pipeline).done


def test_what_is_blocked_is_told_by_its_form() -> None:
    digest = f"sha256:{'0a' * 32}"
    told = {text: on_state.blocked(text) for text in (digest, f"r/checkout:1@{digest.upper()}", "A" * 40, "m@7")}
    assert [kind for kind, _ in told.values()] == [Blocked.DIGEST, Blocked.DIGEST, Blocked.COMMIT, Blocked.MODEL]
    assert {value for kind, value in told.values() if kind is Blocked.DIGEST} == {digest}


# --- several manifest repositories --------------------------------------------------------------------


def several(pipeline: Pipeline) -> str:
    """Have stage in a manifest repository of its own."""
    other = "acme/more-manifests"
    pipeline.stack.create_repository(other, {"apps/checkout/values-stage.yaml": VALUES})
    text = CONFIGURATION.replace(
        "stage: {branch: staging}", f"stage: {{branch: staging, manifest: {{repository: {other}}}}}"
    )
    pipeline.stack.github.push(MANIFESTS, BRANCH, {"mergeport.yaml": text}, "Two of them")
    pipeline.settle(looks=0)
    return other


def test_block_goes_to_all_and_its_repetition_does_what_failed(pipeline: Pipeline) -> None:
    other = several(pipeline)
    pipeline.stack.git.faults.answer(
        "500 Internal Server Error", method="POST", path=f"{other}.*git-receive-pack", times=20
    )
    hasty = replace(acting(pipeline), pause=lambda _: None)
    first = actions.block(hasty, asked(pipeline), "1" * 40)
    assert ([name for name, _ in first.done], [name for name, _ in first.failed]) == ([MANIFESTS], [other])
    pipeline.stack.git.faults.clear()
    second = actions.block(hasty, asked(pipeline), "1" * 40)
    assert ([name for name, _ in second.done], [name for name, _ in second.already]) == ([other], [MANIFESTS])
    assert state(pipeline, other).entries[0].subject == state(pipeline).entries[0].subject


def test_lock_goes_only_where_the_environment_is_written(pipeline: Pipeline) -> None:
    other = several(pipeline)
    assert [name for name, _ in lock(pipeline, "stage").done] == [other]
    assert STATE_BRANCH not in bare(pipeline).branches()
    assert [name for name, _ in unlock(pipeline, "stage").done] == [other]


# --- what is closed does not go in --------------------------------------------------------------------


def test_locked_run_waits_in_words_and_goes_on_when_it_is_unlocked(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout", "cart")
    actions.lock(acting(pipeline), asked(pipeline), environment="dev", application="checkout")
    merge(pipeline)
    until_promoted(pipeline)
    assert written(pipeline) == ["cart"]
    kind, words = pipeline.wait(pipeline.run())
    assert kind is WaitKind.GATE
    assert words.startswith("checkout in dev is locked by anna since ")
    actions.unlock(acting(pipeline), asked(pipeline), environment="dev", application="checkout")
    until_promoted(pipeline)
    assert written(pipeline) == ["cart", "checkout"]
    assert pipeline.run().state is RunState.SUCCEEDED


def test_wait_at_a_lock_has_no_deadline_and_a_look_changes_nothing(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout")
    lock(pipeline)
    merge(pipeline)
    until_promoted(pipeline)
    pipeline.clock.move(days=400)
    pipeline.settle(looks=3)
    assert pipeline.wait(pipeline.run())[0] is WaitKind.GATE
    assert written(pipeline) == []


def test_lock_of_everything_ends_at_its_time(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout")
    until = pipeline.clock.now() + timedelta(hours=1)
    actions.lock(acting(pipeline), asked(pipeline, until=until))
    merge(pipeline)
    until_promoted(pipeline)
    assert "everything is locked" in pipeline.wait(pipeline.run())[1]
    pipeline.clock.move(minutes=59)
    pipeline.settle()
    assert written(pipeline) == []
    pipeline.clock.move(minutes=1, seconds=1)
    pipeline.settle()
    assert written(pipeline) == ["checkout"]


def test_lock_by_a_machine_whose_clock_is_ahead_counts_at_once(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout")
    ask = asked(pipeline)
    actions.lock(acting(pipeline), replace(ask, at=ask.at + timedelta(minutes=5)), environment="dev")
    merge(pipeline)
    until_promoted(pipeline)
    assert written(pipeline) == []


def test_later_change_takes_the_place_of_one_that_waits(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout")
    lock(pipeline)
    merge(pipeline, "two")
    until_promoted(pipeline)
    first = pipeline.run()
    merge(pipeline, "three")
    until_promoted(pipeline)
    assert pipeline.ended(first, RunState.SUPERSEDED).superseded_by == pipeline.run().id
    unlock(pipeline)
    until_promoted(pipeline)
    assert written(pipeline) == ["checkout"]


def test_cancelled_run_leaves_its_gate(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout")
    lock(pipeline)
    merge(pipeline)
    until_promoted(pipeline)
    run = pipeline.run()
    with pipeline.store.begin() as tx:
        actions.cancel(tx, run.id, by="anna", at=pipeline.clock.now())
    with pipeline.store.read() as tx:
        again = runs.get(tx, run.id)
    assert again is not None
    pipeline.queue.enqueue_run(again)
    until_promoted(pipeline)
    pipeline.ended(run, RunState.CANCELLED)


@pytest.mark.parametrize("by", ["commit", "digest"])
def test_blocked_release_fails_and_another_goes_in(pipeline: Pipeline, by: str) -> None:
    settle_in(pipeline, "checkout")
    lock(pipeline)
    merge(pipeline)
    until_promoted(pipeline)
    run = pipeline.run()
    what = run.commit if by == "commit" else run.images[""]["digest"]
    actions.block(acting(pipeline), asked(pipeline, "leaks memory"), what)
    unlock(pipeline)
    until_promoted(pipeline)
    ended = pipeline.ended(run, RunState.FAILED)
    assert (ended.code, "leaks memory" in ended.message) == ("blocked", True)
    merge(pipeline, "three")
    until_promoted(pipeline)
    assert written(pipeline) == ["checkout"]


def test_held_application_opens_no_pull_request_until_it_is_unheld(pipeline: Pipeline) -> None:
    actions.hold(acting(pipeline), asked(pipeline), application="checkout", environment="prod")
    pipeline.stack.github.merge(SOURCE, "main", {"app.py": "print('prod')\n"})
    pipeline.settle()
    assert pipeline.stack.github.pulls(MANIFESTS, "open") == []
    assert "checkout in prod is held by anna" in pipeline.wait(pipeline.run("prod"))[1]
    actions.unhold(acting(pipeline), asked(pipeline), application="checkout", environment="prod")
    pipeline.settle()
    assert len(pipeline.stack.github.pulls(MANIFESTS, "open")) == 1
    assert pipeline.wait(pipeline.run("prod"))[0] is WaitKind.PULL_REQUEST


def test_lock_and_unlock_by_hand_count_without_any_command(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout")
    bare(pipeline).git("update-ref", f"refs/heads/{STATE_BRANCH}", orphan(pipeline, HAND))
    merge(pipeline)
    until_promoted(pipeline)
    assert "dev is locked by ben, by hand" in pipeline.wait(pipeline.run())[1]
    pipeline.stack.github.push(MANIFESTS, STATE_BRANCH, {"state.yaml": "# nothing\n"}, "Unlock by hand")
    pipeline.settle(looks=0)
    assert written(pipeline) == ["checkout"]
    assert pipeline.delivery("push").reason == f"the state of {MANIFESTS} was read again"


def orphan(pipeline: Pipeline, text: str) -> str:
    blob = bare(pipeline).git("hash-object", "-w", "--stdin", data=text.encode()).strip()
    tree = bare(pipeline).git("mktree", data=f"100644 blob {blob}\tstate.yaml\n".encode()).strip()
    return bare(pipeline).commit_tree(tree, [], "By hand")


def hold(pipeline: Pipeline) -> actions.Outcome:
    return actions.hold(acting(pipeline), asked(pipeline), application="checkout", environment="dev")


BOTH = pytest.mark.parametrize("action", [lock, pytest.param(hold, marks=pytest.mark.prove)])


@BOTH
@pytest.mark.rows_decide
def test_push_that_is_under_way_ends_before_the_action_answers(
    pipeline: Pipeline, action: Callable[[Pipeline], actions.Outcome]
) -> None:
    """The lock is on its branch while the push hangs; the command answers when the push is over."""
    settle_in(pipeline, "checkout")
    gate = pipeline.stack.git.faults.hang(method="POST", path="acme/manifests.*git-receive-pack")
    merge(pipeline)
    seen: list[bool] = []

    def person() -> None:
        gate.wait_arrived()
        acts = threading.Thread(target=action, args=(pipeline,))
        acts.start()
        for _ in range(600):
            if STATE_BRANCH in bare(pipeline).branches():
                break
            time.sleep(0.05)
        time.sleep(0.3)
        seen.extend([STATE_BRANCH in bare(pipeline).branches(), acts.is_alive(), written(pipeline) == []])
        gate.release()
        acts.join(60)

    pipeline.beside(person, looks=0)
    assert seen == [True, True, True]
    assert written(pipeline) == ["checkout"]
    merge(pipeline, "three")
    until_promoted(pipeline)
    assert written(pipeline) == ["checkout"]


@BOTH
def test_what_closes_while_a_push_is_prepared_keeps_it_back(
    pipeline: Pipeline, action: Callable[[Pipeline], actions.Outcome]
) -> None:
    settle_in(pipeline, "checkout")
    lock(pipeline, "stage")
    merge(pipeline)
    gate = pipeline.stack.git.faults.hang(method="GET", path="acme/manifests.*info/refs")

    def person() -> None:
        gate.wait_arrived()
        action(pipeline)
        gate.release()

    pipeline.beside(person, looks=0)
    assert written(pipeline) == []
    assert pipeline.wait(pipeline.run())[0] is WaitKind.GATE


# --- what is there is believed only with reason --------------------------------------------------------


def spoiled(pipeline: Pipeline, how: str) -> None:
    match how:
        case "broken":
            by_hand(pipeline, "locks: [\n")
        case "rewritten":
            bare(pipeline).git("update-ref", f"refs/heads/{STATE_BRANCH}", orphan(pipeline, "# nothing\n"))
        case "deleted":
            bare(pipeline).delete_ref(f"refs/heads/{STATE_BRANCH}")
        case "file deleted":
            bare(pipeline).commit_files(STATE_BRANCH, {"state.yaml": None, "readme": "x"}, "Away with it")
        case "link":
            bare(pipeline).git("update-ref", f"refs/heads/{STATE_BRANCH}", linked(pipeline))


def linked(pipeline: Pipeline) -> str:
    blob = bare(pipeline).git("hash-object", "-w", "--stdin", data=b"elsewhere").strip()
    tree = bare(pipeline).git("mktree", data=f"120000 blob {blob}\tstate.yaml\n".encode()).strip()
    return bare(pipeline).commit_tree(tree, [bare(pipeline).tip(STATE_BRANCH)], "By hand")


CODES = {
    "broken": "state-broken",
    "link": "state-broken",
    "rewritten": "state-rewritten",
    "deleted": "state-gone",
    "file deleted": "state-gone",
}


RARE = {"link", "file deleted"}
"""Ways that only `make prove` tries."""


def ways(*names: str) -> list[ParameterSet]:
    return [pytest.param(name, marks=[pytest.mark.prove] if name in RARE else []) for name in names]


@pytest.mark.parametrize("how", ways(*CODES))
def test_state_that_cannot_be_believed_stops_every_promotion_loudly(pipeline: Pipeline, how: str) -> None:
    settle_in(pipeline, "checkout")
    lock(pipeline, "prod")
    long_after(pipeline)
    spoiled(pipeline, how)
    merge(pipeline)
    until_promoted(pipeline)
    assert written(pipeline) == []
    assert pipeline.wait(pipeline.run())[1].startswith("nothing is promoted: ")
    with pipeline.store.read() as tx:
        (doubted,) = manifest_states.troubled(tx)
    assert (doubted.trouble, [entry.name for entry in parse(doubted.text).entries]) == (CODES[how], ["prod"])
    with pytest.raises(PermanentError) as caught:
        lock(pipeline)
    assert caught.value.code == CODES[how]


@pytest.mark.parametrize("how", ways("rewritten", "deleted", "file deleted"))
def test_accepted_state_is_in_force_and_promotions_go_on(pipeline: Pipeline, how: str) -> None:
    settle_in(pipeline, "checkout")
    lock(pipeline)
    long_after(pipeline)
    spoiled(pipeline, how)
    merge(pipeline)
    until_promoted(pipeline)
    (accepted,) = actions.accept(acting(pipeline), by="anna", at=pipeline.clock.now())
    assert accepted.seen is not None
    assert accepted.seen.state == State()
    until_promoted(pipeline)
    assert written(pipeline) == ["checkout"]


def test_broken_state_is_not_accepted_and_believed_again_when_it_is_mended(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout")
    lock(pipeline, "prod")
    long_after(pipeline)
    spoiled(pipeline, "broken")
    merge(pipeline)
    until_promoted(pipeline)
    with pytest.raises(PermanentError, match=r"state\.yaml:2"):
        actions.accept(acting(pipeline), by="anna", at=pipeline.clock.now())
    by_hand(pipeline, HAND.replace("dev", "stage"))
    pipeline.settle()
    assert written(pipeline) == ["checkout"]


def test_state_that_is_not_in_doubt_is_not_accepted(pipeline: Pipeline) -> None:
    lock(pipeline)
    with pytest.raises(PermanentError, match="is not in doubt"):
        actions.accept(acting(pipeline), by="anna", at=pipeline.clock.now())
    with pytest.raises(NotFoundError):
        actions.accept(acting(pipeline), by="anna", at=pipeline.clock.now(), repository=Repository("acme/other"))


def test_branch_that_is_not_seen_right_after_our_push_is_asked_for_again(pipeline: Pipeline) -> None:
    """A replica that lags is no reason to stop everything."""
    lock(pipeline)
    spoiled(pipeline, "deleted")
    with pytest.raises(RetryableError) as caught:
        look_at_state(pipeline.context, Repository(MANIFESTS))
    assert caught.value.code == "state-not-seen-yet"


def test_state_is_believed_after_the_loss_of_the_database(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout")
    lock(pipeline)
    with pipeline.store.begin() as tx:
        manifest_states.forget(tx, Repository(MANIFESTS))
    merge(pipeline)
    until_promoted(pipeline)
    assert written(pipeline) == []
    assert "dev is locked by anna" in pipeline.wait(pipeline.run())[1]


def test_listing_shows_what_can_be_read_and_what_cannot(pipeline: Pipeline) -> None:
    other = several(pipeline)
    lock(pipeline, "stage")
    pipeline.stack.git.faults.answer("500 Internal Server Error", path="acme/manifests.*", times=20)
    told = {one.repository: one for one in actions.listed(acting(pipeline))}
    assert told[Repository(MANIFESTS)].error is not None
    seen = told[Repository(other)].seen
    assert seen is not None
    assert [entry.name for entry in seen.state.entries] == ["stage"]
