"""Observing applications together with what applications of applications consist of: shared by all looks."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from service.ports import Deployer, Observation

_DEEPEST_FAMILY = 3


def observe(deployer: Deployer, applications: Collection[str]) -> dict[str, Observation]:
    """Observe applications and their children, one call for each generation."""
    observed = dict(deployer.look(applications))
    return observed | _below(deployer, observed)


def observe_below(deployer: Deployer, application: str, observation: Observation) -> dict[str, Observation]:
    """Give an application that was just observed with its children."""
    observed = {application: observation}
    return observed | _below(deployer, observed)


def _below(deployer: Deployer, observed: Mapping[str, Observation]) -> dict[str, Observation]:
    found: dict[str, Observation] = {}
    newest = dict(observed)
    for _ in range(_DEEPEST_FAMILY):
        children = {child for seen in newest.values() for child in seen.children} - observed.keys() - found.keys()
        if not children:
            break
        newest = dict(deployer.look(children))
        found |= newest
    return found
