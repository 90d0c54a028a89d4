"""What people do comes exactly between two steps of ours: before our own call returns, or while a push is under way."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from devstack.faults import Gate
from service.core.words import RunState, WaitKind
from service.pipeline import actions
from service.store.runs import Run
from tests.fixtures.service import MANIFESTS, SOURCE
from tests.pipeline.harness import Pipeline
from tests.pipeline.test_landing import APPROVAL, BY_US, asked
from tests.pipeline.test_proposal_life import policy, propose, pull_of

PULLS = "/repos/acme/manifests/pulls"


def merge_pull(pipeline: Pipeline, number: int) -> None:
    """Merge it as a person does, and let the service hear of it."""
    pipeline.stack.github.merge_pull(MANIFESTS, number, by="grace")
    pipeline.settle(looks=0)


def at(pipeline: Pipeline, gate: Gate, person: Callable[[], None], text: str = "print('three')\n") -> None:
    """Merge a source change, and do something when its run reaches the gate."""

    def there() -> None:
        gate.wait_arrived()
        person()
        gate.release()

    pipeline.stack.github.merge(SOURCE, "main", {"app.py": text})
    pipeline.beside(there)


def live(pipeline: Pipeline, run: Run) -> Run:
    pipeline.clock.move(minutes=1)
    pipeline.settle_live("checkout-prod")
    return pipeline.ended(run, RunState.SUCCEEDED)


def promoted(pipeline: Pipeline) -> list[str]:
    """Name the source commits of our promotions on main, oldest first."""
    form = "--format=%(trailers:key=Source-Commit,valueonly)"
    log = pipeline.stack.git.open(MANIFESTS).git("log", "--reverse", form, "main")
    return list(dict.fromkeys(line for line in log.splitlines() if line))


def test_merge_that_is_heard_of_before_our_opening_returns_is_one_release(pipeline: Pipeline) -> None:
    gate = pipeline.stack.github.faults.hang(method="POST", path=f"{PULLS}$", after=True)
    at(pipeline, gate, lambda: merge_pull(pipeline, pull_of(pipeline).number))
    run = live(pipeline, pipeline.run("prod"))
    assert (run.manifest_commit, len(pipeline.stack.github.pulls(MANIFESTS))) == (pull_of(pipeline).merge_commit_sha, 1)
    assert promoted(pipeline) == [run.commit]


@pytest.mark.prove
def test_merge_that_is_heard_of_before_our_update_returns_brings_the_newer_release(pipeline: Pipeline) -> None:
    older = propose(pipeline)
    gate = pipeline.stack.github.faults.hang(method="PATCH", path=f"{PULLS}/", after=True)
    at(pipeline, gate, lambda: merge_pull(pipeline, pull_of(pipeline).number))
    run = live(pipeline, pipeline.run("prod"))
    assert pipeline.ended(older, RunState.SUPERSEDED).superseded_by == run.id
    assert (run.manifest_commit, len(pipeline.stack.github.pulls(MANIFESTS))) == (pull_of(pipeline).merge_commit_sha, 1)
    assert promoted(pipeline) == [run.commit]


@pytest.mark.prove
def test_merge_of_ours_that_is_heard_of_before_our_own_call_returns_is_one_release(pipeline: Pipeline) -> None:
    policy(pipeline, BY_US)
    gate = pipeline.stack.github.faults.hang(method="PUT", path=f"{PULLS}/.*/merge$", after=True)
    at(pipeline, gate, lambda: pipeline.settle(looks=0))
    run = live(pipeline, pipeline.run("prod"))
    assert run.manifest_commit == pull_of(pipeline).merge_commit_sha
    assert (promoted(pipeline), len(pipeline.runs())) == ([run.commit], 1)


@pytest.mark.prove
def test_merge_while_our_push_of_a_newer_release_is_under_way_loses_neither(pipeline: Pipeline) -> None:
    """The older release is merged, and the newer one has a pull request of its own."""
    older = propose(pipeline)
    number = pull_of(pipeline).number
    gate = pipeline.stack.git.faults.hang(method="POST", path="acme/manifests.*git-receive-pack")
    at(pipeline, gate, lambda: merge_pull(pipeline, number))
    pipeline.clock.move(minutes=1)
    pipeline.settle_live("checkout-prod")
    newer = pipeline.run("prod")
    assert promoted(pipeline) == [older.commit]
    assert (newer.state, pipeline.wait(newer)[0]) == (RunState.WAITING, WaitKind.PULL_REQUEST)
    assert newer.pull_request not in {None, number}
    merge_pull(pipeline, newer.pull_request or 0)
    live(pipeline, newer)
    assert promoted(pipeline) == [older.commit, newer.commit]


def test_hold_that_comes_while_our_merge_is_prepared_keeps_it_from_being_merged(pipeline: Pipeline) -> None:
    policy(pipeline, BY_US, APPROVAL)
    run = propose(pipeline)
    pipeline.stack.github.review_pull(MANIFESTS, pull_of(pipeline).number, by="grace")
    gate = pipeline.stack.git.faults.hang(method="GET", path="acme/manifests.*info/refs")

    def person() -> None:
        gate.wait_arrived()
        actions.hold(pipeline.context, asked(pipeline), application="checkout", environment="prod")
        gate.release()

    pipeline.clock.move(minutes=6)
    pipeline.beside(person, looks=0)
    assert not pull_of(pipeline).merged
    actions.unhold(pipeline.context, asked(pipeline), application="checkout", environment="prod")
    live(pipeline, run)


@pytest.mark.prove
def test_lock_that_comes_while_our_opening_is_under_way_closes_its_gate(pipeline: Pipeline) -> None:
    policy(pipeline, BY_US)
    gate = pipeline.stack.github.faults.hang(method="POST", path=f"{PULLS}$")
    at(pipeline, gate, lambda: _lock(pipeline))
    assert not pull_of(pipeline).merged
    assert pipeline.wait(pipeline.run("prod"))[0] is WaitKind.PULL_REQUEST


def _lock(pipeline: Pipeline) -> None:
    actions.lock(pipeline.context, asked(pipeline), environment="prod")
