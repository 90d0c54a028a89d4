"""What people said of a promotion: reviews in GitHub, or comments and commands in commit mode. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.core.gates.unknown import NOT_READ, Unknown
from service.core.words import Sha


class ReviewState(StrEnum):
    """What one person's review says. A comment alone says nothing, and is no review here."""

    APPROVED = "approved"
    CHANGES_REQUESTED = "changes requested"
    DISMISSED = "dismissed"


@dataclass(frozen=True, slots=True)
class Review:
    """One review: by whom, of which teams, of which head, and when. `teams` are slugs."""

    login: str
    state: ReviewState
    head: Sha
    at: datetime
    teams: frozenset[str] | Unknown = NOT_READ


@dataclass(frozen=True, slots=True)
class Reviews:
    """All reviews of a promotion.

    `head` is what there is to approve now: the head of the pull request, or the source commit in commit mode.
    `authors` are the logins that made what is promoted, `asked_by` the one who asked for the promotion, if anybody did.
    """

    head: Sha
    given: tuple[Review, ...]
    authors: frozenset[str] | Unknown = NOT_READ
    asked_by: str | None = None
