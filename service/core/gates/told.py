"""Finds what people closed for a promotion, and tells of it. Used by the gates lock, hold and block."""

from __future__ import annotations

from service.core.gates.facts import Facts
from service.core.gates.moments import moment
from service.core.gates.restrictions import ClosedByPeople, Restriction, RestrictionKind


def in_force(kind: RestrictionKind, facts: Facts, state: ClosedByPeople) -> tuple[Restriction, ...]:
    """Give the restrictions of a kind that count for this promotion now."""
    return tuple(
        one
        for one in state.restrictions
        if one.kind is kind and one.in_force(facts.now, facts.application, facts.environment)
    )


def told(one: Restriction) -> str:
    """Tell by whom, since when, until when and why."""
    until = f", until {moment(one.until)}" if one.until else ""
    why = f": {one.why}" if one.why else ", without a reason"
    return f"by {one.who} since {moment(one.since)}{until}{why}"
