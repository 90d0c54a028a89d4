"""`mergeport rollback`: a former release comes back at once as a new commit, and what was gone back from stays away."""

from __future__ import annotations

import pytest

from service.core import trailers
from service.core.state import Cause, Hold
from service.core.words import DeliveryId, RunState, WaitKind
from service.errors import MergeportError
from service.pipeline import actions
from service.pipeline.actions import GoingBack
from service.store import deliveries
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_deploying import merge
from tests.pipeline.test_deployments import deployed
from tests.pipeline.test_downstream import configure
from tests.pipeline.test_state_branch import acting, asked, bare, state

FILE = "apps/checkout/values-dev.yaml"


def values(pipeline: Pipeline, file: str = FILE) -> str:
    return pipeline.stack.git.open(MANIFESTS).text("main", file)


def head(pipeline: Pipeline, form: str = "%H") -> str:
    return pipeline.stack.git.open(MANIFESTS).git("log", "-1", f"--format={form}", "main").strip()


def count(pipeline: Pipeline, branch: str = "main") -> int:
    return int(pipeline.stack.git.open(MANIFESTS).git("rev-list", "--count", branch))


def digest(run: Run) -> str:
    return str(run.images[""]["digest"])


def back(pipeline: Pipeline, environment: str = "dev", why: str = "payments fail", **more: object) -> GoingBack:
    return actions.rollback(
        acting(pipeline),
        asked(pipeline, why),
        application="checkout",
        environment=environment,
        **more,  # type: ignore[arg-type] # fields of it
    )


def hold_of(pipeline: Pipeline, environment: str = "dev") -> Hold | None:
    if "mergeport/state" not in bare(pipeline).branches():
        return None
    found = state(pipeline).by_subject().get(("hold", "checkout", environment))
    assert found is None or isinstance(found, Hold)
    return found


def unhold(pipeline: Pipeline, environment: str = "dev") -> None:
    actions.unhold(acting(pipeline), asked(pipeline, "mended"), application="checkout", environment=environment)


def refused(act: object, code: str) -> MergeportError:
    assert callable(act)
    with pytest.raises(MergeportError) as caught:
        act()
    assert caught.value.code == code
    return caught.value


def committed(pipeline: Pipeline, text: str) -> Run:
    """Merge something and see it committed; give its run."""
    commit = merge(pipeline, text)
    pipeline.settle()
    return pipeline.run(commit=commit)


@pytest.fixture
def watched(pipeline: Pipeline) -> tuple[Run, Run]:
    """Have two releases live in dev, one after the other, as Argo CD tells."""
    return deployed(pipeline, "two"), deployed(pipeline, "three")


@pytest.fixture
def two(pipeline: Pipeline) -> tuple[Run, Run]:
    """Have two releases live in dev, one after the other, where no Argo CD is named: committed is live."""
    configure(pipeline, CONFIGURATION.replace('argocd: "{application}-{environment}"', "argocd: false"), "No Argo CD")
    return committed(pipeline, "two"), committed(pipeline, "three")


def test_the_release_before_comes_back_as_a_new_commit(pipeline: Pipeline, watched: tuple[Run, Run]) -> None:
    first, second = watched
    before = count(pipeline)
    gone = back(pipeline)
    pipeline.settle_live("checkout-dev")
    run = pipeline.ended(gone.run, RunState.SUCCEEDED)
    assert (run.commit, digest(run), count(pipeline)) == (first.commit, digest(first), before + 1)
    assert digest(first) in values(pipeline)
    assert digest(second) not in values(pipeline)


