"""Tells why a change has no run to an environment: it is not known, or nothing sends it there. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.core.asked.causes import Answer, Cause, answered
from service.core.config import Target
from service.core.config.patterns import matches, selects_any
from service.core.foreign_text import cut, line
from service.core.gates.moments import moment
from service.core.routing import fed_by
from service.core.words import Repository

_SHORT = 12
_LONGEST = 600
_FEW = 3


@dataclass(frozen=True, slots=True)
class ChangeFacts:
    """The change that is asked about. `told` is what became of its delivery, `delivery` its id."""

    repository: Repository
    branch: str
    commit: str
    received: datetime
    paths: frozenset[str] | None = None
    told: str = ""
    delivery: str = ""


@dataclass(frozen=True, slots=True)
class Upstairs:
    """The same release in an environment upstream: the answer there."""

    environment: str
    answer: Answer


@dataclass(frozen=True, slots=True)
class NoRun:
    """A change without a run to an application's environment, as far as it is known.

    `target` applies there by the configuration in force; None with `off` where it is switched off. `faults` are those
    of a newer configuration that was refused. `closed` is what would stop it there if a person promoted it now, and
    `unasked` names the gates that only a promotion asks, because their facts are elsewhere.
    """

    application: str
    environment: str
    change: ChangeFacts
    target: Target | None
    off: bool = False
    faults: Sequence[str] = ()
    upstream: Sequence[Upstairs] = ()
    closed: Sequence[str] = ()
    unasked: Sequence[str] = ()


def why_no_run(case: NoRun) -> Answer:
    """Give the one thing for which a known change has no run to an environment."""
    change, target = case.change, case.target
    at = f"{change.commit[:_SHORT]} on {change.branch} of {change.repository}"
    if target is None and case.faults:
        return _answer(case, Cause.CONFIGURATION, f"mergeport.yaml has faults: {_listed(case.faults)}")
    if target is None:
        if case.off:
            words = f"{case.application} is switched off in {case.environment} (`false`)"
            return _answer(case, Cause.SWITCHED_OFF, words)
        words = f"the configuration has no {case.application} in {case.environment}"
        return _answer(case, Cause.NOT_ROUTED, words)
    if target.source != change.repository:
        words = f"{case.application} in {case.environment} takes {target.source}, and this is {at}"
        return _answer(case, Cause.NOT_ROUTED, words)
    if target.upstream is not None:
        return _from_upstream(case, target)
    if not matches(target.branch, change.branch):
        words = f"{case.environment} takes the branch {target.branch}, and this is {at}"
        return _answer(case, Cause.NOT_ROUTED, words)
    if change.paths is not None and not selects_any(target.paths, change.paths):
        count = len(change.paths)
        changed = f"its {count} changed path{'' if count == 1 else 's'} ({_listed(sorted(change.paths))})"
        words = f"none of {changed} matches the paths of {case.application}: {_listed(target.paths)}"
        return _answer(case, Cause.PATHS, words)
    if case.faults:
        words = f"mergeport.yaml has faults, and an older one is in force: {_listed(case.faults)}"
        return _answer(case, Cause.CONFIGURATION, words)
    told = f": {change.told}" if change.told else ""
    words = (
        f"it would go there by the configuration in force, but did not when it came, {moment(change.received)}{told}"
    )
    return _answer(case, Cause.NOT_STARTED, words)


def _from_upstream(case: NoRun, target: Target) -> Answer:
    assert target.upstream is not None  # noqa: S101 - asked by the caller
    lacking = [one for one in case.upstream if one.answer.cause is not Cause.LIVE]
    enough = not lacking if target.upstream.every else len(lacking) < len(case.upstream)
    if enough and not target.upstream.automatic:
        words = f"it is live in {fed_by(target)}, and {case.environment} takes it only when a person promotes it"
        words += f". In its way then: {'; '.join(case.closed)}" if case.closed else ""
        words += f". Asked when it is promoted: {', '.join(case.unasked)}" if case.unasked else ""
        return _answer(case, Cause.CANDIDATE, words)
    if enough:
        return _answer(case, Cause.UNDER_WAY, f"it is live in {fed_by(target)}, and its run has not begun yet")
    first = lacking[0]
    words = f"{case.environment} takes what is live and healthy in {fed_by(target)}; in {first.environment}: "
    found = _answer(case, Cause.UPSTREAM, words + first.answer.words)
    return Answer(found.cause, found.words, f"in {first.environment}: {first.answer.action}")


def _answer(case: NoRun, cause: Cause, words: str) -> Answer:
    return answered(
        cause, cut(line(words), _LONGEST), APPLICATION=case.application, ENVIRONMENT=case.environment,
        DELIVERY=case.change.delivery,
    )  # fmt: skip


def _listed(names: Sequence[str]) -> str:
    every = list(names)
    return ", ".join(every[:_FEW]) + (f" and {len(every) - _FEW} more" if len(every) > _FEW else "")
