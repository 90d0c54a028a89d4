"""The plan of a train: what would move from one environment to another, or the one reason why not."""

from __future__ import annotations

import pytest

from service.core.gates import Override
from service.core.train import Move, Named, Reason, Stays
from service.errors import RetryableError
from service.pipeline import actions
from service.pipeline.actions import Asked
from service.pipeline.promote.evidence.asked_once import Answers
from service.pipeline.promote.train.planning import Wish, plan_train
from service.store import approvals
from service.store.approvals import Approval
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import CHAIN, configure, merge

BY_HAND = CHAIN.replace("{from: dev}", "{from: dev, automatic: false}")


def with_gates(gates: str) -> str:
    return CHAIN.replace("{from: dev}", f"{{from: dev, automatic: false, gates: {{{gates}}}}}")


@pytest.fixture
def ready(pipeline: Pipeline) -> Pipeline:
    """Have a release healthy in dev, which nothing takes to stage by itself."""
    configure(pipeline, BY_HAND)
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    return pipeline


def line(pipeline: Pipeline, environment: str = "stage", **wish: object) -> Move | Stays:
    (found,) = plan_train(pipeline.context, Wish(environment, **wish)).lines  # type: ignore[arg-type] # the test's
    return found


def stays(pipeline: Pipeline, environment: str = "stage", **wish: object) -> Stays:
    found = line(pipeline, environment, **wish)
    assert isinstance(found, Stays), found
    return found


def moves(pipeline: Pipeline, environment: str = "stage", **wish: object) -> Move:
    found = line(pipeline, environment, **wish)
    assert isinstance(found, Move), found
    return found


def asked(pipeline: Pipeline, why: str = "incident 42") -> Asked:
    return Asked("anna", pipeline.clock.now(), why)


def test_release_that_is_healthy_upstream_moves_from_what_the_values_file_says(ready: Pipeline) -> None:
    dev, move = ready.run("dev"), moves(ready)
    assert (move.offer.lived.run, move.before) == (dev.id, ("0", "sha256:00000000000…"))
    assert dev.images[""]["tag"] in move.after
    assert len(move.brings) == 1


@pytest.mark.prove
def test_source_changes_since_what_is_there_come_with_titles_and_authors(ready: Pipeline) -> None:
    ready.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": CHAIN}, "Let it through once")
    ready.settle(looks=0)
    ready.settle_live("checkout-dev", "checkout-stage")
    configure(ready, BY_HAND + "# again\n", "By hand again")
    first = ready.run("stage")
    merge(ready, "print('three')\n")
    merge(ready, "print('four')\n")
    ready.settle_live("checkout-dev")
    move = moves(ready)
    assert move.previous == first.commit
    assert len(move.brings) == 2
    assert {one.commit for one in move.brings} == {
        run.commit for run in ready.runs() if run.environment == "dev" and run.commit != first.commit
    }


@pytest.mark.prove
def test_nothing_newer_is_told_where_it_is_there_already(pipeline: Pipeline) -> None:
    configure(pipeline, CHAIN)
    merge(pipeline)
    pipeline.settle_live("checkout-dev", "checkout-stage")
    pipeline.settle_live("checkout-stage")
    assert stays(pipeline).reason is Reason.NOTHING_NEWER


def test_release_that_is_not_healthy_upstream_stays(pipeline: Pipeline) -> None:
    configure(pipeline, BY_HAND)
    merge(pipeline)
    assert stays(pipeline).reason is Reason.NEVER_RAN
    pipeline.settle_live("checkout-dev")
    with pipeline.store.begin() as tx:
        from service.pipeline.deploy.deployments import began  # noqa: PLC0415

        began(tx, pipeline.context, pipeline.run("dev"), "checkout-dev", "Degraded")
    found = stays(pipeline)
    assert (found.reason, "is Degraded in dev" in found.words) == (Reason.NOT_HEALTHY, True)


def test_plan_foresees_that_the_history_is_another_since_a_branch_became_from(pipeline: Pipeline) -> None:
    """What stage has came on its own branch, and what dev has does not contain it: the run would fail."""
    pipeline.stack.github.merge(SOURCE, "staging", {"app.py": "print('staged')\n"})
    pipeline.settle()
    pipeline.settle_live("checkout-stage")
    configure(pipeline, BY_HAND)
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    found = stays(pipeline)
    assert (found.reason, found.commit) == (Reason.REWRITTEN, pipeline.run("dev").commit)
    assert "neither contains it nor is contained in it" in found.words
    configure(pipeline, BY_HAND.replace("automatic: false}", "automatic: false, order: {rewritten: allow}}"))
    assert moves(pipeline).previous == pipeline.run("stage").commit


