"""Judges all gates of one release into one answer. Called by whoever promotes, plans or explains; pure.

Exclusion beats allowance: one gate that refuses makes the whole refuse, one that waits makes it wait.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from types import ModuleType
from typing import TypeAlias, cast

from pydantic import BaseModel

from service.core.gates.facts import Facts, Override
from service.core.gates.gate_verdict import PLAIN, Allow, Evidence, Refuse, Traits, Verdict, Wait
from service.core.gates.moments import earliest

FROM_STATE = ("block", "hold", "lock")
"""The gates that every release passes, whatever is configured: people close them."""
ORDER = (*FROM_STATE, "soak", "checks", "image", "freeze", "approval")
"""The order in which gates are told; others follow by their name."""

Gates: TypeAlias = Sequence[tuple[str, BaseModel]]
"""The configured gates of a target: kind and options."""


class Outcome(StrEnum):
    """What all gates together say."""

    ALLOW = "allow"
    WAIT = "wait"
    REFUSE = "refuse"


@dataclass(frozen=True, slots=True)
class Judged:
    """One gate's answer, and the override that opens it all the same, if there is one."""

    gate: str
    verdict: Verdict
    traits: Traits = PLAIN
    override: Override | None = None

    @property
    def open(self) -> bool:
        """Whether the promotion may go on, as far as this gate is asked."""
        return isinstance(self.verdict, Allow) or self.override is not None


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answers of all gates of one release in one environment, in the order in which they are told."""

    gates: tuple[Judged, ...]

    @property
    def outcome(self) -> Outcome:
        """What they say together."""
        closed = [one.verdict for one in self.gates if not one.open]
        if any(isinstance(verdict, Refuse) for verdict in closed):
            return Outcome.REFUSE
        return Outcome.WAIT if closed else Outcome.ALLOW

    @property
    def until(self) -> datetime | None:
        """The next time at which the clock alone may change an answer; None if only new facts can."""
        return earliest(one.verdict.until for one in self.gates if isinstance(one.verdict, Allow | Wait))

    @property
    def closed(self) -> tuple[Judged, ...]:
        """The gates that are not open."""
        return tuple(one for one in self.gates if not one.open)

    @property
    def overridden(self) -> tuple[Judged, ...]:
        """The gates that a person has opened."""
        return tuple(one for one in self.gates if one.override is not None)

    @property
    def keeping_closed(self) -> tuple[Judged, ...]:
        """The gates because of which no pull request is opened or rolled forward."""
        return tuple(one for one in self.closed if one.traits.keeps_closed)

    @property
    def keeping_out(self) -> tuple[Judged, ...]:
        """The gates because of which the application is not in a pull request that several share; its others go on."""
        return tuple(one for one in self.closed if one.traits.of_release or one.gate in FROM_STATE)


def judge_all(gates: Gates, facts: Facts) -> Judgement:
    """Judge a release by the configured gates, and by what people have closed."""
    asked = [*((kind, None) for kind in FROM_STATE), *gates]
    judged = [_judged(kind, options, facts) for kind, options in asked]
    return Judgement(tuple(sorted(judged, key=_rank)))


def judge(kind: str, options: BaseModel | None, facts: Facts) -> Verdict:
    """Ask the gate of a kind; `options` are of its own model, None if it has none."""
    return cast(Verdict, _module(kind).judge(options, facts))


def evidence_for(gates: Gates) -> frozenset[Evidence]:
    """Give what must be read before these gates, and those that people close, can judge."""
    kinds = (*FROM_STATE, *(kind for kind, _ in gates))
    return frozenset().union(*(traits_of(kind).reads for kind in kinds))


def traits_of(kind: str) -> Traits:
    """Give what is special about a kind."""
    return cast(Traits, getattr(_module(kind), "TRAITS", PLAIN))


def _judged(kind: str, options: BaseModel | None, facts: Facts) -> Judged:
    verdict, traits = judge(kind, options, facts), traits_of(kind)
    needed = not isinstance(verdict, Allow) and not traits.final
    override = next((one for one in facts.overrides if one.gate == kind), None) if needed else None
    return Judged(kind, verdict, traits, override)


def _rank(judged: Judged) -> tuple[int, str]:
    kind = judged.gate
    return (ORDER.index(kind), "") if kind in ORDER else (len(ORDER), kind)


def _module(kind: str) -> ModuleType:
    return import_module(f"service.core.gates.{kind.replace('-', '_')}")
