"""Takes a comment with commands: each is obeyed once and answered once, however often its delivery comes.

Called by intake, which repeats it after an error that may pass. What was done and answered is a row; the answer is
written from the rows. A worker that dies in between does the same action again, which then changes nothing.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

import structlog

from service.core.changes import Commented
from service.core.comments import Command, Misread, help_text, read_commands
from service.core.comments.command_answers import Answer, told
from service.core.words import DeliveryState
from service.errors import DoubtfulError, MergeportError, PermanentError, RetryableError
from service.pipeline.actions import Asked
from service.pipeline.comments.command_reply import reply
from service.pipeline.comments.commented_on import Subject, subject_of
from service.pipeline.comments.obeying import obey
from service.pipeline.context import Context
from service.pipeline.intake.runs_of_change import Outcome
from service.ports import Forge
from service.store import audit, comment_commands
from service.store.comment_commands import CommentCommand

MOST_TRIES, MOST_TRIES_OF_ANSWER = 4, 8
"""How often a command is tried, and its answer written, while errors may pass: other deliveries wait so long."""

_REFUSED = frozenset({"role-missing", "role-unread"})

log = structlog.get_logger()


def take_comment(context: Context, event: Commented, *, arrived: datetime, tried: int) -> Outcome:
    """Obey and answer a comment's commands; give what becomes of its delivery, which was tried so often before.

    Raises RetryableError while it is worth trying again; deliveries behind it wait so long.
    """
    try:
        return _take_comment(context, event, arrived=arrived, tried=tried)
    except RetryableError as error:
        if tried < (MOST_TRIES if isinstance(error, DoubtfulError) else MOST_TRIES_OF_ANSWER):
            raise
        log.warning("a comment could not be answered", error=str(error))
        return Outcome(DeliveryState.FAILED, f"{event.author} on #{event.number}: not answered: {error}")


def _take_comment(context: Context, event: Commented, *, arrived: datetime, tried: int) -> Outcome:
    subject = subject_of(context, event)
    if subject is None:
        return Outcome(DeliveryState.IGNORED, f"nothing is configured for {event.repository}")
    forge = _forge(context, event)
    if event.author.lower() in {one.identity().lower() for one in (context.outside.forge, forge)}:
        return Outcome(DeliveryState.IGNORED, "a comment of Mergeport's own")
    stopped, words = False, []
    for position, command in enumerate(read_commands(event.body)):
        row, new = _kept(context, event, position, command, arrived)
        if row.answered_at is None:
            asking = _Asking(context, event, subject, row, again=not new, patient=tried < MOST_TRIES)
            _settle(asking, command, _stopped() if stopped else asking.answer(command))
            row, _ = _kept(context, event, position, command, arrived)
        stopped |= not row.done and not isinstance(command, Misread)
        words.append(f"{row.text} ({'done' if row.done else 'not done'})")
    return _answered(context, forge, event, ", ".join(words), tried)


def _answered(context: Context, forge: Forge, event: Commented, words: str, tried: int) -> Outcome:
    """Write the answers. What was done is told to nobody without them, so that a refusal is tried again too."""
    try:
        reply(context, forge, event.repository, event.number)
    except PermanentError as error:
        if tried < MOST_TRIES:
            raise RetryableError(error.message, code=error.code, hint=error.hint) from error
        return Outcome(
            DeliveryState.FAILED,
            f"{event.author} on #{event.number}: {words}; the answer could not be written: {error}",
        )
    return Outcome(DeliveryState.PROCESSED, f"{event.author} on #{event.number}: {words}")


def _forge(context: Context, event: Commented) -> Forge:
    """Give the forge whose login writes on the pull request."""
    ours = context.configurations.current().manifest_repositories(context.configuration_repository)
    return context.outside.manifest_forge if event.repository in ours else context.outside.forge


def _kept(
    context: Context, event: Commented, position: int, command: Command | Misread, arrived: datetime
) -> tuple[CommentCommand, bool]:
    wanted = CommentCommand(
        event.repository, event.comment, position, event.number, event.author, command.text, arrived
    )
    with context.store.begin() as tx:
        return comment_commands.take(tx, wanted)


@dataclass(frozen=True, slots=True)
class _Asking:
    """One command being answered. `again`: somebody began to obey it before, and nobody knows how far that went."""

    context: Context
    event: Commented
    subject: Subject
    row: CommentCommand
    again: bool
    patient: bool

    def answer(self, command: Command | Misread) -> Answer:
        """Obey the command; what went wrong is an answer too, but for what may pass while there is patience."""
        if isinstance(command, Misread):
            return self._misread(command)
        try:
            return obey(self.context, self.event, command, self.subject, self._asked(), patient=self.patient)
        except RetryableError as error:
            if self.patient:
                raise
            return Answer((f"it is not surely done: {error}",), done=False)
        except MergeportError as error:
            if error.code == "comment-too-old" and self.again:
                return Answer(("whether it was done before is not known: look, and write it again",), done=False)
            if error.code in _REFUSED:
                self._audit(command, str(error))
            return Answer((str(error),), done=False)

    def _misread(self, command: Misread) -> Answer:
        """Tell what is wrong; words that nobody knows get help once on a pull request, and then nothing."""
        if not command.unknown:
            return Answer((command.words,), done=False)
        with self.context.store.read() as tx:
            helped = comment_commands.was_helped(tx, self.event.repository, self.event.number)
        return Answer(done=False) if helped else Answer((command.words,), extra=help_text(), done=False)

    def _asked(self) -> Asked:
        return Asked(self.event.author, self.row.at, id=action_of(self.row))

    def _audit(self, command: Command, words: str) -> None:
        with self.context.store.begin() as tx:
            audit.record(
                tx, at=self.context.now(), actor=self.event.author, action=f"{command.verb} refused",
                subject=self.subject.name, detail=words[:2000],
            )  # fmt: skip


def action_of(row: CommentCommand) -> str:
    """Give the id of a command's action, always the same one."""
    text = f"{str(row.repository).lower()} {row.comment} {row.position}"
    return f"comment-{hashlib.sha256(text.encode()).hexdigest()[:24]}"


def _stopped() -> Answer:
    return Answer(("not obeyed, because the command before it was not done",), done=False)


def _settle(asking: _Asking, command: Command | Misread, answer: Answer) -> None:
    """Keep the answer; one without words is kept as none."""
    context, row = asking.context, asking.row
    silent = not (answer.lines or answer.rows or answer.extra)
    text = "" if silent else told(row.login, row.text, answer, row.at)
    helped = isinstance(command, Misread) and command.unknown and not silent
    with context.store.begin() as tx:
        comment_commands.answer(tx, row, text, at=context.now(), helped=helped, done=answer.done)
