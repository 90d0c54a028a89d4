"""How we are set up at a forge: what our login may do, whom its web hook calls, and what a branch asks of a push.

Asked by `mergeport doctor` alone. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from service.core.words import Repository

OF_THE_APP = "the App"
"""Whose a hook is that tells of all repositories of an App."""


@dataclass(frozen=True, slots=True)
class Access:
    """What our login may do in a repository.

    `permissions` (name to `read`, `write` or `admin`) and `events` are an App's; they are None for a token, of which a
    forge tells only whether it may push.
    """

    can_push: bool
    permissions: Mapping[str, str] | None = None
    events: frozenset[str] | None = None
    suspended: bool = False


@dataclass(frozen=True, slots=True)
class Attempt:
    """One delivery that the forge tried; `status` is what was answered, 0 for nothing."""

    at: datetime
    event: str
    status: int
    words: str


@dataclass(frozen=True, slots=True)
class Hook:
    """A web hook: whose it is in words, its address, the events it sends, and its newest attempts, newest first.

    `is_json` tells whether it sends JSON. An App's hook sends the App's events, so `events` is None.
    """

    of: str
    address: str
    is_json: bool
    active: bool = True
    events: frozenset[str] | None = None
    attempts: tuple[Attempt, ...] = ()


@dataclass(frozen=True, slots=True)
class BranchRules:
    """What a branch asks of whoever changes it.

    `pull_request`: only a pull request changes it, but for who may bypass that, which cannot be read. `checks` are the
    contexts that must pass. `whole` is False where classic protection is on, of which only `checks` can be read.
    """

    pull_request: bool = False
    signatures: bool = False
    queue: bool = False
    checks: frozenset[str] = frozenset()
    whole: bool = True


class ForgeSetup(Protocol):
    """Tells how we are set up."""

    def access(self, repository: Repository) -> Access:
        """Read what our login may do there; DoubtfulError `github-app-not-installed` where the App is not."""
        ...

    def hooks(self, repository: Repository) -> tuple[Hook, ...] | None:
        """Read the App's hook, or the repository's own; None if we may not read them."""
        ...

    def rules(self, repository: Repository, branch: str) -> BranchRules:
        """Read what the branch asks."""
        ...

    def ahead(self) -> timedelta:
        """Tell how far the forge's clock is ahead of ours, to a second."""
        ...