def test_its_commit_tells_from_what_by_whom_and_why(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    back(pipeline)
    pipeline.settle()
    pairs = trailers.parse(head(pipeline, "%B"))
    told = [trailers.value_of(pairs, key) for key in (trailers.ROLLBACK, trailers.ACTOR, trailers.REASON)]
    assert told == [two[1].commit, "anna", "payments fail"]
    assert head(pipeline, "%s") == f"Roll back checkout to {two[0].commit[:12]} in dev"


def test_a_hold_names_what_was_gone_back_from(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    back(pipeline)
    hold = hold_of(pipeline)
    assert hold is not None
    assert (hold.cause, hold.refused, hold.placed.who) == (Cause.ROLLBACK, two[1].commit, "anna")


def test_the_plan_shows_the_difference_and_does_nothing(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    before = count(pipeline), len(pipeline.runs())
    plan = actions.plan_rollback(acting(pipeline), asked(pipeline), application="checkout", environment="dev")
    pipeline.settle()
    assert digest(two[0]) in plan.diff
    assert (count(pipeline), len(pipeline.runs()), hold_of(pipeline)) == (*before, None)


def test_what_is_under_way_ends_at_once_though_it_is_not_healthy(pipeline: Pipeline, watched: tuple[Run, Run]) -> None:
    pipeline.stack.argocd.pace = None
    merge(pipeline, "four")
    pipeline.settle()
    third = pipeline.run()
    assert pipeline.wait(third)[0] is WaitKind.SYNC
    gone = back(pipeline)
    assert pipeline.ended(third, RunState.SUPERSEDED).superseded_by == gone.run.id
    pipeline.settle()
    assert digest(watched[1]) in values(pipeline)


def test_status_of_what_was_gone_back_from_says_so(pipeline: Pipeline, watched: tuple[Run, Run]) -> None:
    back(pipeline)
    pipeline.settle_live("checkout-dev")
    status = pipeline.stack.github.statuses(SOURCE, watched[1].commit, "mergeport/dev")[-1]
    assert (status.state, "rolled back" in (status.description or "")) == ("error", True)
    assert pipeline.stack.github.statuses(SOURCE, watched[0].commit, "mergeport/dev")[-1].state == "success"


# --- asked for again --------------------------------------------------------------------------------


def test_asked_for_again_while_it_is_under_way_it_starts_nothing_new(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    gone = back(pipeline)
    again = back(pipeline)
    assert (again.run.id, again.planned) == (gone.run.id, None)
    pipeline.settle()
    assert count(pipeline, "mergeport/state") == 1


def test_asked_for_again_while_it_waits_it_is_held_again_though_somebody_lifted_the_hold(
    pipeline: Pipeline, two: tuple[Run, Run]
) -> None:
    """The command says that the place is held when it has answered: then it is."""
    actions.lock(acting(pipeline), asked(pipeline), environment="dev")
    back(pipeline)
    pipeline.settle()
    unhold(pipeline)
    assert hold_of(pipeline) is None
    again = back(pipeline)
    hold = hold_of(pipeline)
    assert (again.planned, again.unheld) == (None, None)
    assert hold is not None
    assert hold.refused == two[1].commit
    pipeline.settle()
    unhold(pipeline)
    assert hold_of(pipeline) is None


def test_asked_for_again_when_it_is_done_it_goes_no_further_back(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    committed(pipeline, "four")
    back(pipeline)
    pipeline.settle()
    refused(lambda: back(pipeline), "already-rolled-back")
    assert digest(two[1]) in values(pipeline)


def test_a_named_release_goes_further_back(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    committed(pipeline, "four")
    back(pipeline)
    pipeline.settle()
    back(pipeline, to=two[0].id)
    pipeline.settle()
    assert digest(two[0]) in values(pipeline)
    assert count(pipeline, "mergeport/state") == 1


def test_a_step_back_from_a_newer_release_comes_to_the_one_that_was_gone_back_to(
    pipeline: Pipeline, two: tuple[Run, Run]
) -> None:
    """Not to the one that was gone back from."""
    back(pipeline)
    pipeline.settle()
    unhold(pipeline)
    merge(pipeline, "four")
    pipeline.settle()
    back(pipeline)
    pipeline.settle()
    assert digest(two[1]) not in values(pipeline)


# --- what it names and refuses ----------------------------------------------------------------------


def test_a_release_is_named_in_any_way(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    first = two[0]
    image = first.images[""]
    full = f"{image['registry']}/checkout:{image['tag']}@{image['digest']}"
    short, tagged = first.commit[:8], f"checkout:{image['tag']}"
    for name in (first.id, first.commit, short, first.manifest_commit, full, tagged, image["digest"]):
        plan = actions.plan_rollback(
            acting(pipeline), asked(pipeline), application="checkout", environment="dev", to=str(name)
        )
        assert (plan.release.commit, plan.back.refused) == (first.commit, two[1].commit), name


def test_what_was_never_there_is_no_release(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    for name in ("f" * 40, "01M8M9S7AWWPX2MCFRQHM4MHD7", "checkout:unknown", "nonsense at all"):
        refused(lambda name=name: back(pipeline, to=name), "release-unknown")
    assert hold_of(pipeline) is None


def test_the_release_that_is_there_is_nothing_to_go_back_to(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    refused(lambda: back(pipeline, to=two[1].commit), "release-is-there")


def test_nothing_is_before_the_first_release(pipeline: Pipeline) -> None:
    committed(pipeline, "two")
    refused(lambda: back(pipeline), "no-former-release")


def test_image_that_is_gone_is_found_before_anything_is_done(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    pipeline.delete_image(digest(two[0]))
    refused(lambda: back(pipeline), "image-gone")
    assert (hold_of(pipeline), values(pipeline).count(digest(two[1]))) == (None, 1)


def test_blocked_release_is_never_gone_back_to(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    actions.block(acting(pipeline), asked(pipeline), digest(two[0]))
    refused(lambda: back(pipeline), "blocked")


def test_what_was_gone_back_from_is_not_gone_back_to(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    back(pipeline)
    pipeline.settle()
    refused(lambda: back(pipeline, to=two[1].commit), "release-refused")


def test_a_lock_lets_it_wait_and_says_so(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    actions.lock(acting(pipeline), asked(pipeline, "migration"), environment="dev")
    gone = back(pipeline)
    assert gone.planned is not None
    assert "locked by anna" in gone.planned.waits
    pipeline.settle()
    assert "locked" in pipeline.wait(pipeline.run())[1]
    actions.unlock(acting(pipeline), asked(pipeline), environment="dev")
    pipeline.settle()
    assert digest(two[0]) in values(pipeline)


# --- afterwards -------------------------------------------------------------------------------------


def test_newer_release_waits_at_the_hold_and_comes_when_it_is_lifted(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    back(pipeline)
    pipeline.settle()
    missed = merge(pipeline, "four")
    pipeline.settle()
    newest = merge(pipeline, "five")
    pipeline.settle()
    assert "held" in pipeline.wait(pipeline.run(commit=newest))[1]
    assert digest(two[0]) in values(pipeline)
    unhold(pipeline)
    pipeline.settle()
    assert digest(pipeline.run(commit=newest)) in values(pipeline)
    pipeline.ended(pipeline.run(commit=missed), RunState.SUPERSEDED)


def test_unholding_brings_what_was_gone_back_from_if_it_is_the_newest(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    back(pipeline)
    pipeline.settle()
    before = count(pipeline)
    unhold(pipeline)
    pipeline.settle()
    assert (digest(two[1]) in values(pipeline), count(pipeline)) == (True, before + 1)


def test_retry_of_what_was_gone_back_from_waits_at_the_hold(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    back(pipeline)
    pipeline.settle()
    with pipeline.store.begin() as tx:
        again = actions.retry(tx, two[1].id, by="ben", at=pipeline.clock.now())
    pipeline.queue.enqueue_run(again)
    pipeline.settle()
    assert "held" in pipeline.wait(again)[1]
    assert digest(two[0]) in values(pipeline)


def test_redelivered_push_of_what_was_gone_back_from_starts_nothing(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    back(pipeline)
    pipeline.settle()
    before = len(pipeline.runs())
    old = next(
        one for one in pipeline.stack.github.deliveries if one.event == "push" and two[1].commit.encode() in one.body
    )
    with pipeline.store.begin() as tx:
        deliveries.accept(
            tx, id=DeliveryId("of-another-hook"), source="github", event="push", repository=SOURCE, body=old.body,
            at=pipeline.clock.now(),
        )  # fmt: skip
    pipeline.settle()
    assert len(pipeline.runs()) == before
