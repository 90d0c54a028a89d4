"""The builder github-actions in a worker that a test kills, right before a dispatch has effect or right after."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, cast

from service.adapters.builders import github_actions
from service.adapters.builders.github_actions.builder import GitHubActions
from service.adapters.parts import Parts
from service.ports import StartRequest


class Options(github_actions.Options):
    """Those of github-actions."""

    kind: Literal["mortal"] = "mortal"  # type: ignore[assignment] # its own name


@dataclass
class Death:
    """When the worker dies; the same for every worker of a test."""

    at: Literal["", "before", "after"] = ""


class Mortal(GitHubActions):
    """Dies as its death says, once."""

    death: Death

    def start(self, request: StartRequest, correlation: str) -> str | None:
        self._die("before")
        told = super().start(request, correlation)
        self._die("after")
        return told

    def _die(self, at: str) -> None:
        if self.death.at == at:
            self.death.at = ""
            raise SystemExit("the worker dies here")


def make(parts: Parts) -> Mortal:
    """Give the real builder as one that may die."""
    made = cast(Mortal, github_actions.make(parts))
    made.__class__ = Mortal
    made.death = Death()
    return made
