"""A worker that was paused wakes up when another has its run: it changes nothing of it any more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, NoReturn, cast

import pytest

from service.core.words import RunState, Sha
from service.errors import MergeportError, PermanentError, RetryableError
from service.pipeline.advance import advance
from service.pipeline.context import Context
from service.store import runs, waits
from service.store.runs import Run
from tests.engine.conftest import StillClock
from tests.fixtures.rows import Rows


class Taken:
    """A configuration that arrives so slowly that another workflow has taken the run meanwhile."""

    def __init__(self, rows: Rows, clock: StillClock, run: Run, error: MergeportError) -> None:
        self.rows, self.clock, self.run, self.error = rows, clock, run, error

    def at(self, commit: Sha) -> NoReturn:  # noqa: ARG002 - the port's signature
        with self.rows.store.begin() as tx:
            runs.update(tx, self.run.id, at=self.clock.now(), workflow_id="wait:other")
        raise self.error


@pytest.mark.parametrize(
    "error",
    [
        PermanentError("the line broke", code="broken"),
        RetryableError("the line broke", code="broken"),
        cast(MergeportError, ValueError("a bug")),
    ],
)
def test_workflow_that_lost_its_run_neither_ends_it_nor_lets_it_wait(
    context: Context, rows: Rows, clock: StillClock, error: MergeportError
) -> None:
    run = rows.run()
    taken: Any = Taken(rows, clock, run, error)
    advance(replace(context, configurations=taken), run.id, run.workflow_id)
    with rows.store.read() as tx:
        now_at = runs.get(tx, run.id)
        assert waits.of_run(tx, run.id) == []
    assert now_at is not None
    assert (now_at.state, now_at.workflow_id, now_at.message) == (RunState.RUNNING, "wait:other", "")


def test_retries_are_counted_in_a_row_and_only_for_one_reason(context: Context, rows: Rows, clock: StillClock) -> None:
    """A retry of weeks ago, after which the run went on, does not count towards the limit."""
    error = RetryableError("the line broke", code="broken")

    class Broken:
        def at(self, commit: Sha) -> NoReturn:  # noqa: ARG002 - the port's signature
            raise error

    run = rows.run()
    broken: Any = Broken()
    for number in range(100):
        clock.at = clock.at.replace(microsecond=number)
        with rows.store.read() as tx:
            now_at = runs.get(tx, run.id)
        assert now_at is not None
        advance(replace(context, configurations=broken), run.id, now_at.workflow_id)
        with rows.store.begin() as tx:
            wait = waits.open_of_run(tx, run.id)
            assert wait is not None, f"ended after {number} retries"
            waits.answer(tx, wait.id, "time to retry", at=clock.now())
        error = RetryableError("another thing", code="broken" if number % 50 else "other")
