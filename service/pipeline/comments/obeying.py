"""Obeys one command of a comment: finds what it is aimed at, checks the person's role, and calls the action.

Never a second way: what an action does and refuses is the same as on the command line.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import assert_never

from service.core.changes import Commented
from service.core.comments import FORMS, Aim, Command, Verb, aimed, help_text
from service.core.comments.command_answers import Answer
from service.core.config import Target
from service.core.config.texts import TextError, duration
from service.core.roles import Login, Role, Roles, Team
from service.core.state.state_reader import time_of
from service.core.words import Repository
from service.errors import PermanentError
from service.pipeline import actions
from service.pipeline.actions import Asked, Outcome
from service.pipeline.comments import on_runs_asked
from service.pipeline.comments.allowed import require
from service.pipeline.comments.commented_on import Subject, chosen, one_of
from service.pipeline.comments.looking_up import tell_status, tell_why_not
from service.pipeline.context import Context
from service.pipeline.manifest.place import place_of

LATEST = timedelta(minutes=30)
"""A command that was written longer ago is not obeyed any more: the person has gone on, and things have moved."""
_OF_LOCKS = frozenset({Verb.LOCK, Verb.UNLOCK})


def obey(
    context: Context, event: Commented, command: Command, subject: Subject, asked: Asked, *, patient: bool
) -> Answer:
    """Do what a command asks for and give the answer; PermanentError in words if it cannot or may not be done.

    Asked for again with the same id, it is the same action.
    """
    if command.verb is Verb.HELP:
        return Answer(extra=help_text())
    configuration = subject.configuration
    aim = aimed(command, configuration.applications, configuration.environments)
    if aim.fault:
        raise PermanentError(aim.fault, code="comment-unclear")
    wide = _is_wide(command, aim)
    fits = [] if wide else chosen(subject, aim)
    roles = _roles(context, configuration.roles, command, fits)
    for repository in _concerned(context, fits, command):
        require(context, roles, _role(command), event.author, repository, patient=patient)
    age = context.now() - event.at
    if age > LATEST and FORMS[command.verb].role is not Role.VIEWER:
        raise PermanentError(
            f"it was written {int(age.total_seconds() // 60)} minutes before it was read",
            code="comment-too-old",
            hint="write it again if you still want it",
        )
    asked = replace(asked, why=command.value("reason"), until=_until(command, asked.at))
    return _act(context, event, command, subject, asked, aim, fits)


def _role(command: Command) -> Role:
    return Role.RELEASE_MANAGER if command.overrides else FORMS[command.verb].role


def _roles(context: Context, roles: Roles, command: Command, fits: Sequence[Target]) -> Roles:
    """Give the roles; whom an approval gate names may approve there without any."""
    if command.verb is not Verb.APPROVE:
        return roles
    named = [*roles.of(Role.OPERATOR)]
    for target in fits:
        owner = place_of(context, target).repository.partition("/")[0].lower()
        for who in (who for _, options in target.gates for who in getattr(options, "by", ())):
            kind, _, name = who.partition(":")
            named.append(Team(owner, name.lower()) if kind == "team" else Login(name))
    return Roles({**roles.named, Role.OPERATOR: tuple(named)})


def _is_wide(command: Command, aim: Aim) -> bool:
    """Tell whether a command is about all applications of an environment, or about everything."""
    if command.verb not in _OF_LOCKS:
        return False
    if "all" in command.flags and (aim.application or aim.environment):
        raise PermanentError("--all is everything", code="comment-unclear", hint="leave the names out, or --all")
    return "all" in command.flags or bool(aim.environment and not aim.application)


def _concerned(context: Context, fits: Sequence[Target], command: Command) -> list[Repository]:
    """Give the repositories on which a person's permission counts: the sources of all that is concerned.

    What is about all applications concerns the configuration repository. A model has no source on the forge: then that
    of its values counts.
    """
    if not fits and command.verb in _OF_LOCKS:
        return [context.configuration_repository]
    home = context.configuration_repository
    return sorted({one.source if one.model is None else one.manifest_repository or home for one in fits})


def _act(
    context: Context, event: Commented, command: Command, subject: Subject, asked: Asked, aim: Aim,
    fits: Sequence[Target],
) -> Answer:  # fmt: skip
    match command.verb:
        case Verb.STATUS:
            return tell_status(context, subject, fits)
        case Verb.WHY_NOT:
            return tell_why_not(context, subject, fits)
        case Verb.PROMOTE:
            return on_runs_asked.promote(context, asked, command, subject, fits, event)
        case Verb.ROLLBACK:
            return on_runs_asked.rollback(context, asked, command, fits)
        case Verb.RETRY:
            return on_runs_asked.retry(context, asked, command, subject, fits)
        case Verb.APPROVE:
            return on_runs_asked.approve(context, _with_reason(asked, event), aim, subject, fits, event)
        case Verb.HOLD | Verb.UNHOLD:
            target = one_of(fits, command.verb)
            act = actions.hold if command.verb is Verb.HOLD else actions.unhold
            words = "is held" if command.verb is Verb.HOLD else "is not held any more"
            return _told(act(context, asked, application=target.application, environment=target.environment), words)
        case Verb.LOCK | Verb.UNLOCK:
            return _lock(context, command, asked, aim, fits)
        case Verb.HELP:
            return Answer()
        case _:
            assert_never(command.verb)


def _with_reason(asked: Asked, event: Commented) -> Asked:
    return asked if asked.why.strip() else replace(asked, why=f"a comment on {event.repository}#{event.number}")


def _lock(context: Context, command: Command, asked: Asked, aim: Aim, fits: Sequence[Target]) -> Answer:
    act = actions.lock if command.verb is Verb.LOCK else actions.unlock
    words = "is locked" if command.verb is Verb.LOCK else "is not locked any more"
    if not fits:
        return _told(act(context, asked, environment=aim.environment), words)
    target = one_of(fits, command.verb)
    return _told(act(context, asked, environment=target.environment, application=target.application), words)


def _told(outcome: Outcome, words: str) -> Answer:
    """Tell what became of an action on the state in each repository, as the command line does."""
    lines = [f"{outcome.name} {words}: {commit[:12]} in {name}" for name, commit in outcome.done]
    lines += [f"nothing to do in {name}: {error.message}" for name, error in outcome.already]
    lines += [f"not surely done in {name}: {error}" for name, error in outcome.failed]
    if outcome.proposes:
        lines.append(f"pull requests to {', '.join(outcome.proposes)} that are open already can still be merged")
    return Answer(tuple(lines), done=not outcome.failed)


def _until(command: Command, now: datetime) -> datetime | None:
    text = command.value("until")
    if not text or (at := time_of(text)) is not None:
        return at if text else None
    try:
        return now + duration(text)
    except (TextError, OverflowError) as error:
        raise PermanentError(
            f"{text[:60]} is no time", code="comment-unclear", hint="write 90m, 12h, or 2026-11-30T08:00:00Z"
        ) from error
