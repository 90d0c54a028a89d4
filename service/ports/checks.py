"""Checks of commits: what pipelines and other Apps say of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

from service.core.words import Repository, Sha

if TYPE_CHECKING:
    from service.core.gates.seen_checks import Check


class Checks(Protocol):
    """Reads the checks of commits of one forge."""

    def checks_of(self, repository: Repository, commit: Sha) -> Sequence[Check]:
        """Give all statuses and check runs of a commit, newest reports only where the forge has several.

        PermanentError `github-list-too-long` if there are more than are read: a part of them would be no evidence.
        """
        ...
