"""Judges the gates of runs, and lets a run that commits wait until they are open.

Called by the promote stage before a write, and by a loop of the worker: when the clock may change an answer, and as
soon as a fact has changed (`judgements.ask_again`). A run that waits for its gates is only a row in a table. A run that
waits for its pull request goes nowhere because of them: they are shown there.
"""

from __future__ import annotations

import time
from datetime import datetime, timedelta

import structlog

from service.core.config import Target
from service.core.gates import Judged, Judgement, Outcome, in_words, is_ready, judge_all, rows
from service.core.gates.judgement import FROM_STATE
from service.core.words import EditState, Stage, WaitKind
from service.errors import MergeportError, NotFoundError, PermanentError
from service.pipeline.context import Context
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.manifest.place import Place, place_of
from service.pipeline.manifest.state.gates import wake_earlier
from service.pipeline.promote.evidence.asked_once import Answers
from service.pipeline.promote.gate_facts import TRY_AGAIN, facts_of
from service.pipeline.promote.gates_shown import show, to_show
from service.pipeline.promote.landing import let_go
from service.pipeline.promote.pull_request import words_of_wait
from service.pipeline.promote.tending import is_tended, tend
from service.pipeline.promote.together.gates_of_all import gates_of_all
from service.pipeline.promote.together.members import Members, first_of, in_force, members_of
from service.pipeline.runs.claim import Claim, claim_of
from service.pipeline.runs.looks import saw
from service.pipeline.runs.steps import Pause, step, wait_for
from service.ports import PullRequest
from service.store import edits, gate_answers, judgements, runs, waits
from service.store.judgements import KeptJudgement
from service.store.waits import Wait

KEY = "gates"
"""What runs wait for whose configured gates are closed. Locks, holds and blocks are waited for by their repository."""
STEP = "ask the gates"
AT_ONCE = 50
LONGEST = timedelta(minutes=50)
"""How long an answer is believed that no fact and no clock seems to change."""
LONGEST_OUTSIDE = timedelta(minutes=5)
"""The same where facts are outside, and an event that tells of a change may be lost."""
_OUTSIDE = frozenset({"approval", "checks", "freeze", "http", "image", "metric"})
_HINT = "mend what the gate says, then `mergeport runs retry`"
FIRST_SECONDS = 20.0
_NOT_YET = timedelta(seconds=1)
"""When a run is looked at again that is just under way."""

log = structlog.get_logger()


def pass_gates(claim: Claim, place: Place) -> None:
    """Let a run that is about to commit go on if its gates are open. Else raise Pause; PermanentError if one refuses.

    What people have closed is told but decides nothing here: it is read again right before the push.
    """
    if not claim.target.gates:
        return
    with step(claim, STEP, Stage.PROMOTE) as record:
        judgement = judge(claim, place)
        closed = configured(judgement)
        words = in_words(Judgement(closed))
        if Judgement(closed).outcome is Outcome.REFUSE:
            raise PermanentError(
                words, code="gate-refused", hint="mend what the gate says, then `mergeport runs retry`"
            )
        wait = wait_for(claim.context, claim.run, WaitKind.GATE, key=KEY, subject=_subject(claim), saw=words)
        if is_ready(Judgement(closed)):
            wake_earlier(claim.context, claim.run, wait)
        if closed:
            raise Pause(wait)
        record.message = f"open: {', '.join(one.gate for one in judgement.gates if one.gate not in FROM_STATE)}"


def configured(judgement: Judgement) -> tuple[Judged, ...]:
    """Give the gates of the configuration that are closed."""
    return tuple(one for one in judgement.closed if one.gate not in FROM_STATE)


def judge(claim: Claim, place: Place, answers: Answers | None = None) -> Judgement:
    """Judge the gates of a run now, and keep what they say. `answers` are of all that are judged with it."""
    judgement = judge_all(claim.target.gates, facts_of(claim, place, answers=answers))
    with claim.context.store.begin() as tx:
        judgements.keep(tx, _kept(claim, judgement))
    return judgement


def judge_due(context: Context) -> bool:
    """Judge again the gates of runs whose time has come; True if there may be more."""
    with context.store.read() as tx:
        due = judgements.due(tx, context.now(), limit=AT_ONCE)
    answers = Answers()
    for kept in due:
        _try_again(context, kept, answers)
    return len(due) == AT_ONCE


def _try_again(context: Context, kept: KeptJudgement, answers: Answers) -> None:
    try:
        _judge_again(context, kept, answers)
    except MergeportError as error:
        log.warning("the gates of a run cannot be judged", run=kept.run_id, error=str(error))
        _look_later(context, kept, TRY_AGAIN)


def _judge_again(context: Context, kept: KeptJudgement, answers: Answers) -> None:
    with context.store.read() as tx:
        run, wait = runs.get(tx, kept.run_id), waits.open_of_run(tx, kept.run_id)
        edit = edits.of_run(tx, kept.run_id)
    if run is None or run.state.ended or run.manifest_commit is not None:
        if run is not None and run.manifest_commit is None:
            let_go(context, run)
        with context.store.begin() as tx:
            judgements.forget(tx, [kept.run_id])
            gate_answers.forget(tx, kept.run_id)
        return
    claim = claim_of(context, run)
    if wait is not None and wait.kind is WaitKind.PULL_REQUEST:
        _judge_proposed(claim, kept, wait, answers)
    elif edit is not None and edit.state is EditState.PENDING and (wait is None or wait.kind is not WaitKind.GATE):
        judge(claim, place_of(context, claim.target), answers)  # whoever writes it meanwhile reads what they say
    elif wait is None:
        _look_later(context, kept, _NOT_YET)
    elif wait.kind is not WaitKind.GATE or wait.key != KEY:  # it asks its gates again when it goes on
        _look_later(context, kept, LONGEST)
    elif _has_other_gates(claim):
        _wake(context, wait, "the configuration has other gates now")
    else:
        closed = configured(judge(claim, place_of(context, claim.target), answers))
        if Judgement(closed).outcome is Outcome.WAIT:
            with context.store.begin() as tx:
                waits.saw(tx, wait.id, in_words(Judgement(closed)))
        if Judgement(closed).outcome is not Outcome.WAIT or (is_ready(Judgement(closed)) and not kept.ready):
            _wake(context, wait, "the gates have changed")


