"""Doing a plan: exactly what was shown, as runs that go the way of all runs."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from service.core.train import Move, Named, Plan, Reason
from service.core.words import RunState, Stage, WaitKind
from service.errors import MergeportError, PermanentError
from service.pipeline import actions
from service.pipeline.actions import Asked, Done
from service.pipeline.promote.train.planning import Wish
from service.store import edits
from service.store.tables import audit
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import configure, images, merge, runs_to
from tests.pipeline.test_gating import values
from tests.pipeline.test_train_plan import BY_HAND, with_gates

FROZEN = with_gates('freeze: [{from: "2020-01-01", until: "2099-01-01", reason: stocktaking}]')


def begin(pipeline: Pipeline, text: str = BY_HAND) -> Pipeline:
    """Have a release healthy in dev."""
    configure(pipeline, text)
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    return pipeline


@pytest.fixture
def ready(pipeline: Pipeline) -> Pipeline:
    return begin(pipeline)


def by(pipeline: Pipeline, why: str = "") -> Asked:
    return Asked("anna", pipeline.clock.now(), why)


def plan(pipeline: Pipeline, *gates: str, why: str = "", named: Named | None = None, one: bool = True) -> Plan:
    wish = Wish("stage", ("checkout",) if one else (), named=named)
    return actions.planned(pipeline.context, by(pipeline, why), wish, gates)


def do(pipeline: Pipeline, planned: Plan, *, why: str = "", plan_id: str = "") -> Done:
    done = actions.promote(pipeline.context, by(pipeline, why), planned, plan_id=plan_id)
    pipeline.settle()
    return done


def audited(pipeline: Pipeline) -> list[tuple[str, str, str]]:
    with pipeline.store.read() as tx:
        rows = tx.execute(sa.select(audit.c.action, audit.c.actor, audit.c.detail).order_by(audit.c.at, audit.c.action))
        return [(row.action, row.actor, row.detail) for row in rows]


def message(pipeline: Pipeline) -> str:
    return pipeline.stack.git.open(MANIFESTS).git("log", "-1", "--format=%B", "main")


def test_what_moves_is_committed_as_the_same_digest_and_audited(ready: Pipeline) -> None:
    planned = plan(ready)
    (started,) = do(ready, planned).started
    stage = ready.run("stage")
    assert (started.run, images(stage), stage.stage) == (stage.id, images(ready.run("dev")), Stage.DEPLOY)
    assert str(images(stage)) in values(ready)
    ((action, actor, detail),) = audited(ready)
    assert (action, actor) == ("promote", "anna")
    assert f"from dev to stage, by plan {planned.id}" in detail
    assert (stage.asked_by, "Mergeport-Actor: anna" in message(ready)) == ("anna", True)


@pytest.mark.prove
def test_several_applications_go_in_one_push(pipeline: Pipeline) -> None:
    text = pipeline.stack.git.open(MANIFESTS).read("main", "apps/checkout/values-stage.yaml")
    assert text is not None
    new = {f"apps/billing/values-{environment}.yaml": text.decode() for environment in ("dev", "stage", "prod")}
    pipeline.stack.github.push(MANIFESTS, "main", new, "Begin billing")
    waits = BY_HAND.replace("automatic: false", "automatic: false, manifest: {batch_window: 10s}")
    begin(pipeline, f"{waits}  billing:\n    source: {SOURCE}\n    argocd: false\n")
    done = do(pipeline, plan(pipeline, one=False))
    pipeline.clock.move(seconds=11)
    pipeline.settle()
    assert [one.move.application for one in done.started] == ["checkout", "billing"]
    with pipeline.store.read() as tx:
        written = [edits.of_run(tx, one.run) for one in done.started if one.run is not None]
    assert len({edit.commit for edit in written if edit}) == 2
    assert len({edit.expected for edit in written if edit}) == 1


@pytest.mark.prove
def test_plan_that_is_still_true_is_done_by_its_name(ready: Pipeline) -> None:
    planned = plan(ready)
    assert do(ready, plan(ready), plan_id=planned.id).started[0].run == ready.run("stage").id


def test_plan_that_is_not_true_any_more_is_refused_with_what_changed(ready: Pipeline) -> None:
    planned, old = plan(ready), ready.run("dev")
    merge(ready, "print('three')\n")
    ready.settle_live("checkout-dev")
    with pytest.raises(PermanentError) as refused:
        actions.promote(ready.context, by(ready), plan(ready), plan_id=planned.id)
    assert refused.value.code == "plan-changed"
    assert f"checkout: {ready.run('dev').commit[:12]} moves now, and not {old.commit[:12]}" in str(refused.value)
    assert runs_to(ready, "stage") == []


def test_plan_that_nobody_made_is_refused(pipeline: Pipeline) -> None:
    with pytest.raises(MergeportError, match="there is no plan 123456789012") as refused:
        actions.promote(pipeline.context, by(pipeline), plan(pipeline), plan_id="123456789012")
    assert refused.value.code == "plan-unknown"


@pytest.mark.prove
def test_release_whose_run_failed_there_can_be_promoted_again(ready: Pipeline) -> None:
    first = do(ready, plan(ready))
    edited = {"apps/checkout/values-stage.yaml": values(ready).replace(str(images(ready.run("dev"))), "x")}
    ready.stack.github.push(MANIFESTS, "main", edited, "By hand")
    ready.settle()
    stage = ready.run("stage")
    assert stage.state.ended, stage
    again = do(ready, plan(ready))
    assert again.started[0].run not in {None, first.started[0].run}
    assert ready.run("stage").generation == 1


def test_override_lets_it_through_a_freeze_and_is_in_commit_and_audit(pipeline: Pipeline) -> None:
    begin(pipeline, FROZEN)
    assert plan(pipeline).moves == ()
    do(pipeline, plan(pipeline, "freeze", why="fixes\nthe fire #3"), why="fixes\nthe fire #3")
    assert str(images(pipeline.run("stage"))) in values(pipeline)
    assert "Mergeport-Override: freeze by anna: fixes the fire" in message(pipeline)
    assert [action for action, _, _ in audited(pipeline)] == ["override", "promote"]


@pytest.mark.prove
def test_override_is_of_one_release_only(pipeline: Pipeline) -> None:
    begin(pipeline, FROZEN)
    do(pipeline, plan(pipeline, "freeze", why="urgent"), why="urgent")
    pipeline.settle_live("checkout-stage")
    merge(pipeline, "print('three')\n")
    pipeline.settle_live("checkout-dev")
    assert plan(pipeline).moves == ()


@pytest.mark.prove
def test_override_stays_that_of_the_person_who_gave_it(pipeline: Pipeline) -> None:
    begin(pipeline, FROZEN)
    do(pipeline, plan(pipeline, "freeze", why="urgent"), why="urgent")
    edited = {"apps/checkout/values-stage.yaml": values(pipeline).replace(str(images(pipeline.run("dev"))), "x")}
    pipeline.stack.github.push(MANIFESTS, "main", edited, "By hand")
    pipeline.settle()
    again = plan(pipeline)
    assert [move.overrides for move in again.moves] == [()]
    do(pipeline, again)
    assert "Mergeport-Override: freeze by anna: urgent" in message(pipeline)


@pytest.mark.prove
def test_branch_that_is_missing_is_the_reason_of_its_own_applications_only(pipeline: Pipeline) -> None:
    begin(pipeline, BY_HAND.replace("automatic: false", "automatic: false, manifest: {branch: gone}"))
    (stays,) = plan(pipeline).stays
    assert (stays.reason, "no branch gone" in stays.words) == (Reason.VALUES, True)


@pytest.mark.prove
def test_override_wakes_the_run_that_waits_with_that_release(pipeline: Pipeline) -> None:
    begin(pipeline, FROZEN.replace(", automatic: false", ""))
    waiting = pipeline.run("stage")
    assert pipeline.wait(waiting)[0] is WaitKind.GATE
    planned = plan(pipeline, "freeze", why="urgent")
    assert [move.goes_on for move in planned.moves] == [waiting.id]
    do(pipeline, planned, why="urgent")
    assert len(runs_to(pipeline, "stage")) == 1
    assert str(images(waiting)) in values(pipeline)


@pytest.mark.prove
def test_overridden_lock_lets_only_this_release_through(ready: Pipeline) -> None:
    actions.lock(ready.context, by(ready, "incident"), environment="stage")
    assert plan(ready).moves == ()
    do(ready, plan(ready, "lock", why="the fix"), why="the fix")
    assert str(images(ready.run("stage"))) in values(ready)
    assert ready.run("stage").state is RunState.WAITING


def test_naming_a_held_application_with_a_reason_lifts_its_hold(ready: Pipeline) -> None:
    actions.hold(ready.context, by(ready, "rolled back"), application="checkout", environment="stage")
    assert plan(ready).moves == ()
    assert plan(ready, why="it is mended", one=False).moves == ()
    planned = plan(ready, why="it is mended")
    assert [(move.lifts_hold, move.overrides) for move in planned.moves] == [(True, ())]
    do(ready, planned, why="it is mended")
    assert [one.seen.state.entries for one in actions.listed(ready.context) if one.seen] == [()]
    assert str(images(ready.run("stage"))) in values(ready)
    assert "unhold" in [action for action, _, _ in audited(ready)]


def test_override_that_cannot_be_is_refused(pipeline: Pipeline) -> None:
    asked_for = (("block", "x"), ("hold", "x"), ("soak", ""), ("soap", "x"))
    codes = []
    for gate, why in asked_for:
        with pytest.raises(MergeportError) as refused:
            plan(pipeline, gate, why=why)
        codes.append(refused.value.code)
    assert codes == ["gate-final", "gate-final", "reason-missing", "gate-unknown"]


@pytest.mark.prove
def test_named_release_moves_although_a_newer_one_is_there(ready: Pipeline) -> None:
    older = ready.run("dev")
    merge(ready, "print('three')\n")
    ready.settle_live("checkout-dev")
    do(ready, plan(ready, named=Named(run=older.id)))
    assert str(images(older)) in values(ready)
    (move,) = plan(ready).moves
    assert isinstance(move, Move)
    assert move.offer.lived.run == ready.run("dev").id


def test_promotion_that_wants_an_approval_begins_and_goes_in_once_it_is_given(pipeline: Pipeline) -> None:
    begin(pipeline, with_gates('approval: {from: "user:grace", commands: true}'))
    planned = plan(pipeline)
    assert "waits before the commit: approval: 0 of 1 approvals" in planned.moves[0].notes[0]
    do(pipeline, planned)
    run = pipeline.run("stage")
    assert pipeline.wait(run)[0] is WaitKind.GATE
    assert [line.reason for line in plan(pipeline).stays] == [Reason.APPROVAL]
    actions.approve(pipeline.context, by(pipeline, "tried it"), run.id, "grace")
    pipeline.settle(looks=0)
    assert str(images(run)) in values(pipeline)
