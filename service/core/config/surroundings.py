"""What a gate's options are checked against, beyond themselves: the environments around a target.

`load` makes it once all targets are read. Options that have `misplaced` are asked what does not fit.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple, Protocol, runtime_checkable

from service.core.config.report import nearest


class Surroundings(NamedTuple):
    """One application in one environment, and what is around it.

    `watched` has the other environments that the application is in, each with whether Argo CD is watched there.
    """

    application: str
    environment: str
    applications: tuple[str, ...]
    environments: tuple[str, ...]
    watched: Mapping[str, bool]

    def nearest(self, name: str) -> str:
        """Give the hint that names the environment which was most likely meant."""
        return nearest(name, self.environments)

    def nearest_application(self, name: str) -> str:
        """Give the hint that names the application which was most likely meant."""
        return nearest(name, self.applications)


class Misplaced(NamedTuple):
    """What does not fit: where in the options, in words, and the next action."""

    where: tuple[str | int, ...]
    message: str
    hint: str = ""


@runtime_checkable
class Placed(Protocol):
    """Options that depend on what is around them."""

    def misplaced(self, around: Surroundings) -> Iterator[Misplaced]:
        """Give everything that does not fit."""
        ...
