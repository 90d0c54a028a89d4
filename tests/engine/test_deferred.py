"""How a step ended is written with what comes next: nothing of it is written by who has lost the run meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import pytest

from service.core.words import RunState, Stage, WaitKind
from service.pipeline.advance import _wait
from service.pipeline.context import Context
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Pause, Stale, StepRecord, step, wait_for
from service.store import runs, steps, waits
from service.store.runs import Run
from tests.fixtures.rows import Rows


def taken_on(context: Context, run: Run, workflow_id: str = "") -> Claim:
    with context.store.begin() as tx:
        if workflow_id:
            runs.update(tx, run.id, at=context.now(), workflow_id=workflow_id)
        begun = transitions.begin(tx, run.id, workflow_id or run.workflow_id, at=context.now())
    assert begun is not None
    return Claim(context, begun)


@contextmanager
def recorded(claim: Claim, name: str) -> Iterator[StepRecord]:
    with step(claim, name, Stage.BUILD) as record:
        record.message = "done"
        yield record


def recorded_steps(context: Context, run: Run) -> dict[str, tuple[str, int]]:
    with context.store.read() as tx:
        return {one.name: (one.state, one.attempts) for one in steps.of_run(tx, run.id)}


def test_end_of_a_step_is_written_with_the_beginning_of_the_next(context: Context, rows: Rows) -> None:
    run = rows.run()
    claim = taken_on(context, run)
    with recorded(claim, "find image"):
        pass
    claim.note(stage=Stage.PROMOTE)
    assert recorded_steps(context, run) == {"find image": ("running", 1)}
    with recorded(claim, "check order"):
        assert recorded_steps(context, run) == {"find image": ("succeeded", 1), "check order": ("running", 1)}


def test_step_whose_record_died_with_its_worker_is_done_again_and_told_once(context: Context, rows: Rows) -> None:
    run = rows.run()
    with recorded(taken_on(context, run), "find image"):
        pass  # and then the worker is gone
    again = taken_on(context, run, "wait:other")
    with recorded(again, "find image") as record:
        assert not record.done_before
    with recorded(again, "check order"):
        pass
    assert recorded_steps(context, run) == {"find image": ("succeeded", 2), "check order": ("running", 1)}


def test_paused_worker_writes_neither_the_end_of_its_step_nor_what_it_owes(context: Context, rows: Rows) -> None:
    run = rows.run()
    paused = taken_on(context, run)
    with recorded(paused, "find image"):
        pass
    paused.note(manifest_commit="a" * 40)
    taken_on(context, run, "wait:other")
    with pytest.raises(Stale), recorded(paused, "check order"):
        pass
    assert recorded_steps(context, run) == {"find image": ("running", 1)}
    with context.store.read() as tx:
        now_at = runs.get(tx, run.id)
    assert now_at is not None
    assert now_at.manifest_commit is None


def test_wait_that_was_answered_at_once_is_not_written_over_by_who_opened_it(context: Context, rows: Rows) -> None:
    """The writer of the branch may answer before the run that opened the wait has recorded its pause."""
    run = rows.run()
    first = taken_on(context, run)
    pause = paused_in(first, "commit")
    first.note(stage=Stage.BUILD)
    with context.store.begin() as tx:
        assert waits.answer(tx, pause.wait.id, "written", at=context.now())
    second = taken_on(context, run, f"wait:{pause.wait.id}")
    with recorded(second, "commit"):
        pass
    second.note(stage=Stage.DEPLOY)
    with step(second, "refresh Argo CD", Stage.DEPLOY):
        _wait(first, pause)
    assert recorded_steps(context, run) == {"commit": ("succeeded", 2), "refresh Argo CD": ("running", 1)}
    with context.store.read() as tx:
        now_at = runs.get(tx, run.id)
    assert now_at is not None
    assert (now_at.state, now_at.stage) == (RunState.RUNNING, Stage.DEPLOY)


def test_wait_that_is_still_open_has_its_step_told_as_waiting(context: Context, rows: Rows) -> None:
    run = rows.run()
    claim = taken_on(context, run)
    pause = paused_in(claim, "commit")
    _wait(claim, pause)
    assert recorded_steps(context, run) == {"commit": ("waiting", 1)}
    assert rows.state(run) is RunState.WAITING


def paused_in(claim: Claim, name: str) -> Pause:
    """Let a step open its wait itself, in the transaction in which it found that it has to wait."""
    run, context = claim.run, claim.context
    wait = wait_for(context, run, WaitKind.PUSH, key="branch", subject="branch", saw="another is being written")
    pause = Pause(wait, opened=True)
    with pytest.raises(Pause), recorded(claim, name):
        open_and_raise(context, pause)
    return pause


def open_and_raise(context: Context, pause: Pause) -> NoReturn:
    with context.store.begin() as tx:
        waits.open_wait(tx, pause.wait)
    raise pause
