"""The entries of the state: locks, holds and blocks, each with who placed it, why, since when and until when.

Pure values. An entry's `subject` says what it is about; there is at most one entry of a subject.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

LONGEST_REASON = 10_000
"""Characters of a reason that are kept."""
LONGEST_NAME = 200
"""Characters of an id, of a person's name, and of what an entry is about."""


class Cause(StrEnum):
    """Why a hold was placed."""

    PERSON = "person"
    """Somebody asked for it."""
    ROLLBACK = "rollback"
    """A rollback went back behind the release."""
    REVERT = "revert"
    """A person took the release back in the manifest repository."""


class Blocked(StrEnum):
    """What a block names; the words are the keys of the file."""

    DIGEST = "digest"
    COMMIT = "commit"
    MODEL = "model"


@dataclass(frozen=True, slots=True)
class Placed:
    """Who placed an entry, since when, why and until when (None: until it is taken away). Times are whole seconds."""

    id: str
    who: str
    since: datetime
    why: str = ""
    until: datetime | None = None

    def over(self, now: datetime) -> bool:
        """Tell whether its time is over. `since` never counts: the clock that wrote it may have been ahead."""
        return self.until is not None and self.until <= now


Subject: TypeAlias = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Stray:
    """What is wrong with an entry's names, in words. A name that is not known counts as every name if it says so."""

    words: str
    environment: bool = False
    application: bool = False


@dataclass(frozen=True, slots=True)
class Lock:
    """An environment that is closed to promotions, or an application in it, or everything if both names are empty."""

    placed: Placed
    environment: str = ""
    application: str = ""
    stray: Stray | None = field(default=None, compare=False)

    def covers(self, application: str, environment: str) -> bool:
        """Tell whether it closes a place."""
        return _covers(self, application, environment)

    @property
    def subject(self) -> Subject:
        """Say what it is about."""
        return "lock", self.environment, self.application

    @property
    def name(self) -> str:
        """Name what is locked, for people."""
        if not self.environment:
            return "everything"
        return f"{self.application} in {self.environment}" if self.application else self.environment


@dataclass(frozen=True, slots=True)
class Hold:
    """An application's environment that takes no automatic promotions.

    `refused` is the release that was gone back from: a source commit or a digest, empty if none is meant.
    """

    placed: Placed
    application: str
    environment: str
    cause: Cause = Cause.PERSON
    refused: str = ""
    stray: Stray | None = field(default=None, compare=False)

    def covers(self, application: str, environment: str) -> bool:
        """Tell whether it closes a place."""
        return _covers(self, application, environment)

    @property
    def subject(self) -> Subject:
        """Say what it is about."""
        return "hold", self.application, self.environment

    @property
    def name(self) -> str:
        """Name what is held, for people."""
        return f"{self.application} in {self.environment}"


@dataclass(frozen=True, slots=True)
class Block:
    """A digest, source commit or model version (`NAME@VERSION`) that nothing and nobody promotes."""

    placed: Placed
    kind: Blocked
    value: str
    stray: Stray | None = field(default=None, compare=False)

    @property
    def subject(self) -> Subject:
        """Say what it is about."""
        return "block", self.kind.value, self.value

    @property
    def name(self) -> str:
        """Name what is blocked, for people."""
        return f"{self.kind} {self.value}"


Entry: TypeAlias = Lock | Hold | Block


def _covers(entry: Lock | Hold, application: str, environment: str) -> bool:
    every = entry.stray or Stray("")
    return (entry.environment in {"", environment} or every.environment) and (
        entry.application in {"", application, application.partition(".")[0]} or every.application
    )


@dataclass(frozen=True, slots=True)
class State:
    """All entries, ordered by their subjects, so that two states with the same entries are equal."""

    entries: tuple[Entry, ...] = ()

    @staticmethod
    def of(entries: dict[Subject, Entry]) -> State:
        """Make the state of these entries."""
        return State(tuple(entries[subject] for subject in sorted(entries)))

    def by_subject(self) -> dict[Subject, Entry]:
        """Give the entries by what they are about."""
        return {entry.subject: entry for entry in self.entries}
