"""Changes of the state: an entry more or less, and no entries whose time is long over. Each gives a new state.

Called by the actions. A refusal says who was first, or what there is to take away.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from service.core.state.covering import told
from service.core.state.entries import Entry, Hold, Lock, State, Subject
from service.errors import PermanentError

TIDY_AFTER = timedelta(hours=1)
"""How long an entry stays after its time is over: a clock that is some minutes ahead takes away nothing in force."""

_WORDS = {"lock": ("locked", "unlock"), "hold": ("held", "unhold"), "block": ("blocked", "unblock")}


def add(state: State, entry: Entry, *, now: datetime) -> State:
    """Place an entry; one of the same subject whose time is over is replaced.

    PermanentError `already-locked`, `already-held`, `already-blocked` if another one is in force.
    """
    entries = state.by_subject()
    there = entries.get(entry.subject)
    if there is not None and there.placed.id != entry.placed.id and not there.placed.over(now):
        _, undo = _WORDS[entry.subject[0]]
        code = {"lock": "already-locked", "hold": "already-held", "block": "already-blocked"}[entry.subject[0]]
        raise PermanentError(
            told(there, now),
            code=code,
            hint=f"`mergeport {undo} {command(entry)}` first, if it is to be placed anew",
        )
    return State.of({**entries, entry.subject: entry})


def remove(state: State, subject: Subject, name: str) -> State:
    """Take an entry away; `name` is what people call its subject.

    PermanentError `not-locked`, `not-held`, `not-blocked` if there is none.
    """
    entries = state.by_subject()
    if subject not in entries:
        done, undo = _WORDS[subject[0]]
        code = {"lock": "not-locked", "hold": "not-held", "block": "not-blocked"}[subject[0]]
        others = [entry for entry in state.entries if entry.subject[0] == subject[0]]
        listed = ", ".join(entry.name for entry in others[:10])
        raise PermanentError(
            f"{name} is not {done}: there is nothing to {undo}",
            code=code,
            hint=f"{done}: {listed}" if listed else "`mergeport locks` lists what there is",
        )
    del entries[subject]
    return State.of(entries)


def tidied(state: State, now: datetime) -> State:
    """Leave out the entries whose time has been over for long."""
    kept = [entry for entry in state.entries if not entry.placed.over(now - TIDY_AFTER)]
    return State.of({entry.subject: entry for entry in kept})


def has(state: State, entry_id: str) -> bool:
    """Tell whether the entry that an action placed is there."""
    return any(entry.placed.id == entry_id for entry in state.entries)


def command(entry: Entry) -> str:
    """Give what names the entry on the command line."""
    match entry:
        case Lock():
            return " ".join(filter(None, (entry.environment, entry.application))) or "--all"
        case Hold():
            return f"{entry.application} {entry.environment}"
        case _:
            return entry.value
