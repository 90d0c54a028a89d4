"""Listed values go along with a release, from the environment upstream, and back again with a rollback."""

from __future__ import annotations

import pytest

from service.core import trailers
from service.core.carry import Carried
from service.core.train import Move, Reason, Stays
from service.core.words import RunState
from service.pipeline import actions
from service.pipeline.promote.carrying import carried_from
from service.store.runs import Run
from tests.fixtures.service import MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_downstream import CHAIN, configure, images, merge, runs_to
from tests.pipeline.test_rollback import count, head
from tests.pipeline.test_state_branch import acting, asked
from tests.pipeline.test_train import do, plan

CARRYING = CHAIN.replace("stage: {from: dev}", "stage: {from: dev, carry: [replicas, features.x]}")
QUIET = CARRYING.replace('argocd: "{application}-{environment}"', "argocd: false")
BY_HAND = QUIET.replace("stage: {from: dev,", "stage: {from: dev, automatic: false,")
REPLICAS = "replicas: {}  # keep two"


def file(environment: str) -> str:
    return f"apps/checkout/values-{environment}.yaml"


def values(pipeline: Pipeline, environment: str = "stage", branch: str = "main") -> str:
    return pipeline.stack.git.open(MANIFESTS).text(branch, file(environment))


def edit(pipeline: Pipeline, old: str, new: str, environment: str = "dev") -> None:
    text = values(pipeline, environment).replace(old, new)
    assert text != values(pipeline, environment)
    pipeline.stack.github.push(MANIFESTS, "main", {file(environment): text}, f"Edit {environment}")


def scale(pipeline: Pipeline, before: int, after: int, environment: str = "dev") -> None:
    edit(pipeline, f"replicas: {before}", f"replicas: {after}", environment)


def begun(pipeline: Pipeline, text: str) -> Pipeline:
    configure(pipeline, text)
    scale(pipeline, 2, 3)
    return pipeline


def release(pipeline: Pipeline, text: str) -> Run:
    merge(pipeline, f"print('{text}')\n")
    return pipeline.run("dev")


def test_listed_value_goes_along_in_one_commit_with_the_images_and_comments_stay(pipeline: Pipeline) -> None:
    begun(pipeline, QUIET)
    before = count(pipeline)
    release(pipeline, "two")
    stage = pipeline.run("stage")
    assert stage.state is RunState.SUCCEEDED
    assert REPLICAS.format(3) in values(pipeline)
    assert str(images(stage)) in values(pipeline)
    assert count(pipeline) == before + 2
    message = head(pipeline, "%B")
    carried = Carried.read(stage.carried)
    assert carried is not None
    assert (carried.values, carried.absent) == (((file("stage"), "replicas", 3),), ("features.x",))
    told = trailers.value_of(trailers.parse(message), trailers.CARRIED)
    assert told == f"dev@{(carried.commit or '')[:12]}: replicas"
    assert f"- {file('stage')}: replicas 2 -> 3" in message


@pytest.mark.prove
def test_value_is_read_where_it_is_live_and_not_at_the_tip(pipeline: Pipeline) -> None:
    begun(pipeline, CARRYING.replace("{from: dev,", "{from: dev, automatic: false,"))
    merge(pipeline)
    pipeline.settle_live("checkout-dev")
    target = pipeline.context.configurations.current().target("checkout", "stage")
    assert target is not None

    def replicas() -> object:
        found = carried_from(pipeline.context, target, pipeline.run("dev"))
        return [value for _, path, value in found.values if path == "replicas"]

    scale(pipeline, 3, 7)
    assert replicas() == [3]
    pipeline.settle_live("checkout-dev")
    scale(pipeline, 7, 9)
    assert replicas() == [7]


@pytest.mark.prove
def test_missing_key_is_added_downstream(pipeline: Pipeline) -> None:
    begun(pipeline, QUIET)
    edit(pipeline, "image:\n", "features: {x: true}\nimage:\n")
    release(pipeline, "two")
    assert "features:\n  x: true\n" in values(pipeline)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("replicas: 3", "replicas: [3]", "is a list"),
        pytest.param("replicas: 3", "replicas: ENC[AES256_GCM,data:x]", "is encrypted", marks=pytest.mark.prove),
    ],
)
def test_what_cannot_go_along_fails_the_run_with_nothing_written(
    pipeline: Pipeline, old: str, new: str, words: str
) -> None:
    begun(pipeline, QUIET)
    edit(pipeline, old, new)
    was = values(pipeline)
    release(pipeline, "two")
    stage = pipeline.run("stage")
    assert (stage.state, stage.code) == (RunState.FAILED, "carry-refused")
    assert words in stage.message
    assert values(pipeline) == was


@pytest.mark.prove
def test_scalar_does_not_replace_a_mapping_downstream(pipeline: Pipeline) -> None:
    begun(pipeline, QUIET)
    edit(pipeline, "replicas: 2", "replicas: {min: 2}", "stage")
    release(pipeline, "two")
    assert (pipeline.run("stage").state, pipeline.run("stage").code) == (RunState.FAILED, "values-not-scalar")


def test_plan_and_pull_request_tell_what_goes_along(pipeline: Pipeline) -> None:
    begun(pipeline, BY_HAND.replace("automatic: false,", "automatic: false, publish: pull-request,"))
    release(pipeline, "two")
    planned = plan(pipeline)
    (move,) = planned.moves
    assert isinstance(move, Move)
    assert [(one.path, one.before, one.after) for one in move.offer.along] == [("replicas", "2", "3")]
    assert "3" not in move.after
    scale(pipeline, 3, 7)
    do(pipeline, planned)
    body = pipeline.stack.github.pulls(MANIFESTS, "open")[0].body or ""
    assert "| `replicas` | `2` | `3` |" in body
    assert "With it: carried from dev" in body


def test_value_alone_is_nothing_newer_and_a_hand_edit_of_it_is_left(pipeline: Pipeline) -> None:
    begun(pipeline, BY_HAND)
    release(pipeline, "two")
    do(pipeline, plan(pipeline))
    scale(pipeline, 3, 5)
    scale(pipeline, 3, 8, "stage")
    pipeline.settle()
    (line,) = plan(pipeline).lines
    assert isinstance(line, Stays)
    assert line.reason is Reason.NOTHING_NEWER
    assert pipeline.run("stage").state is RunState.SUCCEEDED
    assert REPLICAS.format(8) in values(pipeline)


def two_releases(pipeline: Pipeline) -> tuple[Run, Run]:
    """Have a release with three replicas in stage, and then one with five."""
    begun(pipeline, QUIET)
    release(pipeline, "two")
    first = pipeline.run("stage")
    scale(pipeline, 3, 5)
    release(pipeline, "three")
    assert REPLICAS.format(5) in values(pipeline)
    return first, pipeline.run("stage")


@pytest.mark.parametrize(("images_only", "replicas"), [(False, 3), (True, 5)])
def test_rollback_takes_carried_values_back_unless_only_images_are_wanted(
    pipeline: Pipeline, images_only: bool, replicas: int
) -> None:
    first, second = two_releases(pipeline)
    gone = actions.rollback(
        acting(pipeline), asked(pipeline, "slow"), application="checkout", environment="stage", images_only=images_only
    )
    assert gone.planned is not None
    assert ("+replicas: 3" in gone.planned.diff) is not images_only
    pipeline.settle()
    assert str(images(first)) in values(pipeline)
    assert str(images(second)) not in values(pipeline)
    assert REPLICAS.format(replicas) in values(pipeline)
    assert len(runs_to(pipeline, "stage")) == 3
