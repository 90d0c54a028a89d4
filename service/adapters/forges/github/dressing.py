"""What is put on a pull request of ours besides its text: labels, reviewers, assignees, a milestone. Called by `Pulls`.

Only what is missing is asked for, so repeating costs nothing. What GitHub refuses fails nothing: it is given back in
words, because a pull request without a reviewer is better than none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import TypeVar

import structlog
from pydantic import BaseModel

from service.adapters.forges.github.shapes import Account, Label, Pull
from service.adapters.github_api.connection import Connection
from service.core.words import Repository
from service.errors import DoubtfulError, PermanentError
from service.ports import PullRequestDraft, Refused

TEAM = "team:"
PERMISSION = "pull requests: write"

_log = structlog.get_logger(__name__)
_T = TypeVar("_T")


class _Issue(BaseModel):
    assignees: list[Account] | None = None


class _Milestone(BaseModel):
    number: int
    title: str
    state: str


class Dressing:
    """What pull requests of a repository are given, by one connection."""

    def __init__(self, connection: Connection) -> None:
        """Keep the connection."""
        self._connection = connection

    def put_on(
        self, repository: Repository, pull: Pull, draft: PullRequestDraft
    ) -> tuple[tuple[str, ...], list[Refused]]:
        """Add what the draft says and the pull request lacks; give its labels, and what could not be added."""
        labels, refused = self._label(repository, pull, draft)
        refused += self._ask_for_reviews(repository, pull, draft)
        refused += self._assign(repository, pull, draft)
        refused += self._set_milestone(repository, pull, draft)
        return labels, refused

    def _label(
        self, repository: Repository, pull: Pull, draft: PullRequestDraft
    ) -> tuple[tuple[str, ...], list[Refused]]:
        have = tuple(label.name for label in pull.labels)
        missing = _missing(draft.labels, have)
        if not missing:
            return have, []
        words = f"the labels {', '.join(missing)} could not be added"
        ask = partial(self.add_labels, repository, pull.number, missing)
        now, refused = self._tried(ask, repository, pull, words, [("label", one) for one in missing])
        return have if now is None else now, refused

    def add_labels(self, repository: Repository, number: int, labels: list[str]) -> tuple[str, ...]:
        """Add labels; give all that there are now."""
        now = self._connection.send(
            list[Label],
            "POST",
            f"/repos/{repository}/issues/{number}/labels",
            {"labels": labels},
            doing=f"label #{number}",
            repository=repository,
            permission=PERMISSION,
        )
        return tuple(label.name for label in now)

    def _ask_for_reviews(self, repository: Repository, pull: Pull, draft: PullRequestDraft) -> list[Refused]:
        """Ask for the reviews that are not requested yet; give those that cannot be asked for.

        GitHub refuses the whole request if one reviewer cannot be asked (not a collaborator, or the author). Then each
        one is asked alone.
        """
        asked = {account.login for account in pull.requested_reviewers or ()}
        asked |= {f"{TEAM}{team.slug}" for team in pull.requested_teams or ()}
        asked |= {pull.user.login} if pull.user else set()
        missing = _missing(draft.reviewers, asked)
        if not missing:
            return []
        if len(missing) > 1:
            try:
                self._request(repository, pull.number, missing)
            except (PermanentError, DoubtfulError):
                pass
            else:
                return []
        refused: list[Refused] = []
        for who in missing:
            ask = partial(self._request, repository, pull.number, [who])
            refused += self._tried(ask, repository, pull, f"{who} cannot be asked to review", [("reviewer", who)])[1]
        return refused

    def _request(self, repository: Repository, number: int, reviewers: list[str]) -> None:
        people = [who for who in reviewers if not who.startswith(TEAM)]
        teams = [who.removeprefix(TEAM) for who in reviewers if who.startswith(TEAM)]
        body = ({"reviewers": people} if people else {}) | ({"team_reviewers": teams} if teams else {})
        self._connection.send(
            Pull,
            "POST",
            f"/repos/{repository}/pulls/{number}/requested_reviewers",
            body,
            doing=f"ask for reviews of #{number}",
            repository=repository,
            permission=PERMISSION,
        )

    def _assign(self, repository: Repository, pull: Pull, draft: PullRequestDraft) -> list[Refused]:
        """Assign people; GitHub leaves out silently whom it does not assign, so its answer is compared."""
        missing = _missing(draft.assignees, (account.login for account in pull.assignees or ()))
        if not missing:
            return []

        def ask() -> _Issue:
            return self._connection.send(
                _Issue,
                "POST",
                f"/repos/{repository}/issues/{pull.number}/assignees",
                {"assignees": missing},
                doing=f"assign #{pull.number}",
                repository=repository,
                permission=PERMISSION,
            )

        now, refused = self._tried(
            ask, repository, pull, f"{', '.join(missing)} cannot be assigned", [("assignee", one) for one in missing]
        )
        if now is None:
            return refused
        left_out = _missing(missing, (account.login for account in now.assignees or ()))
        words = "{} cannot be assigned: GitHub assigns only people who have access here"
        return [Refused("assignee", who, words.format(who)) for who in left_out]

    def _set_milestone(self, repository: Repository, pull: Pull, draft: PullRequestDraft) -> list[Refused]:
        if not draft.milestone or pull.milestone is not None:
            return []

        def ask() -> list[_Milestone]:
            return self._connection.get(
                list[_Milestone],
                f"/repos/{repository}/milestones",
                parameters={"state": "all", "per_page": 100, "sort": "due_on", "direction": "desc"},
                doing="list the milestones",
                repository=repository,
                permission="pull requests: read",
            )

        failed = f"it cannot be put into the milestone {draft.milestone}"
        item = [("milestone", draft.milestone)]
        listed, refused = self._tried(ask, repository, pull, failed, item)
        if listed is None:
            return refused
        same = [one for one in listed if one.title == draft.milestone]
        found = next((one for one in same if one.state == "open"), None)
        if found is None:
            how = "is closed" if same else "does not exist"
            return [Refused("milestone", draft.milestone, f"the milestone {draft.milestone} {how}")]

        def put() -> _Issue:
            return self._connection.send(
                _Issue,
                "PATCH",
                f"/repos/{repository}/issues/{pull.number}",
                {"milestone": found.number},
                doing=f"put #{pull.number} into a milestone",
                repository=repository,
                permission=PERMISSION,
            )

        return self._tried(put, repository, pull, failed, item)[1]

    @staticmethod
    def _tried(
        ask: Callable[[], _T], repository: Repository, pull: Pull, failed: str, items: Iterable[tuple[str, str]]
    ) -> tuple[_T | None, list[Refused]]:
        """Give the answer; if GitHub refuses, what of the draft is missing, each in the same words."""
        try:
            return ask(), []
        except (PermanentError, DoubtfulError) as error:
            words = f"{failed}: {error.message}"
            lacks = "A promotion's pull request lacks something"
            _log.warning(lacks, repository=repository, number=pull.number, reason=words)
            return None, [Refused(kind, name, words) for kind, name in items]


def _missing(wanted: Iterable[str], have: Iterable[str]) -> list[str]:
    """Give what is wanted and not there; GitHub's names compare without case."""
    known = {one.lower() for one in have}
    return [one for one in dict.fromkeys(wanted) if one.lower() not in known]
