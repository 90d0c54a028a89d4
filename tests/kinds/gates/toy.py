"""A gate that opens at an hour of the day: all that a gate has to be."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from service.core.gates import Allow, Facts, Verdict, Wait


class Options(BaseModel):
    """When the gate opens."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    opens_at: int = Field(ge=0, le=23, strict=True)
    why: str = "it is early"


def judge(options: Options, facts: Facts) -> Verdict:
    """Let everything through from that hour on."""
    opens = facts.now.replace(hour=options.opens_at, minute=0, second=0, microsecond=0)
    return Allow() if facts.now >= opens else Wait(options.why, until=opens)
