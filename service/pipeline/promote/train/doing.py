"""Does a plan: one run for each application that moves, all accepted in one transaction. Called by the actions.

The runs go the way of all runs: the writer joins their commits into one push, and each gate is asked again before it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from service.core.config import Configuration
from service.core.gates import Override
from service.core.train import Move, Plan
from service.core.words import RunId, Sha
from service.pipeline.context import Context
from service.pipeline.manifest.place import place_of
from service.pipeline.manifest.state.gates import wake
from service.pipeline.promote.downstream import release
from service.store import Transaction, audit, judgements, overrides, runs
from service.store.runs import Run


@dataclass(frozen=True, slots=True)
class Started:
    """What became of a move: its run, a new one or the one that goes on; None if it moved meanwhile."""

    move: Move
    run: RunId | None


def do(
    context: Context, plan: Plan, opened: Iterable[Override], *, by: str, why: str, asked_id: str = ""
) -> list[Started]:
    """Start what the plan says, and keep the overrides that it needs; each is audited. The runs know who asked."""
    configuration = context.configurations.at(plan.configuration)
    given = {one.gate: one for one in opened}
    new: list[Run] = []
    started: list[Started] = []
    with context.store.begin() as tx:
        for move in plan.moves:
            run, is_new = _run_of(tx, context, configuration, plan.environment, move, by, asked_id)
            started.append(Started(move, run.id if run else None))
            if run is None:
                continue
            new += [run] if is_new else []
            _open_gates(tx, context, run, [given[gate] for gate in move.overrides if gate in given])
            _record(tx, context, plan, move, run, by=by, why=why)
    for run in new:
        context.queue.enqueue_run(run)
    _wake_those_that_wait(context, configuration, plan)
    return started


def _run_of(
    tx: Transaction, context: Context, configuration: Configuration, environment: str, move: Move, by: str,
    asked_id: str,
) -> tuple[Run | None, bool]:  # fmt: skip
    """Give the run of a move, and whether it is new; one that goes on is asked for by this person, if by nobody yet."""
    if move.goes_on is not None:
        there = runs.get(tx, move.goes_on)
        if there is not None and not there.asked_by:
            runs.update(tx, there.id, at=context.now(), asked_by=by)
        return there, False
    target = configuration.target(move.application, environment)
    released = runs.get(tx, move.offer.lived.run)
    assert target is not None  # noqa: S101 - planned by this configuration
    assert released is not None  # noqa: S101 - runs stay
    commit, carried = Sha(configuration.commit), move.offer.carried
    run = release(
        tx, released, target, commit, context, carried=carried, again=True, asked_by=by, asked_id=asked_id
    )  # fmt: skip
    return run, True


def _open_gates(tx: Transaction, context: Context, run: Run, opened: Iterable[Override]) -> None:
    for one in opened:
        overrides.keep(tx, run, one.gate, who=one.who, why=one.why, at=context.now())
        what = f"{one.gate} of {run.application} to {run.environment}"
        audit.record(
            tx, at=context.now(), actor=one.who, action="override", subject=run.id, detail=f"{what}: {one.why}"
        )
    judgements.ask_again(tx, at=context.now(), run_ids=[run.id])


def _record(tx: Transaction, context: Context, plan: Plan, move: Move, run: Run, *, by: str, why: str) -> None:
    lived = move.offer.lived
    what = f"{move.application} {lived.commit[:12]} from {lived.environment} to {plan.environment}, by plan {plan.id}"
    audit.record(
        tx, at=context.now(), actor=by, action="promote", subject=run.id, detail=f"{what}: {why}" if why else what
    )


def _wake_those_that_wait(context: Context, configuration: Configuration, plan: Plan) -> None:
    """Let runs go on that wait for what people closed, where it was opened for them."""
    going_on = [move for move in plan.moves if move.goes_on is not None]
    targets = (configuration.target(move.application, plan.environment) for move in going_on)
    for repository in {place_of(context, target).repository for target in targets if target is not None}:
        wake(context, repository)
