"""The lock: an environment, or an application in it, that a person closed to promotions."""

from __future__ import annotations

from service.core.gates.facts import Facts
from service.core.gates.gate_verdict import Allow, Evidence, Traits, Verdict, Wait
from service.core.gates.moments import earliest
from service.core.gates.restrictions import RestrictionKind
from service.core.gates.told import in_force, told
from service.core.gates.unknown import Unknown, wait_for

TRAITS = Traits(frozenset({Evidence.STATE}))


def judge(_options: None, facts: Facts) -> Verdict:
    """Wait while the environment is locked."""
    if isinstance(facts.state, Unknown):
        return wait_for("whether the environment is locked", facts.state)
    locks = in_force(RestrictionKind.LOCK, facts, facts.state)
    if not locks:
        return Allow("not locked")
    words = "; ".join(f"{_what(lock.application, facts)} is locked {told(lock)}" for lock in locks)
    return Wait(words, earliest(lock.until for lock in locks))


def _what(application: str | None, facts: Facts) -> str:
    return facts.environment if application is None else f"{application} in {facts.environment}"
