"""One worker of two is killed for good, in every stage: the other one finishes, and everything is there once."""

from __future__ import annotations

import pytest

from tests.fixtures.service import MANIFESTS, Service
from tests.integration.pairs import Hold, first_is_held, hold_at_argocd, hold_before_push, hold_in_intake
from tests.integration.test_crashes import (
    commits,
    hold_after_image,
    hold_after_pull_request,
    hold_after_push,
    hold_at_pull_request,
    hold_before_image,
    images,
)

pytestmark = pytest.mark.prove


@pytest.mark.parametrize(
    "hold",
    [hold_in_intake, hold_before_image, hold_after_image, hold_before_push, hold_after_push, hold_at_argocd],
)
def test_worker_that_dies_for_good_is_taken_over_on_the_way_to_dev(pair: Service, hold: Hold) -> None:
    with first_is_held(pair, hold, "develop") as (commit, gate):
        pair.kill("first")
        gate.release()
        run = pair.wait_run("succeeded", commit=commit, seconds=90)
    pair.wait_status(run, "success")
    assert len(commits(pair)) == 1
    assert len(images(pair)) == 1
    assert len(pair.runs()) == 1


@pytest.mark.parametrize("hold", [hold_at_pull_request, hold_after_pull_request])
def test_worker_that_dies_for_good_leaves_one_pull_request(pair: Service, hold: Hold) -> None:
    with first_is_held(pair, hold, "main") as (commit, gate):
        pair.kill("first")
        gate.release()
        run = pair.wait_run("waiting", commit=commit, environment="prod", message="pull request", seconds=90)
    (opened,) = pair.stack.github.pulls(MANIFESTS, "all")
    assert (opened.number, opened.labels) == (run.pull_request, ["release"])
    assert len(commits(pair, "mergeport/promotion/prod/checkout")) == 1
    assert len(images(pair)) == 1
