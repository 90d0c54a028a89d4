"""Steps: the smallest recorded part of a stage, and the ways in which one ends.

A step looks before it acts and may run twice. Before each, the run's marks are read: a cancelled run
acts no more, and a workflow that is not the run's own any more stops without a trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from service.core.words import RunId, RunState, Stage, WaitId, WaitKind, WaitOutcome
from service.errors import MergeportError, RetryableError
from service.pipeline.context import Context
from service.pipeline.runs.claim import Claim
from service.store import Transaction, runs, waits
from service.store.ids import new_id
from service.store.runs import Run
from service.store.waits import Wait


class Pause(Exception):  # noqa: N818 - not an error: the run waits
    """The run must wait for something outside; `opened` if the code that raises this wrote the wait."""

    def __init__(self, wait: Wait, *, opened: bool = False) -> None:
        """Take what to wait for."""
        super().__init__(wait.last_seen)
        self.wait = wait
        self.opened = opened


class Cancelled(Exception):  # noqa: N818 - not an error: somebody asked for it
    """The run is no longer wanted; the words say who ended it or why, and a code may say more."""

    def __init__(self, message: str, *, code: str = "") -> None:
        """Take the words for people, and the code."""
        super().__init__(message)
        self.code = code


class Superseded(Exception):  # noqa: N818 - not an error: something newer goes on
    """Something newer of the same application and environment takes over; `by` is its run, if it has one."""

    def __init__(self, message: str, *, by: RunId | None = None) -> None:
        """Take the words for people, and the run that goes on."""
        super().__init__(message)
        self.by = by


class Stale(Exception):  # noqa: N818 - not an error: another workflow has the run
    """The run no longer belongs to this workflow, which was paused while another took over."""


@dataclass(slots=True)
class StepRecord:
    """What the step says of itself when it is done."""

    message: str = ""
    done_before: bool = field(default=False)


def is_ours(tx: Transaction, run: Run) -> bool:
    """Tell whether the run is still running under the workflow that read it, and keep it so until the transaction ends.

    A worker that was paused may have lost it, because a dead worker's run gets a workflow with another id.
    """
    now_at = runs.hold(tx, run.id)
    return now_at is not None and _is_under(now_at, run)


def has_workflow(tx: Transaction, run: Run) -> bool:
    """Tell whether the run still has the workflow that read it, running or not; its row is locked as by `is_ours`."""
    now_at = runs.hold(tx, run.id)
    return now_at is not None and now_at.workflow_id == run.workflow_id


def _is_under(now_at: Run, run: Run) -> bool:
    return now_at.workflow_id == run.workflow_id and now_at.state is RunState.RUNNING


@contextmanager
def step(claim: Claim, name: str, stage: Stage) -> Iterator[StepRecord]:
    """Record a step around its effect: running, then how it ended. A failed one keeps the error's words.

    The claim gets the run as it is now. How the step ended is written with the next thing that is written.
    """
    with claim.context.store.begin() as tx:
        now_at = runs.hold(tx, claim.run.id)
        if now_at is None or not _is_under(now_at, claim.run):
            raise Stale
        if now_at.cancel_requested_by is not None:
            claim.settle(tx)
            known, cancelled_by = None, now_at.cancel_requested_by
        else:
            claim.run = replace(now_at, **claim.owed)
            if claim.run.stage is not stage:
                claim.note(stage=stage)
            claim.settle(tx)
            known, cancelled_by = claim.begin_step(tx, name), None
    if cancelled_by is not None:
        raise Cancelled(f"cancelled by {cancelled_by}")
    record = StepRecord(done_before=known is not None and known.state == "succeeded")
    try:
        yield record
    except Pause as pause:
        claim.end_step(name, "waiting", str(pause))
        raise
    except RetryableError as error:
        claim.end_step(name, "retrying", str(error))
        raise
    except MergeportError as error:
        claim.end_step(name, "failed", str(error))
        raise
    except (Cancelled, Superseded) as ended:
        claim.end_step(name, "stopped", str(ended))
        raise
    except Exception:
        claim.end_step(name, "failed", "internal error")
        raise
    claim.end_step(name, "succeeded", record.message)


def wait_for(
    context: Context,
    run: Run,
    kind: WaitKind,
    *,
    key: str,
    subject: str,
    saw: str,
    within: timedelta | None = None,
    not_before: datetime | None = None,
) -> Wait:
    """Make a wait. Its deadline counts from the run's first wait for the same thing, however often one is opened."""
    now = context.now()
    first = first_wait(context, run.id, kind, subject)
    deadline = None if within is None else (min(first.created_at, now) if first else now) + within
    wait = wait_until(run, kind, key=key, subject=subject, saw=saw, at=now, deadline=deadline)
    return replace(wait, not_before=not_before)


def wait_until(
    run: Run, kind: WaitKind, *, key: str, subject: str, saw: str, at: datetime, deadline: datetime | None
) -> Wait:
    """Make a wait that begins at a time and has a deadline of its own."""
    return Wait(
        id=WaitId(new_id()),
        run_id=run.id,
        kind=kind,
        key=key,
        subject=subject,
        last_seen=saw,
        created_at=at,
        not_before=None,
        deadline=deadline,
        answered_at=None,
        answer="",
    )


def first_wait(context: Context, run_id: RunId, kind: WaitKind, subject: str) -> Wait | None:
    """Give the run's first wait for a thing."""
    with context.store.read() as tx:
        return next((wait for wait in waits.of_run(tx, run_id) if (wait.kind, wait.subject) == (kind, subject)), None)


def last_answer(context: Context, run_id: RunId, kind: WaitKind, subject: str) -> Wait | None:
    """Give the run's newest wait for a thing, if it was answered."""
    with context.store.read() as tx:
        found = [wait for wait in waits.of_run(tx, run_id) if (wait.kind, wait.subject) == (kind, subject)]
    return found[-1] if found and found[-1].answered_at is not None else None


def expired(context: Context, run_id: RunId, kind: WaitKind, subject: str) -> bool:
    """Tell whether the time for a thing is over: the run's newest wait for it was answered by its deadline."""
    wait = last_answer(context, run_id, kind, subject)
    return wait is not None and wait.outcome is WaitOutcome.DEADLINE
