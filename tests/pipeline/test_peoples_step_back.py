"""A revert by a person, or a hand edit to an ancestor, is a rollback: held, its author told. Other edits are drift."""

from __future__ import annotations

import pytest

from service.core.state import Cause
from service.core.words import RunState
from service.store.runs import Run
from tests.fixtures.service import CONFIGURATION, MANIFESTS
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_deployments import deployed
from tests.pipeline.test_downstream import configure
from tests.pipeline.test_rollback import FILE, back, committed, count, digest, hold_of, refused, unhold, values

QUIET = CONFIGURATION.replace('argocd: "{application}-{environment}"', "argocd: false")


@pytest.fixture
def two(pipeline: Pipeline) -> tuple[Run, Run]:
    """Have two releases committed in dev, where no Argo CD is named."""
    configure(pipeline, QUIET)
    return committed(pipeline, "two"), committed(pipeline, "three")


def at(pipeline: Pipeline, run: Run) -> str:
    return pipeline.stack.git.open(MANIFESTS).text(run.manifest_commit or "", FILE)


def pushed(pipeline: Pipeline, text: str, message: str = "Go back by hand") -> str:
    commit = pipeline.stack.github.push(MANIFESTS, "main", {FILE: text}, message, author="carol")
    pipeline.settle()
    return commit


def reverted(pipeline: Pipeline, first: Run, second: Run) -> str:
    return pushed(pipeline, at(pipeline, first), f'Revert "Promote"\n\nThis reverts commit {second.manifest_commit}.')


def test_revert_of_our_commit_is_held_for_its_author(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    commit = reverted(pipeline, *two)
    hold = hold_of(pipeline)
    assert hold is not None
    assert (hold.cause, hold.refused, hold.placed.who) == (Cause.REVERT, two[1].commit, "carol")
    assert commit[:12] in hold.placed.why


def test_author_is_told_how_to_lift_it(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    commit = reverted(pipeline, *two)
    (status,) = pipeline.stack.github.statuses(MANIFESTS, commit, "mergeport/hold/dev/checkout")
    assert "mergeport unhold checkout dev" in (status.description or "")


def test_hand_edit_to_an_ancestor_is_held_too(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    pushed(pipeline, at(pipeline, two[0]))
    hold = hold_of(pipeline)
    assert hold is not None
    assert hold.cause is Cause.REVERT


def test_hand_edit_to_something_unknown_is_drift_and_left(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    text = values(pipeline).replace(digest(two[1]), "sha256:" + "7" * 64)
    pushed(pipeline, text, "Try something")
    assert (hold_of(pipeline), values(pipeline)) == (None, text)


def test_edit_beside_our_values_is_nothing(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    pushed(pipeline, values(pipeline) + "more: 1\n")
    assert hold_of(pipeline) is None


def test_revert_is_held_once_however_often_it_is_told(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    reverted(pipeline, *two)
    pushed(pipeline, values(pipeline) + "more: 1\n", "Write")
    assert count(pipeline, "mergeport/state") == 1


def test_revert_is_not_held_again_after_it_was_lifted(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    reverted(pipeline, *two)
    pipeline.queue.seen.clear()
    unhold(pipeline)
    pushed(pipeline, values(pipeline) + "more: 1\n", "Write")
    assert hold_of(pipeline) is None


def test_newer_release_waits_after_a_revert_and_unholding_brings_it(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    reverted(pipeline, *two)
    third = committed(pipeline, "four")
    assert "held after a revert by carol" in pipeline.wait(third)[1]
    unhold(pipeline)
    pipeline.settle()
    assert digest(pipeline.ended(third, RunState.SUCCEEDED)) in values(pipeline)


def test_unholding_after_a_revert_brings_what_was_reverted(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    reverted(pipeline, *two)
    unhold(pipeline)
    pipeline.settle()
    assert digest(two[1]) in values(pipeline)


def test_rollback_after_a_revert_goes_no_further_back(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    reverted(pipeline, *two)
    refused(lambda: back(pipeline), "already-rolled-back")


def test_revert_of_a_rollback_goes_forward_and_is_no_step_back(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    gone = back(pipeline)
    pipeline.settle()
    reverted(pipeline, two[1], pipeline.ended(gone.run, RunState.SUCCEEDED))
    assert count(pipeline, "mergeport/state") == 1


def test_force_push_to_before_our_commit_is_a_step_back(pipeline: Pipeline, two: tuple[Run, Run]) -> None:
    pipeline.stack.github.force_push(MANIFESTS, "main", two[0].manifest_commit or "", author="carol")
    pipeline.settle()
    assert hold_of(pipeline) is not None


def test_revert_that_no_hook_tells_is_held_at_the_next_look(pipeline: Pipeline) -> None:
    first, second = deployed(pipeline, "two"), deployed(pipeline, "three")
    bare = pipeline.stack.git.open(MANIFESTS)
    bare.commit_files("main", {FILE: at(pipeline, first)}, f"Back\n\nThis reverts commit {second.manifest_commit}.")
    from service.pipeline.deploy.live_watch import look_at_live  # noqa: PLC0415 - one test of a slower way

    pipeline.stack.argocd.refresh("checkout-dev")
    pipeline.settle_live("checkout-dev")
    pipeline.clock.move(minutes=2)
    look_at_live(pipeline.context)
    assert hold_of(pipeline) is not None
