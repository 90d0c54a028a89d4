"""What makes desired state live and tells how it fares: Argo CD and its like."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Protocol

from service.core.deployment import Observation, Pods

__all__ = ["Deployer", "Observation", "Pods"]


class Deployer(Protocol):
    """Makes desired state live and tells how far it is."""

    def refresh(self, application: str) -> Observation | None:
        """Tell the deployer to look at the manifest repository now; PermanentError `argocd-application-unknown`.

        Gives what it found, or None if it takes too long to answer.
        """
        ...

    def announce(self, page: str, branch: str) -> None:
        """Tell the part that creates applications that a branch of the repository at this page has moved.

        Does nothing if there is no such part; RetryableError if it does not accept the message.
        """
        ...

    def look(self, applications: Collection[str]) -> Mapping[str, Observation]:
        """Observe many applications by few calls; those it does not know are left out."""
        ...

    def closed_windows(self, application: str) -> tuple[str, ...]:
        """Give in words what keeps the application from being synced automatically now; empty if nothing does."""
        ...

    def pods(self, application: str) -> Pods:
        """Read from an application's tree of objects how its pods are; this is a separate call."""
        ...
