"""A fact that could not be read: why, and when it is worth reading again.

Whoever reads facts puts it where the fact would be. A gate that needs such a fact waits, and never opens.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.core.gates.gate_verdict import Wait


@dataclass(frozen=True, slots=True)
class Unknown:
    """Something that nobody could read; `again` is the next time worth trying."""

    why: str
    again: datetime | None = None


NOT_READ = Unknown("it was not asked for yet")


def wait_for(what: str, unknown: Unknown) -> Wait:
    """Wait because a fact could not be read; `what` names it as the subject of a sentence."""
    return Wait(f"{what} could not be read: {unknown.why}", unknown.again)
