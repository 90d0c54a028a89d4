"""A worker stands still for longer than its lease (SIGSTOP) and wakes up: it repeats nothing that people see."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest

from devstack.faults import Gate
from tests.fixtures.service import MANIFESTS, SOURCE, Service, poll
from tests.integration.pairs import Hold, first_is_held, hold_at_status, hold_before_push, hold_in_intake
from tests.integration.test_crashes import (
    commits,
    hold_at_pull_request,
    hold_before_image,
    hold_before_pull_request,
    images,
)

pytestmark = pytest.mark.prove


def statuses(service: Service, commit: str, environment: str = "dev") -> list[str]:
    return [one.state for one in service.stack.github.statuses(SOURCE, commit, f"mergeport/{environment}")]


def stop_and_wake(pair: Service, gate: Gate, done: Callable[[], object]) -> None:
    """Stop the first worker until the second has done the work; then release what hung, and the first worker."""
    pair.processes["first"].send_signal(signal.SIGSTOP)
    try:
        done()
        gate.release()
    finally:
        pair.processes["first"].send_signal(signal.SIGCONT)
    poll(
        lambda: "taken for dead" in pair.output.read_text(),
        seconds=90,
        what="the first worker's word that it stood still",
    )


def wait_told(pair: Service, words: str) -> None:
    poll(lambda: words in pair.output.read_text(), seconds=90, what=f"`{words}` in the first worker's log")


@pytest.mark.parametrize(
    ("hold", "words"),
    [
        (hold_in_intake, "another worker has the delivery"),
        (hold_before_image, "another attempt of the build goes on"),
        (hold_before_push, "another workflow has the run"),
    ],
)
def test_worker_that_wakes_up_repeats_nothing_in_dev(pair: Service, hold: Hold, words: str) -> None:
    with first_is_held(pair, hold, "develop") as (commit, gate):
        stop_and_wake(pair, gate, lambda: pair.wait_run("succeeded", commit=commit, seconds=90))
        wait_told(pair, words)
    pair.wait_status(pair.wait_run("succeeded", commit=commit, seconds=90), "success")
    told = statuses(pair, commit)
    assert told.index("success") == len(told) - 1, told
    assert len(commits(pair)) == 1
    assert len(images(pair)) == 1
    assert len(pair.runs()) == 1


@pytest.mark.parametrize("hold", [hold_before_pull_request, hold_at_pull_request])
def test_worker_that_wakes_up_opens_no_second_pull_request(pair: Service, hold: Hold) -> None:
    with first_is_held(pair, hold, "main") as (commit, gate):

        def waiting() -> object:
            return pair.wait_run("waiting", commit=commit, environment="prod", message="pull request", seconds=90)

        stop_and_wake(pair, gate, waiting)
        wait_told(pair, "another workflow has the run")
    (opened,) = pair.stack.github.pulls(MANIFESTS, "all")
    pair.stack.github.merge_pull(MANIFESTS, opened.number, by="release-manager")
    run = pair.wait_run("succeeded", commit=commit, environment="prod")
    assert (run.pull_request, len(commits(pair, "mergeport/promotion/prod/checkout"))) == (opened.number, 1)
    assert len(pair.stack.github.pulls(MANIFESTS, "all")) == 1


def test_status_that_arrives_late_is_put_right(pair: Service) -> None:
    with first_is_held(pair, hold_at_status, "develop") as (commit, gate):

        def success_is_shown() -> None:
            pair.wait_status(pair.wait_run("succeeded", commit=commit, seconds=90), "success")

        stop_and_wake(pair, gate, success_is_shown)
        wait_told(pair, "status sent late")
    poll(lambda: statuses(pair, commit)[-2:] == ["pending", "success"], what="the newest status once more")
