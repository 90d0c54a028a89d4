"""Actions on promotions: plan a train, and do exactly what was planned. Called through the package.

A plan changes nothing. Doing it lifts the holds that it says it lifts, keeps the overrides that it needs, and starts a
run for each application that moves; what is different from what a person has seen is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from service.core.config import Configuration
from service.core.gates import Override
from service.core.gates.judgement import FROM_STATE
from service.core.train import Plan, what_changed
from service.errors import MergeportError, NotFoundError, PermanentError
from service.pipeline.actions.on_state import Asked, unhold
from service.pipeline.context import Context
from service.pipeline.promote.train.doing import Started, do
from service.pipeline.promote.train.planning import Wish, plan_train
from service.store import plans

MOST_DIFFERENCES = 20
"""How many differences between two plans are told."""


@dataclass(frozen=True, slots=True)
class Done:
    """What became of a plan: a run for each move, and the holds that could not be lifted, whose applications stay."""

    plan: Plan
    started: tuple[Started, ...]
    failed: tuple[tuple[str, MergeportError], ...] = ()


def planned(context: Context, asked: Asked, wish: Wish, gates: Sequence[str] = ()) -> Plan:
    """Plan what would move now, and keep it so that it can be done later; `gates` are to be overridden."""
    plan = plan_train(context, _with_overrides(context, asked, wish, gates))
    with context.store.begin() as tx:
        plans.keep(tx, plan.id, plan.environment, plan.facts(), at=context.now())
    return plan


def promote(context: Context, asked: Asked, plan: Plan, *, plan_id: str = "") -> Done:
    """Do a plan that was made just now. With `plan_id`, PermanentError `plan-changed` unless it does what that one did.

    Holds are lifted first: an application whose hold cannot be lifted stays where it is.
    """
    if plan_id and plan_id != plan.id:
        _refuse(context, plan, plan_id)
    failed = []
    for move in plan.moves:
        if move.lifts_hold:
            try:
                why = asked.why or f"promoted to {plan.environment}"
                lifting = Asked(asked.by, asked.at, f"{why} (promotes {move.offer.lived.commit[:12]})")
                unhold(context, lifting, application=move.application, environment=plan.environment)
            except MergeportError as error:
                if error.code != "not-held":
                    failed.append((move.application, error))
    stuck = {name for name, _ in failed}
    going = replace(plan, lines=tuple(line for line in plan.lines if line.application not in stuck))
    opened = [Override(gate, asked.by, asked.why) for gate in {gate for move in plan.moves for gate in move.overrides}]
    return Done(plan, tuple(do(context, going, opened, by=asked.by, why=asked.why, asked_id=asked.id)), tuple(failed))


def _refuse(context: Context, plan: Plan, plan_id: str) -> None:
    with context.store.read() as tx:
        kept = plans.get(tx, plan_id)
    if kept is None:
        raise NotFoundError(
            f"there is no plan {plan_id}",
            code="plan-unknown",
            hint=f"a plan is kept for {plans.KEPT_FOR.days} days; make it again with --plan",
        )
    environment, facts = kept
    if environment != plan.environment:
        raise PermanentError(f"plan {plan_id} is for {environment}", code="plan-changed", hint="name its environment")
    changed = list(what_changed(facts, plan))
    more = [f"and {len(changed) - MOST_DIFFERENCES} more"] if len(changed) > MOST_DIFFERENCES else []
    raise PermanentError(
        f"plan {plan_id} is not true any more: {'; '.join([*changed[:MOST_DIFFERENCES], *more])}",
        code="plan-changed",
        hint=f"nothing was done; look at it again with --plan: it is plan {plan.id} now",
    )


def _with_overrides(context: Context, asked: Asked, wish: Wish, gates: Sequence[str]) -> Wish:
    """Add what is overridden. A hold is lifted where the application is named and a reason is given."""
    if gates and not asked.why.strip():
        raise PermanentError("an override wants a reason", code="reason-missing", hint="say it by --reason")
    configuration = context.configurations.current()
    for gate in gates:
        _check_gate(configuration, gate)
    opened = [Override(gate, asked.by, asked.why) for gate in gates]
    if wish.applications and asked.why.strip():
        opened.append(Override("hold", asked.by, asked.why))
    return replace(wish, overrides=tuple(opened))


def _check_gate(configuration: Configuration, gate: str) -> None:
    if gate == "block":
        raise PermanentError("nobody overrides a block", code="gate-final", hint="`mergeport unblock` takes it away")
    if gate == "hold":
        raise PermanentError(
            "a hold is lifted, not overridden", code="gate-final", hint="name the application and say --reason"
        )
    known = {kind for target in configuration.targets() for kind, _ in target.gates} | {*FROM_STATE} - {"block", "hold"}
    if gate not in known:
        raise NotFoundError(
            f"there is no gate {gate}", code="gate-unknown", hint=f"gates that are there: {', '.join(sorted(known))}"
        )
