"""What of the state stands in the way of a promotion now, and how people are told.

Called right before a push, and by what waits for the state to change. Pure: the time is a parameter.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import assert_never

from service.core.foreign_text import cut, line
from service.core.state.entries import Block, Blocked, Cause, Entry, Hold, Lock, State

SHORT_REASON = 200
"""Characters of a reason where it is told beside other things."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be promoted where; `models` are `NAME@VERSION`."""

    application: str
    environment: str
    commit: str
    digests: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()


def in_the_way(state: State, candidate: Candidate, now: datetime) -> tuple[Entry, ...]:
    """Give the entries in force that keep the candidate from being promoted, blocks first."""
    found = [entry for entry in state.entries if not entry.placed.over(now) and _covers(entry, candidate)]
    return tuple(sorted(found, key=lambda entry: not isinstance(entry, Block)))


def _covers(entry: Entry, candidate: Candidate) -> bool:
    match entry:
        case Lock() | Hold():
            return entry.covers(candidate.application, candidate.environment)
        case Block(kind=Blocked.DIGEST, value=value):
            return value in candidate.digests
        case Block(kind=Blocked.COMMIT, value=value):
            return value == candidate.commit
        case Block(value=value):
            return value in candidate.models
        case _:
            assert_never(entry)


def digests_in(value: object) -> Iterator[str]:
    """Give every digest in what is kept of a run's images, those of single platforms included."""
    if isinstance(value, dict):
        for inner in value.values():
            yield from digests_in(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from digests_in(inner)
    elif isinstance(value, str) and value.startswith("sha256:"):
        yield value


def told(entry: Entry, now: datetime) -> str:
    """Say in one line what the entry does, who placed it, when, why and until when."""
    placed = entry.placed
    why = f": {cut(line(placed.why), SHORT_REASON)}" if placed.why.strip() else ""
    until = "" if placed.until is None else f", until {_moment(placed.until)}"
    ended = " (its time is over)" if placed.over(now) else ""
    by = f"by {cut(line(placed.who), SHORT_REASON)} since {_moment(placed.since)}{until}{ended}{why}"
    by += f" ({entry.stray.words})" if entry.stray is not None else ""
    match entry:
        case Lock():
            return f"{entry.name} is locked {by}"
        case Hold():
            back = {Cause.PERSON: "", Cause.ROLLBACK: "after a rollback ", Cause.REVERT: "after a revert "}[entry.cause]
            gone = f" (refused: {entry.refused[:19]})" if entry.refused else ""
            return f"{entry.name} is held {back}{by}{gone}"
        case Block():
            return f"{entry.name} is blocked {by}"
        case _:
            assert_never(entry)


def _moment(at: datetime) -> str:
    return at.strftime("%Y-%m-%d %H:%M UTC")
