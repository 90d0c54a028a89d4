"""The metric: what the run of a model's version measured must reach a bound, fixed or relative to the live version."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Annotated, NamedTuple

from pydantic import AfterValidator, RootModel

from service.core.config.texts import TextError
from service.core.gates.facts import Facts
from service.core.gates.gate_verdict import Allow, Evidence, Refuse, Traits, Verdict
from service.core.gates.unknown import Unknown, wait_for
from service.core.promotion_model import ModelFacts, number

TRAITS = Traits(frozenset({Evidence.MODEL}), of_release=True)

_NUMBER = r"[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?"
_BOUND = re.compile(
    rf"(?P<how>>=|<=|>|<)\s*(?:(?P<fixed>-?{_NUMBER})|live(?:\s*(?P<sign>[-+*])\s*(?P<by>{_NUMBER})(?P<percent>%?))?)"
)
_LONGEST_NAME = 250


class Bound(NamedTuple):
    """A bound as it is written: `>= live - 0.005`, `<= 120`."""

    how: str
    fixed: float | None
    sign: str = "+"
    by: float = 0.0
    percent: bool = False

    @property
    def relative(self) -> bool:
        """Whether the live version's metric is needed."""
        return self.fixed is None

    def at(self, live: float) -> float:
        """Give the number that is compared with."""
        if self.fixed is not None:
            return self.fixed
        if self.sign == "*":
            return live * self.by
        by = abs(live) * self.by / 100 if self.percent else self.by
        return live - by if self.sign == "-" else live + by

    def holds(self, value: float, limit: float) -> bool:
        """Compare; numbers that differ only by how computers round are equal."""
        alike = math.isclose(value, limit, rel_tol=1e-12, abs_tol=1e-15)
        match self.how:
            case ">=":
                return value > limit or alike
            case "<=":
                return value < limit or alike
            case ">":
                return value > limit and not alike
            case _:
                return value < limit and not alike


def parse_bound(text: str) -> Bound:
    """Read a bound; TextError if it is none."""
    found = _BOUND.fullmatch(text.strip())
    if found is None or (found["percent"] and found["sign"] == "*"):
        raise TextError(f'"{text}" is not a bound', 'for example ">= live - 0.005", ">= live - 1%" or "<= 120"')
    fixed = float(found["fixed"]) if found["fixed"] else None
    by = float(found["by"] or 0)
    return Bound(found["how"], fixed, found["sign"] or "+", by, bool(found["percent"]))


def _checked(text: str) -> str:
    parse_bound(text)
    return text


def _named(bounds: Mapping[str, str]) -> Mapping[str, str]:
    if not bounds:
        raise TextError("names no metric", 'for example auc: ">= live - 0.005"')
    for name in bounds:
        if not name.strip() or len(name) > _LONGEST_NAME:
            raise TextError("a metric has a name", "as MLflow shows it")
    return bounds


class Options(
    RootModel[Annotated[dict[str, Annotated[str, AfterValidator(_checked)]], AfterValidator(_named)]], frozen=True
):
    """Metrics of a model's version, each with its bound."""


def judge(options: Options, facts: Facts) -> Verdict:
    """Refuse a version whose metrics miss a bound, or are not there. Where nothing is live, nothing is compared."""
    if isinstance(facts.model, Unknown):
        return wait_for("the metrics", facts.model)
    if facts.model is None:
        return Allow("it brings no model")
    new, live = facts.model.new, facts.model.live
    bounds = {name: parse_bound(text) for name, text in options.root.items()}
    if facts.model.unread and any(bound.relative for bound in bounds.values()):
        return wait_for("the metrics of what is live", Unknown(facts.model.unread))
    told = [_judged(name, bound, new, live) for name, bound in bounds.items()]
    failed = [words for well, words in told if not well]
    return Refuse("; ".join(failed)) if failed else Allow("; ".join(words for _, words in told))


def _judged(name: str, bound: Bound, new: ModelFacts, live: ModelFacts | None) -> tuple[bool, str]:
    value = new.metrics.get(name)
    if value is None:
        return False, f"version {new.version} has no metric {name}"
    if math.isnan(value):
        return False, f"{name} of version {new.version} is not a number"
    if not bound.relative:
        limit, beside = bound.at(0), ""
    elif live is None:
        return True, f"{name} is {number(value)}, and nothing is live to compare it with"
    else:
        before = live.metrics.get(name)
        if before is None or math.isnan(before):
            return False, f"the live version {live.version} has no metric {name} to compare with"
        limit, beside = bound.at(before), f", live is {number(before)}"
    well = bound.holds(value, limit)
    return well, f"{name} is {number(value)}, {'' if well else 'not '}{bound.how} {number(limit)}{beside}"
