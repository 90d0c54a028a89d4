"""What is pushed together and in which order, and that nothing in a batch harms the rest of it."""

from __future__ import annotations

import pytest

from devstack.git_backend import RefUpdate
from service.core.config import Target
from service.core.values import FileEdit
from service.core.words import Repository, RunState, WaitKind
from service.pipeline.manifest.collect import LOOK_SECONDS, QUIET_SECONDS
from service.pipeline.manifest.place import wanted_edits
from service.store import edits, runs, waits
from service.store.runs import Run
from tests.fixtures.service import MANIFESTS, VALUES
from tests.pipeline.crowd import merge, pushed, runs_by_name, settle_in, states, wait_all, written
from tests.pipeline.harness import Pipeline

NAMES = ("checkout", "cart", "search", "orders")
WINDOW = "{branch: develop, manifest: {batch_window: 30s}}"


def test_run_alone_is_written_without_waiting_for_anybody(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout")
    merge(pipeline)
    began = pipeline.clock.now()
    pipeline.settle(looks=0)
    run = pipeline.run()
    assert run.manifest_commit is not None
    assert pipeline.clock.now() == began
    with pipeline.store.read() as tx:
        assert {wait.kind for wait in waits.of_run(tx, run.id)} == {WaitKind.BUILD}


@pytest.mark.rows_decide
def test_what_waits_for_the_branch_is_written_in_one_push_in_the_order_of_acceptance(pipeline: Pipeline) -> None:
    settle_in(pipeline, *NAMES)
    merge(pipeline)
    pipeline.queue.runs.reverse()
    wait_all(pipeline)
    pipeline.settle()
    assert pushed(pipeline) == [list(NAMES)]
    assert {state for state, _ in states(pipeline, NAMES).values()} == {RunState.SUCCEEDED}


def test_writer_waits_a_moment_for_a_run_that_is_on_its_way(pipeline: Pipeline) -> None:
    settle_in(pipeline, *NAMES[:2])
    merge(pipeline)
    pipeline.queue.runs = [entry for entry in pipeline.queue.runs if entry[0].application == NAMES[0]]
    began = pipeline.clock.now()
    pipeline.settle(looks=0)
    waited = (pipeline.clock.now() - began).total_seconds()
    assert waited == pytest.approx(QUIET_SECONDS, abs=LOOK_SECONDS)
    assert written(pipeline) == [NAMES[0]]


@pytest.mark.rows_decide
def test_nobody_is_overtaken_by_a_stream_of_later_edits(pipeline: Pipeline) -> None:
    """At each push, a run arrives that was accepted later; those that already wait still go first."""
    settle_in(pipeline, *NAMES)
    merge(pipeline)
    found = runs_by_name(pipeline)
    held = {name: found[name] for name in NAMES[2:]}
    pipeline.queue.runs = [entry for entry in pipeline.queue.runs if entry[0].application in NAMES[:2]]
    wait_all(pipeline)
    with pipeline.store.begin() as tx:
        images = {name: runs.get(tx, found[name].id) for name in NAMES[:2]}

    def another(repository: str, user: str, updates: list[RefUpdate]) -> None:
        if repository == MANIFESTS and held:
            _name, run = held.popitem()
            with pipeline.store.begin() as tx:
                known = images["checkout"]
                assert known is not None
                runs.update(tx, run.id, at=pipeline.clock.now(), images=known.images)
                edits.ensure(
                    tx, run_id=run.id, repository=Repository(MANIFESTS), branch="main", application=run.application,
                    environment="dev", at=pipeline.clock.now(),
                )  # fmt: skip

    pipeline.stack.git.listeners.append(another)
    pipeline.settle()
    assert [sorted(names) for names in pushed(pipeline)] == [["cart", "checkout"], ["orders"], ["search"]]


def test_window_gathers_and_lets_nobody_wait_longer(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout", "cart", dev=WINDOW)
    merge(pipeline)
    late = pipeline.queue.runs.pop()
    pipeline.settle(looks=0)
    pipeline.clock.move(seconds=20)
    pipeline.queue.runs.append(late)
    pipeline.settle()
    assert written(pipeline) == []
    kind, saw = pipeline.wait(pipeline.run(application="checkout"))
    assert (kind, saw.startswith("gathers promotions to acme/manifests@main until ")) == (WaitKind.PUSH, True)
    pipeline.clock.move(seconds=11)
    pipeline.settle()
    assert [sorted(names) for names in pushed(pipeline)] == [["cart", "checkout"]]


def test_window_of_one_environment_does_not_hold_up_another(pipeline: Pipeline) -> None:
    """A run without a window writes at once, and also writes what waits for the same branch."""
    settle_in(pipeline, "checkout", "cart", dev=WINDOW, own={"cart": "{manifest: {batch_window: 1s}}"})
    merge(pipeline)
    first = next(entry for entry in pipeline.queue.runs if entry[0].application == "checkout")
    second = next(entry for entry in pipeline.queue.runs if entry[0].application == "cart")
    pipeline.queue.runs = [first]
    pipeline.settle()
    assert written(pipeline) == []
    pipeline.clock.move(seconds=2)
    pipeline.queue.runs = [second]
    pipeline.settle()
    assert [sorted(names) for names in pushed(pipeline)] == [["cart", "checkout"]]


@pytest.mark.parametrize("off", ["checkout", "cart"])
def test_what_is_switched_off_while_a_batch_gathers_is_not_written_with_it(pipeline: Pipeline, off: str) -> None:
    settle_in(pipeline, "checkout", "cart", dev=WINDOW)
    merge(pipeline)
    pipeline.settle()
    text = pipeline.stack.git.open(MANIFESTS).text("main", "mergeport.yaml")
    less = text.replace(f"  {off}: {{", f"  {off}: {{environments: {{dev: false}}, ")
    pipeline.stack.github.push(MANIFESTS, "main", {"mergeport.yaml": less}, "Switch it off")
    pipeline.settle(looks=0)
    pipeline.clock.move(seconds=31)
    pipeline.settle()
    (other,) = {"checkout", "cart"} - {off}
    assert pushed(pipeline) == [[other]]
    assert "is not in dev any more" in pipeline.ended(pipeline.run(application=off), RunState.CANCELLED).message


@pytest.mark.rows_decide
def test_refused_edit_fails_its_own_run_and_never_its_batch(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ("away", "alias", "bug", "gone", "good")
    settle_in(
        pipeline, *names, away=None, alias=VALUES.replace('"0"', "*zero").replace("2  #", "&zero 2  #"), good=VALUES
    )
    merge(pipeline)
    wait_all(pipeline)
    with pipeline.store.begin() as tx:
        runs.update(tx, runs_by_name(pipeline)["gone"].id, at=pipeline.clock.now(), cancel_requested_by="carol")

    def broken(run: Run, target: Target) -> tuple[FileEdit, ...]:
        if run.application == "bug":
            raise ValueError("a bug")
        return wanted_edits(run, target)

    monkeypatch.setattr("service.pipeline.manifest.push.wanted_edits", broken)
    pipeline.settle()
    assert states(pipeline, names) == {
        "away": (RunState.FAILED, "values-file-missing"),
        "alias": (RunState.FAILED, "values-alias"),
        "bug": (RunState.FAILED, "internal-error"),
        "gone": (RunState.CANCELLED, ""),
        "good": (RunState.SUCCEEDED, ""),
    }
    assert pushed(pipeline) == [["good"]]


@pytest.mark.rows_decide
def test_run_that_is_cancelled_while_it_writes_itself_ends_as_cancelled(pipeline: Pipeline) -> None:
    settle_in(pipeline, "checkout", "cart")
    merge(pipeline)
    wait_all(pipeline)
    gate = pipeline.stack.git.faults.hang(method="GET", path="acme/manifests.*info/refs")

    def carol() -> None:
        gate.wait_arrived()
        with pipeline.store.begin() as tx:
            first = min(runs_by_name(pipeline).values(), key=lambda run: run.sequence)
            runs.update(tx, first.id, at=pipeline.clock.now(), cancel_requested_by="carol")
        gate.release()

    pipeline.beside(carol)
    assert states(pipeline, ("checkout", "cart")) == {
        "checkout": (RunState.CANCELLED, ""),
        "cart": (RunState.SUCCEEDED, ""),
    }
