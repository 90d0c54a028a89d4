"""Decides what a change starts: the targets that its branch and paths reach, or why there are none.

Called by intake with the configuration of the moment. Pure: it looks nothing up and remembers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from service.core.config import Configuration, Target
from service.core.config.patterns import matches, selects_any
from service.core.config.report import shortened
from service.core.words import Repository

_FEW = 3


@dataclass(frozen=True, slots=True)
class Routing:
    """What a change starts.

    `refused` are the targets that the branch feeds and the path filters keep out, as (application,
    environment, reason), `off` those that the change would start if they were not switched off, as
    (application, environment). `reason` is one sentence for people, and empty when something runs.
    """

    targets: tuple[Target, ...] = ()
    refused: tuple[tuple[str, str, str], ...] = ()
    reason: str = ""
    off: tuple[tuple[str, str], ...] = ()


def route(configuration: Configuration, repository: Repository, branch: str, paths: frozenset[str] | None) -> Routing:
    """Give what a change of these paths on this branch starts; `paths` None means that any may be touched."""
    ours = [target for target in configuration.targets() if target.source == repository]
    off = tuple(
        (target.application, target.environment)
        for target in switched_off(configuration, repository, branch)
        if paths is None or selects_any(target.paths, paths)
    )
    fed = [target for target in ours if target.branch and matches(target.branch, branch)]
    if not fed and off:
        return Routing(reason=f"{_off(off)}.", off=off)
    if not ours:
        return Routing(reason=f"{repository} is not the source of any application in the configuration.")
    if not fed:
        names = _listed(dict.fromkeys(f"{fed_by(target)} feeds {target.environment}" for target in ours))
        return Routing(reason=f"No environment is fed by branch {branch} of {repository}: {names}.")
    touched: list[Target] = []
    refusals: list[tuple[str, str, str]] = []
    for target in fed:
        if paths is None or selects_any(target.paths, paths):
            touched.append(target)
        else:
            refusals.append((target.application, target.environment, _refusal(target, paths)))
    refused = tuple(refusals)
    if touched:
        return Routing(targets=tuple(touched), refused=refused, off=off)
    names = _listed(dict.fromkeys(target.application for target in fed))
    reason = f"None of {_changed(paths)} matches the paths of {names}."
    return Routing(refused=refused, reason=f"{reason} {_off(off)}." if off else reason, off=off)


def _off(pairs: Iterable[tuple[str, str]]) -> str:
    """Say which applications are switched off in which environments."""
    return _listed(f"{application} is switched off in {environment} (`false`)" for application, environment in pairs)


def switched_off(configuration: Configuration, repository: Repository, branch: str) -> tuple[Target, ...]:
    """Give the targets that the branch would feed if they were not switched off."""
    return tuple(
        target
        for target in configuration.off()
        if target.source == repository and target.branch and matches(target.branch, branch)
    )


def fed_by(target: Target) -> str:
    """Name what feeds a target: a branch, or the environments upstream."""
    if target.upstream is None:
        return target.branch
    return (" and " if target.upstream.every else " or ").join(target.upstream.environments)


def _refusal(target: Target, paths: frozenset[str]) -> str:
    return f"none of {_changed(paths)} matches {_listed(target.paths)}"


def _changed(paths: frozenset[str] | None) -> str:
    """Say how many paths changed, and name the first of them."""
    shown = [shortened(path) for path in sorted(paths or ())]
    if not shown:
        return "0 changed paths"
    return f"{len(shown)} changed path{'' if len(shown) == 1 else 's'} ({_listed(shown)})"


def _listed(names: Iterable[str]) -> str:
    """Write a few names out, and count the others."""
    every = list(names)
    if len(every) <= _FEW:
        return ", ".join(every)
    return f"{', '.join(every[:_FEW])} and {len(every) - _FEW} more"
