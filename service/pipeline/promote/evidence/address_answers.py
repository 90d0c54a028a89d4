"""Asks the address of an http gate about a run, and gives the gate the newest answer that still counts.

A judgement never waits for an address: it wants the question asked, and the worker asks it on threads of its own and
has the gates judged again. A run has one question at a time, and it is asked again when its answer says so.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import structlog

from service.core.gates import Allow, Facts, Refuse, Unknown, Wait
from service.core.gates.http import Options, question, question_id, read_answer
from service.core.gates.http_answer import HttpAnswer
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.manifest.place import Place
from service.pipeline.promote.evidence.asked_once import Answers
from service.pipeline.promote.evidence.scanned_images import images_as_found
from service.pipeline.runs.claim import Claim, read_claim
from service.ports import GateQuestion
from service.store import gate_answers, judgements
from service.store.gate_answers import AnswerState, GateAnswer

AFTER_FAILURE = timedelta(minutes=1)
SOONEST, LATEST = timedelta(seconds=5), timedelta(days=30)
_SLACK = timedelta(seconds=10)
"""How much longer than its timeout a question may be under way before somebody else asks it."""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Asking:
    """A question that was taken to be asked, and what it is."""

    taken: GateAnswer
    asked: GateQuestion


def answer(claim: Claim, place: Place, answers: Answers) -> HttpAnswer | Unknown:  # noqa: ARG001 - all are called alike
    """Give the newest answer about the run's release; want one where there is none, or none that still counts."""
    context, now = claim.context, claim.context.now()
    wanted = question_id(_body(claim))
    with context.store.begin() as tx:
        kept = gate_answers.of_run(tx, claim.run.id)
        if kept is None or kept.question != wanted or (_has_ended(kept) and kept.next_at <= now):
            kept = GateAnswer(claim.run.id, wanted, AnswerState.WANTED, 0, b"", "", now, now)
            gate_answers.keep(tx, kept)
    match kept.state:
        case AnswerState.ANSWERED:
            return HttpAnswer(kept.question, kept.status, kept.body, kept.at)
        case AnswerState.FAILED:
            return Unknown(kept.words, kept.next_at)
        case _:
            return Unknown("the address is being asked", now + AFTER_FAILURE)


def take_due(context: Context, limit: int) -> list[Asking]:
    """Take the questions that are to be asked now; one whose run needs no answer any more is forgotten."""
    now = context.now()
    with context.store.read() as tx:
        due = gate_answers.due(tx, now, limit=limit)
    taken = []
    for one in due:
        asked = _question_of(context, one)
        with context.store.begin() as tx:
            if asked is None:
                gate_answers.forget(tx, one.run_id)
                continue
            until = now + asked.timeout + _SLACK
            if gate_answers.take(tx, one, until):
                taken.append(Asking(replace(one, state=AnswerState.ASKED, next_at=until), asked))
    return taken


def ask(context: Context, asking: Asking) -> None:
    """Ask, keep what came, and have the run's gates judged again."""
    taken = asking.taken
    try:
        reply = context.outside.addresses.ask(asking.asked)
    except MergeportError as error:
        log.warning("the address of a gate was not asked, or did not answer", run=taken.run_id, error=str(error))
        now = context.now()
        came = replace(taken, state=AnswerState.FAILED, words=str(error), at=now, next_at=now + AFTER_FAILURE)
    else:
        now = context.now()
        found = HttpAnswer(taken.question, reply.status, reply.body, now)
        came = replace(
            taken, state=AnswerState.ANSWERED, status=reply.status, body=reply.body, at=now, next_at=_again(found)
        )
    with context.store.begin() as tx:
        there = gate_answers.of_run(tx, taken.run_id)
        if there is None or (there.question, there.next_at) != (taken.question, taken.next_at):
            return  # another release is asked about now, or somebody else asks
        gate_answers.keep(tx, came)
        judgements.ask_again(tx, at=now, run_ids=[taken.run_id])


def _has_ended(kept: GateAnswer) -> bool:
    return kept.state in {AnswerState.ANSWERED, AnswerState.FAILED}


def _again(found: HttpAnswer) -> datetime:
    """Give when to ask again: as the answer says, and not at all while it says nothing about that."""
    verdict, latest = read_answer(found), found.at + LATEST
    match verdict:
        case Allow(until=until) | Wait(until=until):
            return latest if until is None else max(until, found.at + SOONEST)
        case Refuse():
            return latest


def _question_of(context: Context, due: GateAnswer) -> GateQuestion | None:
    """Give what is asked for a run, by the gates in force; None if nothing is, or about another release by now."""
    try:
        claim = read_claim(context, due.run_id)
        if claim is None or claim.run.state.ended or claim.run.manifest_commit is not None:
            return None
        target = context.configurations.current().target(claim.run.application, claim.run.environment)
    except MergeportError:
        return None
    gates = target.gates if target is not None else ()
    options = next((one for _, one in gates if isinstance(one, Options)), None)
    body = _body(claim)
    if options is None or question_id(body) != due.question:
        return None
    return GateQuestion(options.url, options.secret, body, options.timeout)


def _body(claim: Claim) -> bytes:
    run = claim.run
    images = tuple(images_as_found(claim).values())
    return question(Facts(claim.context.now(), run.application, run.environment, run.repository, run.commit, images))
