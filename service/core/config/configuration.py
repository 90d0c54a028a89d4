"""A whole configuration as loaded: what is asked of it by routing, the pipeline and the command line.

Made by `load` alone, so every one that exists is free of faults. Immutable.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from service.core.config.explain import Explanation, explain
from service.core.config.layers import Layers
from service.core.config.report import nearest
from service.core.config.targets import Target
from service.core.config.tree import Place
from service.core.roles import Roles
from service.core.words import Repository
from service.errors import Fault, NotFoundError


@dataclass(frozen=True, slots=True)
class Configuration:
    """Applications, environments and the target of each pair, as of one commit of the configuration.

    `warnings` tell what may surprise; they stop nothing. `reason_required`: nobody locks, holds or blocks without one.
    `roles` say who may ask for what.
    """

    commit: str
    applications: tuple[str, ...]
    environments: tuple[str, ...]
    warnings: tuple[Fault, ...] = ()
    reason_required: bool = False
    roles: Roles = field(default_factory=Roles)
    _targets: Mapping[tuple[str, str], Target] = field(default_factory=dict, repr=False)
    _off: tuple[Target, ...] = ()
    _layers: Mapping[tuple[str, str], Layers] = field(default_factory=dict, repr=False, compare=False)

    def target(self, application: str, environment: str) -> Target | None:
        """Give what applies; None if the application is not in the environment (`false`).

        Raises NotFoundError for a name that the configuration does not have.
        """
        for what, name, names in (
            ("application", application, self.applications),
            ("environment", environment, self.environments),
        ):
            if name not in names:
                raise NotFoundError(
                    f"the configuration has no {what} {name}",
                    code=f"{what}-unknown",
                    hint=nearest(name, names),
                    **{what: name},
                )
        return self._targets.get((application, environment))

    def targets(self) -> Iterator[Target]:
        """Give every target, applications and environments in the order of the file."""
        return iter(self._targets.values())

    def fed_by(self, application: str, environment: str) -> Iterator[Target]:
        """Give the application's targets that this environment of its feeds."""
        for name in self.environments:
            target = self._targets.get((application, name))
            if target is not None and target.upstream and environment in target.upstream.environments:
                yield target

    def off(self) -> Iterator[Target]:
        """Give the targets that are switched off (`false`) as they would apply, as far as they can be read."""
        return iter(self._off)

    def explain(self, application: str, environment: str) -> tuple[Explanation, ...]:
        """Give what applies as (key, value, line it comes from); empty if the application is not there."""
        target = self.target(application, environment)
        return explain(target, self._layers[application, environment]) if target else ()

    def place(self, application: str, environment: str, *parts: str | int) -> Place:
        """Give where a value of a target is written."""
        return self._layers[application, environment].place(*parts)

    def sources(self) -> frozenset[Repository]:
        """Give the repositories of code whose changes start work, or would in targets that are switched off."""
        return frozenset(target.source for target in (*self.targets(), *self._off) if target.model is None)

    def manifest_repositories(self, default: Repository) -> frozenset[Repository]:
        """Give the repositories that are written; `default` is the configuration repository."""
        return frozenset(target.manifest_repository or default for target in self.targets())
