"""What people closed, as `state.yaml` of a manifest repository has it: locks, holds and blocks, with their scope."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

SHORTEST_COMMIT = 7


class RestrictionKind(StrEnum):
    """What a restriction is."""

    LOCK = "lock"
    HOLD = "hold"
    BLOCK = "block"


@dataclass(frozen=True, slots=True)
class Restriction:
    """One lock, hold or block: where, by whom, why, since when and until when.

    None as application or environment means all of them. `subject` is what a block blocks: a digest, a source commit
    or a model version; empty for the others.
    """

    kind: RestrictionKind
    who: str
    why: str
    since: datetime
    until: datetime | None = None
    application: str | None = None
    environment: str | None = None
    subject: str = ""

    def in_force(self, now: datetime, application: str, environment: str) -> bool:
        """Tell whether it counts now and here; at `until` it has ended."""
        return (
            (self.until is None or now < self.until)
            and self.application in {None, application, application.partition(".")[0]}
            and self.environment in {None, environment}
        )


@dataclass(frozen=True, slots=True)
class ClosedByPeople:
    """All restrictions that are in the state, ended ones too.

    `broken` tells in words that the state is damaged, and that these are the last good ones: then nothing is promoted.
    """

    restrictions: tuple[Restriction, ...] = ()
    broken: str = ""
