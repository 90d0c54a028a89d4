"""The hold: automatic promotions of an application to an environment are refused, since a person stepped back there."""

from __future__ import annotations

from service.core.gates.facts import Facts
from service.core.gates.gate_verdict import Allow, Evidence, Traits, Verdict, Wait
from service.core.gates.moments import earliest
from service.core.gates.restrictions import RestrictionKind
from service.core.gates.told import in_force, told
from service.core.gates.unknown import Unknown, wait_for

TRAITS = Traits(frozenset({Evidence.STATE}), keeps_closed=True)


def judge(_options: None, facts: Facts) -> Verdict:
    """Wait while the application is on hold. Who promotes all the same lifts the hold first."""
    if isinstance(facts.state, Unknown):
        return wait_for("whether there is a hold", facts.state)
    holds = in_force(RestrictionKind.HOLD, facts, facts.state)
    if not holds:
        return Allow("no hold")
    words = "; ".join(f"{facts.application} is on hold in {facts.environment} {told(hold)}" for hold in holds)
    return Wait(words, earliest(hold.until for hold in holds))
