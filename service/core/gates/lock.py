"""The lock: an environment, or an application in it, that a person closed to promotions."""

from __future__ import annotations

from service.core.gates.facts import Facts
from service.core.gates.gate_verdict import Allow, Verdict, Wait
from service.core.gates.moments import earliest
from service.core.gates.restrictions import RestrictionKind
from service.core.gates.told import in_force, told
from service.core.gates.unknown import Unknown, wait_for


def judge(_options: None, facts: Facts) -> Verdict:
    """Wait while the environment is locked, or while the state is damaged so that nobody knows."""
    if isinstance(facts.state, Unknown):
        return wait_for("whether the environment is locked", facts.state)
    locks = in_force(RestrictionKind.LOCK, facts, facts.state)
    broken = facts.state.broken
    if not locks and not broken:
        return Allow("not locked")
    words = [f"the state of the manifest repository is damaged: {broken}"] if broken else []
    words += [f"{_what(lock.application, facts)} is locked {told(lock)}" for lock in locks]
    return Wait("; ".join(words), None if broken else earliest(lock.until for lock in locks))


def _what(application: str | None, facts: Facts) -> str:
    return facts.environment if application is None else f"{application} in {facts.environment}"
