"""Commands of comments on releases and runs: promote, roll back, retry, approve. Each calls the action of its name.

An action whose worker died after it is asked for again with the same id: what it started is found, and told.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.core.changes import Commented
from service.core.comments import Aim, Command
from service.core.comments.command_answers import Answer
from service.core.config import Target
from service.core.foreign_text import line
from service.core.train import Move, Named
from service.core.words import RunState
from service.errors import MergeportError, PermanentError
from service.pipeline import actions
from service.pipeline.actions import Asked
from service.pipeline.comments.commented_on import Subject, one_of
from service.pipeline.comments.seen_head import head_seen
from service.pipeline.context import Context
from service.pipeline.promote.train.planning import Wish
from service.pipeline.runs.claim import claim_of
from service.store import approvals, runs
from service.store.runs import Run

_SHORT = 12


def promote(
    context: Context, asked: Asked, command: Command, subject: Subject, fits: Sequence[Target], event: Commented
) -> Answer:
    """Promote the release that the pull request brought, or proposes, as `mergeport promote --commit` does."""
    if already := _started(context, asked):
        return already
    environment = _where_to(fits)
    if subject.promotes:
        head_seen(context, subject.repository, event, "promote")
    names = tuple(dict.fromkeys(one.application for one in fits if one.environment == environment))
    commits = {run.commit for run in subject.runs if subject.promotes and run.application in names}
    if len(commits) > 1:
        one_of(fits, "promote")
    commit = next(iter(commits), subject.commit)
    if commit is None:
        raise PermanentError(f"{subject.name} is not merged", code="comment-unclear", hint="merge it first")
    wish = Wish(environment, names, command.value("from"), Named(commit=commit))
    plan = actions.planned(context, asked, wish, command.overrides)
    stays = [
        f"{one.application} stays ({one.reason}): {one.words}{f'. {one.hint}' if one.hint else ''}"
        for one in plan.stays
    ]
    if "plan" in command.flags:
        return Answer((*(f"would move: {_moved(one)}" for one in plan.moves), *stays))
    done = actions.promote(context, asked, plan)
    lines = [
        f"{_moved(one.move)}: run {one.run}" if one.run else f"{one.move.application} was started by somebody else"
        for one in done.started
    ]
    lines += [f"{name} stays, since its hold could not be lifted: {error}" for name, error in done.failed]
    return Answer((*lines, *stays), done=any(one.run for one in done.started))


def _where_to(fits: Sequence[Target]) -> str:
    """Give the only environment that a promotion can mean: one that others feed."""
    fed = list(dict.fromkeys(one.environment for one in fits if one.upstream is not None))
    if len(fed) == 1:
        return fed[0]
    if not fed:
        names = ", ".join(dict.fromkeys(one.environment for one in fits))
        raise PermanentError(
            f"a branch feeds {names}, so there is nothing to promote",
            code="comment-unclear",
            hint="merge to the branch; /mergeport retry tries a run again",
        )
    raise PermanentError(
        f"it does not say where to: {', '.join(fed)}", code="comment-unclear", hint="write /mergeport promote --to ENV"
    )


def _moved(move: Move) -> str:
    before = " ".join(move.before) or "nothing"
    return f"{move.application} {before} → {' '.join(move.after)}, by {move.publish}"


def rollback(context: Context, asked: Asked, command: Command, fits: Sequence[Target]) -> Answer:
    """Go back to a former release, as `mergeport rollback` does."""
    if already := _started(context, asked):
        return already
    target = one_of(fits, command.verb)
    application, environment = target.application, target.environment
    only_images = "images-only" in command.flags
    to = command.value("to")
    if "plan" in command.flags:
        plan = actions.plan_rollback(
            context, asked, application=application, environment=environment, to=to, images_only=only_images
        )
        return Answer(
            (f"{application} in {environment} would go back to {plan.release.commit[:_SHORT]}", *_waits(plan))
        )
    gone = actions.rollback(
        context, asked, application=application, environment=environment, to=to, images_only=only_images
    )
    new = "is queued" if gone.planned is not None else "is under way already"
    lines = [f"{application} in {environment} goes back to {gone.run.commit[:_SHORT]}: run {gone.run.id} {new}"]
    if gone.unheld is not None:
        lines.append(f"the hold is not in force yet, and the run places it before it writes: {gone.unheld}")
    else:
        lines.append(f"it is held: /mergeport unhold {application} {environment} lets newer releases in again")
    return Answer((*lines, *(_waits(gone.planned) if gone.planned is not None else ())))


def _waits(plan: actions.Plan) -> Iterator[str]:
    if plan.waits:
        yield f"it waits: {plan.waits}"


def retry(context: Context, asked: Asked, command: Command, subject: Subject, fits: Sequence[Target]) -> Answer:
    """Try the newest run of the pull request in a place again, as `mergeport runs retry` does."""
    if already := _started(context, asked):
        return already
    places = {(one.application, one.environment): one for one in fits}
    found = {place: run for run in subject.runs if (place := (run.application, run.environment)) in places}
    wanted = [run for run in found.values() if run.state in {RunState.FAILED, RunState.CANCELLED}] or list(
        found.values()
    )
    if not wanted:
        raise PermanentError(
            f"{subject.name} has no run there", code="comment-unclear", hint="/mergeport why-not says why"
        )
    one_of([places[run.application, run.environment] for run in wanted], command.verb)
    with context.store.begin() as tx:
        made = actions.retry(tx, wanted[0].id, by=asked.by, at=context.now(), asked_id=asked.id)
    context.queue.enqueue_run(made)
    return Answer((f"{made.application} to {made.environment} is tried again: run {made.id}",))


def approve(
    context: Context, asked: Asked, aim: Aim, subject: Subject, fits: Sequence[Target], event: Commented
) -> Answer:
    """Approve what there was to approve when the comment was written, as `mergeport approve` does.

    On a pull request that applications share it is the head that is approved, so it counts for all of them, as a review
    does, unless one is named.
    """
    places = {(one.application, one.environment): one for one in fits}
    there = [run for run in subject.runs if (run.application, run.environment) in places]
    given = [run for run in there if _has_said(context, asked, run)]
    waiting = [run for run in there if not run.state.ended and run not in given and _wants_approval(context, run)]
    if not waiting and given:
        return Answer(tuple(_approved(event, run) for run in given))
    if not waiting:
        raise PermanentError(
            f"nothing of {subject.name} waits for an approval there",
            code="approval-refused",
            hint="/mergeport why-not says what it waits for",
        )
    head = None
    if subject.promotes:
        head = head_seen(context, subject.repository, event, "approve", named=aim.commit)
    else:
        one_of([places[run.application, run.environment] for run in waiting], "approve")
        _require_seen(waiting[0], asked, aim)
    refused: list[MergeportError] = []
    for run in waiting:
        try:
            actions.approve(context, asked, run.id, event.author, verified=True, head=head, said_at=event.at)
        except PermanentError as error:
            refused.append(error)
        else:
            given.append(run)
    if not given:
        raise refused[0]
    return Answer((*(_approved(event, run) for run in given), *map(str, refused)), done=not refused)


def _has_said(context: Context, asked: Asked, run: Run) -> bool:
    """Tell whether the very same comment has approved a run before."""
    with context.store.read() as tx:
        return any(one.asked_id == asked.id for one in approvals.of_release(tx, run))


def _require_seen(run: Run, asked: Asked, aim: Aim) -> None:
    """Refuse an approval of something else than what waits."""
    if aim.commit and not run.commit.startswith(aim.commit):
        raise PermanentError(
            f"{run.commit[:_SHORT]} waits there, not {aim.commit}", code="head-moved", hint="look at what waits"
        )
    if run.created_at > asked.at:
        raise PermanentError(
            f"run {run.id} began after you wrote", code="head-moved", hint="look at it, and write it once more"
        )


def _approved(event: Commented, run: Run) -> str:
    what = f"{run.commit[:_SHORT]} of {run.application} for {run.environment}"
    return f"{event.author} approved {what}; the approval gate tells whether it counts"


def _wants_approval(context: Context, run: Run) -> bool:
    return any(kind == "approval" for kind, _ in claim_of(context, run).target.gates)


def _started(context: Context, asked: Asked) -> Answer | None:
    """Tell what the same action has started before, if it has."""
    with context.store.read() as tx:
        found = runs.of_action(tx, asked.id)
    if not found:
        return None
    return Answer(tuple(line(f"{one.application} to {one.environment}: run {one.id}") for one in found))
