"""Actions on releases: go back to a former one.

Called through the package. The worker does what is queued; the hold is in force when the action has answered.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.core.foreign_text import cut, line
from service.core.state.entries import LONGEST_NAME, LONGEST_REASON
from service.core.state.state_writer import sound
from service.core.step_back import StepBack
from service.errors import MergeportError, PermanentError
from service.pipeline.actions.on_state import Asked
from service.pipeline.context import Context
from service.pipeline.manifest.place import place_of
from service.pipeline.promote.rolling_back import Plan, hold_for, plan, start, under_way_back
from service.pipeline.runs.claim import claim_of
from service.store.runs import Run


@dataclass(frozen=True, slots=True)
class GoingBack:
    """What became of it: the run that goes back, and the plan by which it was started.

    Without a plan it was under way before. `unheld` says why the hold is not in force yet; the run places it then.
    """

    run: Run
    planned: Plan | None
    unheld: MergeportError | None = None


def plan_rollback(
    context: Context, asked: Asked, *, application: str, environment: str, to: str = "", images_only: bool = False
) -> Plan:
    """Tell what a rollback would do, without doing it. Raises as `promote.rolling_back.plan` does."""
    return plan(context, application, environment, _back(context, asked, images_only=images_only), to=to)


def rollback(
    context: Context, asked: Asked, *, application: str, environment: str, to: str = "", images_only: bool = False
) -> GoingBack:
    """Go back to a former release. Asked for again while it is under way, it starts nothing new, but is held again."""
    back = _back(context, asked, images_only=images_only)
    run = under_way_back(context, application, environment, to=to)
    planned = None
    if run is None:
        planned = plan(context, application, environment, back, to=to)
        with context.store.begin() as tx:
            run = start(tx, context, planned, asked_id=asked.id)
    if run is None:
        raise PermanentError(
            f"{application} in {environment} goes back already",
            code="already-rolled-back",
            hint="`mergeport runs list` shows the run",
        )
    try:
        place = place_of(context, claim_of(context, run).target)
        hold_for(context, place, run, asked="" if planned is not None else asked.id)
    except MergeportError as error:
        context.queue.enqueue_run(run)
        return GoingBack(run, planned, error)
    context.queue.enqueue_run(run)
    return GoingBack(run, planned)


def _back(context: Context, asked: Asked, *, images_only: bool) -> StepBack:
    why = sound(asked.why)
    if not why and context.configurations.current().reason_required:
        raise PermanentError(
            "a reason is required here", code="reason-missing", hint="say it by --reason; `state.reason` asks for it"
        )
    if len(why) > LONGEST_REASON:
        raise PermanentError(
            f"the reason has {len(why)} characters, and at most {LONGEST_REASON} are kept",
            code="reason-too-long",
            hint="shorten it, and link to the rest",
        )
    return StepBack("", cut(line(sound(asked.by)), LONGEST_NAME) or "somebody", why, images_only=images_only)
