"""A branch that is moved back to a commit whose runs are there already starts them again, and `order` decides."""

from __future__ import annotations

from dataclasses import replace

import pytest

from service.core.words import RunState
from tests.fixtures.service import SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_order import configure, push, standing


def two(pipeline: Pipeline, order: str) -> tuple[str, str]:
    """Deploy two commits, one after the other."""
    configure(pipeline, order)
    old = push(pipeline, "old")
    pipeline.settle_live("checkout-dev")
    new = push(pipeline, "new")
    pipeline.settle_live("checkout-dev")
    return old, new


def generations(pipeline: Pipeline) -> list[tuple[str, int]]:
    return [(run.commit, run.generation) for run in reversed(pipeline.runs())]


def test_forced_back_branch_deploys_the_older_commit_where_order_is_off(pipeline: Pipeline) -> None:
    old, new = two(pipeline, "off")
    pipeline.stack.github.force_push(SOURCE, "develop", old)
    pipeline.settle_live("checkout-dev")
    assert generations(pipeline) == [(old, 0), (new, 0), (old, 1)]
    assert (pipeline.run().state, standing(pipeline)) == (RunState.SUCCEEDED, old[:12])


def test_order_by_ancestry_keeps_what_is_deployed_and_says_so(pipeline: Pipeline) -> None:
    old, new = two(pipeline, "ancestry")
    pipeline.stack.github.force_push(SOURCE, "develop", old)
    pipeline.settle_live("checkout-dev")
    run = pipeline.ended(pipeline.run(), RunState.SUPERSEDED)
    assert (run.commit, run.generation, new[:12] in run.message) == (old, 1, True)
    assert standing(pipeline) == new[:12]


def test_branch_that_goes_forward_again_deploys_the_newer_commit_again(pipeline: Pipeline) -> None:
    old, new = two(pipeline, "off")
    for commit in (old, new):
        pipeline.stack.github.force_push(SOURCE, "develop", commit)
        pipeline.settle_live("checkout-dev")
    assert generations(pipeline)[2:] == [(old, 1), (new, 1)]
    assert standing(pipeline) == new[:12]


def test_branch_that_was_deleted_and_made_again_counts_as_moved_back(pipeline: Pipeline) -> None:
    old, _ = two(pipeline, "off")
    pipeline.stack.github.delete_branch(SOURCE, "develop")
    pipeline.stack.github.force_push(SOURCE, "develop", old)
    pipeline.settle_live("checkout-dev")
    assert standing(pipeline) == old[:12]


@pytest.mark.parametrize("which", ["forced", "first"])
def test_same_push_by_a_second_webhook_starts_nothing_more(pipeline: Pipeline, which: str) -> None:
    old, new = two(pipeline, "off")
    sent = pipeline.stack.github.state.deliveries
    if which == "forced":
        pipeline.stack.github.force_push(SOURCE, "develop", old)
        pipeline.settle_live("checkout-dev")
    one = next(
        one for one in (sent if which == "first" else reversed(sent)) if (one.repository, one.event) == (SOURCE, "push")
    )
    before = generations(pipeline)
    sent.append(replace(one, guid="another-webhooks-id"))
    pipeline.settle_live("checkout-dev")
    assert generations(pipeline) == before
    assert "its runs exist already" in pipeline.delivery("push").reason
    assert standing(pipeline) == (old if which == "forced" else new)[:12]