def test_environment_that_a_branch_feeds_or_another_upstream_is_not_routed(ready: Pipeline) -> None:
    found = stays(ready, "prod", upstream="dev")
    assert (found.reason, found.words) == (Reason.NOT_ROUTED, "prod is fed by stage, and not by dev")
    found = stays(ready, "dev")
    assert (found.reason, "the branch develop of acme/checkout" in found.words) == (Reason.NOT_ROUTED, True)


def gated(pipeline: Pipeline, gates: str) -> Pipeline:
    configure(pipeline, with_gates(gates))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    return pipeline


def test_soak_says_until_when_and_then_it_moves(pipeline: Pipeline) -> None:
    gated(pipeline, "soak: {environment: dev, healthy_for: 30m}")
    found = stays(pipeline)
    assert (found.reason, found.until is not None and found.until > pipeline.clock.now()) == (Reason.SOAK, True)
    pipeline.clock.move(minutes=31)
    moves(pipeline)


@pytest.mark.prove
def test_newest_release_that_is_ready_moves_and_the_newer_one_is_told(pipeline: Pipeline) -> None:
    gated(pipeline, "soak: {environment: dev, healthy_for: 30m}")
    older = pipeline.run("dev")
    pipeline.clock.move(minutes=31)
    merge(pipeline, "print('three')\n")
    pipeline.settle_live("checkout-dev")
    move = moves(pipeline)
    assert move.offer.lived.run == older.id
    assert f"newer {pipeline.run('dev').commit[:12]} is not ready: soak" in move.notes[0]


def test_freeze_keeps_it_until_it_ends_and_an_override_opens_it(pipeline: Pipeline) -> None:
    gated(pipeline, 'freeze: [{from: "2020-01-01", until: "2099-01-01", reason: stocktaking}]')
    found = stays(pipeline)
    assert (found.reason, "stocktaking" in found.words) == (Reason.FREEZE, True)
    move = moves(pipeline, overrides=(Override("freeze", "anna", "urgent"),))
    assert move.overrides == ("freeze",)


def test_what_people_closed_is_the_reason_with_who_and_why(ready: Pipeline) -> None:
    context, here = ready.context, "stage"
    actions.lock(context, asked(ready), environment=here)
    found = stays(ready)
    assert (found.reason, "anna" in found.words, "incident 42" in found.words) == (Reason.LOCK, True, True)
    actions.hold(context, asked(ready), application="checkout", environment=here)
    assert stays(ready).reason is Reason.HOLD
    actions.block(context, asked(ready), ready.run("dev").commit)
    assert stays(ready, overrides=(Override("block", "anna", "urgent"),)).reason is Reason.BLOCK


@pytest.mark.prove
def test_damaged_state_keeps_everything(ready: Pipeline) -> None:
    ready.stack.git.open(MANIFESTS).commit_files("mergeport/state", {"state.yaml": "locks: {\n"}, "By hand")
    assert stays(ready).reason is Reason.DAMAGED


@pytest.mark.prove
def test_pull_request_that_is_open_is_named(pipeline: Pipeline) -> None:
    configure(pipeline, CHAIN)
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    pipeline.settle_live("checkout-stage")
    found = stays(pipeline, "prod")
    number = pipeline.run("prod").pull_request
    assert (found.reason, f"#{number} is open" in found.words) == (Reason.PULL_REQUEST, True)


@pytest.mark.prove
def test_run_that_is_under_way_is_named(pipeline: Pipeline) -> None:
    configure(pipeline, CHAIN.replace("{from: dev}", "{from: dev, manifest: {batch_window: 10m}}"))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    found = stays(pipeline)
    assert (found.reason, pipeline.run("stage").id in found.words) == (Reason.RUN, True)


@pytest.mark.prove
def test_image_that_is_gone_upstream_stays(ready: Pipeline) -> None:
    from service.store import deployments  # noqa: PLC0415

    with ready.store.begin() as tx:
        live = deployments.live(tx, "checkout", "dev")
        assert live is not None
        deployments.misses_image(tx, live, ready.clock.now())
    assert stays(ready).reason is Reason.IMAGE_GONE


@pytest.mark.prove
def test_values_file_that_cannot_be_edited_is_told(ready: Pipeline) -> None:
    ready.stack.github.push(MANIFESTS, "main", {"apps/checkout/values-stage.yaml": "image: [\n"}, "Break it")
    assert stays(ready).reason is Reason.VALUES


def test_named_release_is_found_by_digest_run_and_commit_and_no_other_moves(ready: Pipeline) -> None:
    dev = ready.run("dev")
    for named in (Named(digest=dev.images[""]["digest"]), Named(run=dev.id), Named(commit=dev.commit[:8])):
        assert moves(ready, named=named).offer.lived.run == dev.id
    found = stays(ready, named=Named(commit="f" * 40))
    assert (found.reason, found.words) == (Reason.NEVER_RAN, f"{'f' * 40} was never live in dev")


