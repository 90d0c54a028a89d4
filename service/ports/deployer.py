"""What makes desired state live and tells how it fares: Argo CD and its like."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Observation:
    """What a deployer says of one application now; core.deployment judges it.

    `revisions` are the compared ones (one a source), `synced_revisions` those of the last finished
    operation. `messages` are the deployer's own words for whatever is wrong, most telling first.
    """

    application: str
    sync: str
    revisions: tuple[str, ...]
    phase: str | None
    synced_revisions: tuple[str, ...]
    health: str
    messages: tuple[str, ...] = ()
    comparison_error: bool = False
    images: tuple[str, ...] = ()
    url: str = ""


class Deployer(Protocol):
    """Makes desired state live and tells how it fares."""

    def refresh(self, application: str) -> None:
        """Tell it to look at the manifest repository now; PermanentError `argocd-application-unknown`."""
        ...

    def look(self, applications: Collection[str]) -> Mapping[str, Observation]:
        """Observe many applications by one list call; those it does not know are left out."""
        ...
