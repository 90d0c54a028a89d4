"""The kinds of faults that the checker can find, each with its meaning. Nothing here decides."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A broken promise."""

    GAP = "the moves of the branch do not join: the race itself is at fault"
    REWOUND = "a push that was no person's did not keep what was on the branch"
    PERSON_LOST = "a person's commit is gone, and no person removed it"
    REMOVED_BACK = "a commit that a person removed is back"
    EDIT_BACK = "an edit that a person removed was written again"
    TWICE = "an edit is there twice"
    BACKWARDS = "an older source commit was written over a newer one"
    UNKNOWN = "a commit that belongs to no accepted edit"
    FOREIGN = "a commit touches what is not its own application's and environment's"
    BYTES = "bytes changed outside the wanted values, or to something else"
    UNPARSABLE = "a version of a file does not parse"
    TRAILERS = "trailers are missing, there twice, or not of this edit"
    LOST = "an accepted edit is nowhere, and nothing told why"
    DENIED = "a run says that it failed or was superseded before, and its edit is there"
    STUCK = "a run has not ended"
    LOCKED = "a commit went in where a lock was in force"
    HELD = "a commit went in where a hold was in force, and it was no rollback"
    BLOCKED = "a commit went in of what was blocked"
    UNHELD = "a rollback was written, and its place never had a hold"
    UPSTREAM = "a promotion came from upstream that was not there, or with another image"
    ACTION_TWICE = "an action has more than one commit on the state's branch"
    UNTOLD = "a run ended without words that tell why"


@dataclass(frozen=True, slots=True)
class Finding:
    """A broken promise and where."""

    kind: Kind
    repository: str
    words: str

    def __str__(self) -> str:
        """Write it on one line."""
        return f"{self.kind.name}: {self.repository}: {self.words} ({self.kind.value})"