def _judge_proposed(claim: Claim, kept: KeptJudgement, wait: Wait, answers: Answers) -> None:
    """Judge a run that waits for its pull request, by the configuration in force; show its gates and tend it.

    One that several share is looked after by one of them, which is asked again where the gates of another changed.
    """
    context, number = claim.context, claim.run.pull_request
    place = place_of(context, in_force(claim).target)
    judgement = judge(claim, place, answers)
    first = first_of(claim, place)
    if first not in {claim.run.id, None}:
        if [list(row) for row in rows(judgement)] != kept.gates:
            with context.store.begin() as tx:
                judgements.ask_again(tx, at=context.now(), run_ids=[first])
        return
    members = members_of(claim, place)
    shown, table = gates_of_all(members, to_show(claim, judgement, kept), rows(judgement))
    if number is None or not (shown or is_tended(members, place.repository)):
        return
    pull_request = context.outside.manifest_forge.pull_request(place.repository, number)
    if not pull_request.open:
        return
    try:
        show(claim, place, judgement, shown, pull_request, table)
    finally:  # GitHub may have been asked to merge it: that is taken back even if nothing can be shown
        _tend(members, place, members.together(judgement), pull_request, wait)


def _tend(members: Members, place: Place, judgement: Judgement, pull_request: PullRequest, wait: Wait) -> None:
    claim, number = members.leads, pull_request.number
    context = claim.context

    def again() -> Judgement:
        answers = Answers()
        return Judgement(tuple(one for each in members.all for one in judge(each, place, answers).gates))

    tended = tend(members, place, judgement, pull_request, again)
    if tended.again is not None:
        with context.store.begin() as tx:
            judgements.ask_again(tx, at=context.now() + tended.again, run_ids=[claim.run.id])
    if tended.reworded:
        saw(context, wait, words_of_wait(claim, place.repository, number))
    if tended.behind:
        _wake(context, wait, "its base has moved, and takes only what contains it")
    if tended.merged:
        for each in members.all:
            with context.store.read() as tx:
                waiting = waits.open_of_run(tx, each.run.id)
            if waiting is not None and waiting.subject == wait.subject:
                _wake(context, waiting, "merged")


def judge_open_heads(context: Context, seconds: float = FIRST_SECONDS) -> None:
    """Judge all runs that wait for a pull request, as long as that takes no longer; the loop does the rest.

    Called before a worker does anything else: what was shown before it stopped may not be true any more.
    """
    with context.store.begin() as tx:
        proposed = judgements.expect_all_proposed(tx, context.now())
    until, answers = time.monotonic() + seconds, Answers()
    for run_id in proposed:
        if time.monotonic() > until:
            log.warning("not all open pull requests could be judged before other work", of=len(proposed))
            return
        with context.store.read() as tx:
            kept = judgements.of_run(tx, run_id)
        if kept is not None:
            _try_again(context, kept, answers)


def _has_other_gates(claim: Claim) -> bool:
    """Tell whether the configuration in force has other gates for the run than its own, or does not have its target."""
    current = _in_force(claim)
    return current is None or current.gates != claim.target.gates


def _in_force(claim: Claim) -> Target | None:
    try:
        return claim.context.configurations.current().target(claim.run.application, claim.run.environment)
    except NotFoundError:
        return None


def _wake(context: Context, wait: Wait, words: str) -> None:
    with context.store.begin() as tx:
        woken = waits.answer(tx, wait.id, words, at=context.now())
    if woken:
        enqueue(context, wait.run_id)


def _look_later(context: Context, kept: KeptJudgement, after: timedelta) -> None:
    with context.store.begin() as tx:
        judgements.put_off(tx, kept.run_id, context.now() + after)


def _kept(claim: Claim, judgement: Judgement) -> KeptJudgement:
    now = claim.context.now()
    return KeptJudgement(
        run_id=claim.run.id,
        application=claim.run.application,
        environment=claim.run.environment,
        outcome=judgement.outcome,
        ready=is_ready(Judgement(configured(judgement))),
        gates=[list(row) for row in rows(judgement)],
        judged_at=now,
        next_at=_next(judgement, now, proposed=claim.run.pull_request is not None and bool(claim.target.gates)),
    )


def _next(judgement: Judgement, now: datetime, *, proposed: bool) -> datetime:
    """Give when to ask again: at the next edge, and now and then all the same."""
    outside = any(one.gate in _OUTSIDE for one in judgement.gates) or proposed
    latest = now + (LONGEST_OUTSIDE if outside else LONGEST)
    return latest if judgement.until is None else min(max(judgement.until, now), latest)


def _subject(claim: Claim) -> str:
    return f"{claim.run.application}/{claim.run.environment}"