@pytest.mark.prove
def test_older_release_than_what_is_there_does_not_move_although_it_is_named(pipeline: Pipeline) -> None:
    configure(pipeline, CHAIN)
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    first = pipeline.run("dev")
    merge(pipeline, "print('three')\n")
    pipeline.settle_live("checkout-dev")
    pipeline.settle_live("checkout-stage")
    found = stays(pipeline, named=Named(run=first.id))
    assert (found.reason, "which is newer" in found.words) == (Reason.NOTHING_NEWER, True)


@pytest.mark.prove
def test_busy_upstream_is_looked_back_for_as_long_as_it_takes(pipeline: Pipeline) -> None:
    gated(pipeline, "soak: {environment: dev, healthy_for: 30m}")
    first = pipeline.run("dev")
    pipeline.clock.move(minutes=31)
    for number in range(4):
        merge(pipeline, f"print({number})\n")
        pipeline.settle_live("checkout-dev")
    assert moves(pipeline).offer.lived.run == first.id


def test_what_several_applications_need_to_know_is_asked_once_for_all_of_them(pipeline: Pipeline) -> None:
    text = pipeline.stack.git.open(MANIFESTS).read("main", "apps/checkout/values-stage.yaml")
    assert text is not None
    new = {f"apps/billing/values-{environment}.yaml": text.decode() for environment in ("dev", "stage", "prod")}
    pipeline.stack.github.push(MANIFESTS, "main", new, "Begin billing")
    configure(
        pipeline,
        with_gates('checks: {contexts: ["load"]}, approval: {from: ["team:crew"], commands: true}')
        + f"  billing:\n    source: {SOURCE}\n    argocd: false\n",
    )
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    run = pipeline.run("dev")
    pipeline.stack.github.add_team("acme", "crew", ["bob"])
    with pipeline.store.begin() as tx:
        for application in ("checkout", "billing"):
            digests = [str(pipeline.run("dev", application).images[""]["digest"])]
            given = (run.id, "bob", application, "stage", run.repository, run.commit, digests, "tried", run.created_at)
            approvals.keep(tx, Approval(*given))
    before = len(pipeline.stack.github.faults.requests())
    lines = plan_train(pipeline.context, Wish("stage")).stays
    assert {(one.application, one.reason) for one in lines} == {("checkout", Reason.CHECKS), ("billing", Reason.CHECKS)}
    asked = [one.path for one in pipeline.stack.github.faults.requests()[before:]]
    assert len(asked) == len(set(asked)), sorted(asked)
    assert any(path.endswith("/teams/crew/members") for path in asked)


@pytest.mark.prove
def test_soak_in_an_environment_that_went_on_since_is_looked_back_for(pipeline: Pipeline) -> None:
    """Prod is fed by stage, and has the release before already; dev has had three newer ones since."""
    gates = "gates: {soak: {environment: dev, healthy_for: 30m}}"
    prod = CHAIN.replace("    from: stage\n", f"    from: stage\n    automatic: false\n    {gates}\n")
    configure(pipeline, prod)
    merge(pipeline)
    pipeline.settle_live("checkout-dev", "checkout-stage")
    pipeline.settle_live("checkout-stage")
    text = pipeline.stack.git.open(MANIFESTS).read("main", "apps/checkout/values-stage.yaml")
    assert text is not None
    pipeline.stack.github.push(MANIFESTS, "main", {"apps/checkout/values-prod.yaml": text.decode()}, "By hand")
    merge(pipeline, "print('soaked')\n")
    pipeline.settle_live("checkout-dev")
    pipeline.settle_live("checkout-stage")
    soaked = pipeline.run("stage")
    pipeline.clock.move(minutes=31)
    configure(pipeline, prod.replace("stage: {from: dev", "stage: {automatic: false, from: dev"))
    for number in range(3):
        merge(pipeline, f"print({number})\n")
        pipeline.settle_live("checkout-dev")
    assert moves(pipeline, "prod").offer.lived.run == soaked.id


def test_question_that_failed_is_not_asked_again_for_each_application() -> None:
    answers, asked = Answers(), list[int]()

    def ask() -> str:
        asked.append(1)
        raise RetryableError("GitHub does not answer", code="github-unavailable")

    for _ in range(2):
        with pytest.raises(RetryableError, match="does not answer"):
            answers.once(("team", "crew"), ask)
    assert (answers.once("other", lambda: "told"), len(asked)) == ("told", 1)
