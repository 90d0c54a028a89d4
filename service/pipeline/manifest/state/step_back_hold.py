"""Places the hold that keeps a release away that was gone back from, by the one writer of the state.

Called by runs that go back before they write, by the command that starts them, and where a person's revert is
recognised. The same id makes one hold, however often it is asked for; a hold that is there already is enough.
"""

from __future__ import annotations

from datetime import datetime

from service.core import trailers
from service.core.foreign_text import cut, line
from service.core.state import Cause, Hold, Placed, State, add
from service.core.state.entries import LONGEST_NAME, LONGEST_REASON
from service.core.state.state_writer import sound
from service.core.step_back import short
from service.core.words import Repository
from service.errors import PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.state.state_change import Change, change_state
from service.pipeline.manifest.state.state_reading import look_at_state
from service.store import step_backs
from service.store.step_backs import KnownStepBack

_LATER = frozenset({"push-not-ended", "state-not-read-back", "state-busy", "push-refused"})
"""Errors after which the same hold is asked for again."""


def hold_back(
    context: Context, repository: Repository, hold_id: str, *, application: str, environment: str, cause: Cause,
    who: str, why: str, refused: str, at: datetime,
) -> str:  # fmt: skip
    """Place the hold, remember it, and give the id of the one in force.

    A hold of somebody else without an end is enough; one with an end is replaced. PermanentError if the state cannot
    be believed, RetryableError if it could not be placed now.
    """
    placed = Placed(
        hold_id, cut(line(sound(who)), LONGEST_NAME) or "somebody", at.replace(microsecond=0),
        cut(sound(why), LONGEST_REASON),
    )  # fmt: skip
    entry = Hold(placed, application, environment, cause, refused)
    try:
        state = change_state(context, repository, _change(entry)).state
    except PermanentError as error:
        if error.code in _LATER:
            raise RetryableError(str(error), code=error.code, retry_after=2.0) from error
        if error.code != "already-held":
            raise
        state = look_at_state(context, repository).state
    there = state.by_subject().get(entry.subject)
    in_force = there.placed.id if there is not None else hold_id
    with context.store.begin() as tx:
        step_backs.keep(tx, KnownStepBack(hold_id, repository, application, environment, in_force, at=context.now()))
    return in_force


def _change(entry: Hold) -> Change:
    placed = entry.placed
    why = f": {line(placed.why)}" if placed.why else ""
    words = f"{entry.name} is held by {placed.who}, after it went back from {short(entry.refused)}."

    def apply(state: State) -> State:
        there = state.by_subject().get(entry.subject)
        if there is not None and there.placed.id != placed.id and there.placed.until is not None:
            state = State(tuple(one for one in state.entries if one.subject != entry.subject))
        return add(state, entry, now=placed.since)

    return Change(
        id=placed.id, subject=f"Hold {entry.name}{why}", words=f"{words} {placed.why}".strip(), who=placed.who,
        why=placed.why, at=placed.since, apply=apply,
        pairs=(
            (trailers.APPLICATION, entry.application), (trailers.ENVIRONMENT, entry.environment),
            (trailers.ROLLBACK, entry.refused),
        ),
    )  # fmt: skip
