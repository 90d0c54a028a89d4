"""What others say of commits and pull requests on GitHub: statuses, check runs, reviews, teams. Called by the forge.

Everything is read to its last page, because half of the evidence is none. What would take too many pages is an error.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeVar
from urllib.parse import quote

from pydantic import BaseModel

from service.adapters.forges.github.shapes import Account
from service.adapters.github_api.connection import Connection
from service.adapters.github_api.failures import NotFoundAnswerError
from service.core.gates.reviews import Review, ReviewState
from service.core.gates.seen_checks import Check, CheckState
from service.core.words import Repository, Sha
from service.errors import DoubtfulError, PermanentError

PAGE, MOST_PAGES = 100, 20
_NOT_BEGUN = datetime.max.replace(tzinfo=UTC)
"""The time of a check that is queued: it is the newest of its name, although it has no time yet."""
_BY_PAGE = "web-flow"
"""The committer of what people merge and edit on GitHub's pages."""
_STATUSES = {"success": CheckState.PASSED, "pending": CheckState.RUNNING}
_CONCLUSIONS = {"success": CheckState.PASSED, "neutral": CheckState.SKIPPED, "skipped": CheckState.SKIPPED}
_REVIEWS = {
    "APPROVED": ReviewState.APPROVED,
    "CHANGES_REQUESTED": ReviewState.CHANGES_REQUESTED,
    "DISMISSED": ReviewState.DISMISSED,
}

_Item = TypeVar("_Item")
_Answer = TypeVar("_Answer")


class _Status(BaseModel):
    context: str
    state: str
    target_url: str | None = None
    updated_at: datetime | None = None


class _Statuses(BaseModel):
    statuses: list[_Status]


class _App(BaseModel):
    slug: str | None = None


class _Suite(BaseModel):
    id: int


class _CheckRun(BaseModel):
    name: str
    status: str
    conclusion: str | None = None
    details_url: str | None = None
    html_url: str | None = None
    started_at: datetime | None = None
    app: _App | None = None
    check_suite: _Suite | None = None

    def ours(self) -> Check:
        """Give it in our type. Any conclusion that is not known is a failure."""
        ended = self.status == "completed"
        state = _CONCLUSIONS.get(self.conclusion or "", CheckState.FAILED) if ended else CheckState.RUNNING
        producer = f"{self.app.slug if self.app else ''}/{self.check_suite.id if self.check_suite else ''}"
        at = self.started_at or (None if ended else _NOT_BEGUN)
        return Check(self.name, state, self.details_url or self.html_url or "", producer, at)


class _CheckRuns(BaseModel):
    check_runs: list[_CheckRun]


class _Review(BaseModel):
    user: Account | None = None
    state: str
    commit_id: str | None = None
    submitted_at: datetime | None = None


class _Opened(BaseModel):
    user: Account | None = None


class _Person(BaseModel):
    login: str | None = None


class _Authored(BaseModel):
    """A commit as it is listed; GitHub writes `{}` or null for people that it does not know."""

    author: _Person | None = None
    committer: _Person | None = None

    def logins(self) -> frozenset[str]:
        people = (self.author, self.committer)
        return frozenset(one.login for one in people if one and one.login and one.login != _BY_PAGE)


class Judging:
    """The part of the forge that reads what others say."""

    _connection: Connection

    def checks_of(self, repository: Repository, commit: Sha) -> tuple[Check, ...]:
        """Give the newest status of each context, and the newest check run of each suite and name.

        https://docs.github.com/en/rest/commits/statuses#get-the-combined-status-for-a-specific-reference
        https://docs.github.com/en/rest/checks/runs#list-check-runs-for-a-git-reference
        """
        doing, path = f"read the checks of {commit[:12]}", f"/repos/{repository}/commits/{commit}"

        statuses = self._all(
            _Statuses, f"{path}/status", lambda one: one.statuses,
            doing=doing, repository=repository, permission="commit statuses: read",
        )  # fmt: skip
        runs = self._all(
            _CheckRuns, f"{path}/check-runs", lambda one: one.check_runs,
            doing=doing, repository=repository, permission="checks: read",
        )  # fmt: skip
        told = [
            Check(one.context, _STATUSES.get(one.state, CheckState.FAILED), one.target_url or "", "", one.updated_at)
            for one in statuses
        ]
        return (*told, *(one.ours() for one in runs))

    def reviews_of(self, repository: Repository, number: int) -> tuple[Review, ...]:
        """Give the reviews that approve, request changes or were dismissed; comments and those not sent say nothing.

        https://docs.github.com/en/rest/pulls/reviews#list-reviews-for-a-pull-request
        """
        doing = f"read the reviews of #{number}"

        listed = self._all(
            list[_Review], f"/repos/{repository}/pulls/{number}/reviews", list,
            doing=doing, repository=repository, permission="pull requests: read",
        )  # fmt: skip

        return tuple(
            Review(one.user.login, _REVIEWS[one.state], Sha(one.commit_id or ""), one.submitted_at)
            for one in listed
            if one.user is not None and one.state in _REVIEWS and one.submitted_at is not None
        )

    def authors_of(self, repository: Repository, number: int) -> frozenset[str]:
        """Give who opened a pull request, and who made its commits; GitHub lists the first 250 of these.

        https://docs.github.com/en/rest/pulls/pulls#list-commits-on-a-pull-request
        """
        doing = f"read whose changes #{number} has"

        listed = self._all(
            list[_Authored], f"/repos/{repository}/pulls/{number}/commits", list,
            doing=doing, repository=repository, permission="pull requests: read",
        )  # fmt: skip

        opened = self._connection.get(
            _Opened,
            f"/repos/{repository}/pulls/{number}",
            doing=doing,
            repository=repository,
            permission="pull requests: read",
        )
        commits = listed
        return frozenset().union(*(one.logins() for one in commits), {opened.user.login} if opened.user else ())

    def authors_of_commit(self, repository: Repository, commit: Sha) -> frozenset[str]:
        """Give the logins of a commit's author and committer, where GitHub knows them."""
        return self._connection.get(
            _Authored,
            f"/repos/{repository}/commits/{commit}",
            parameters={"per_page": 1},
            doing=f"read whose commit {commit[:12]} is",
            repository=repository,
            permission="contents: read",
        ).logins()

    def members_of(self, repository: Repository, team: str, organization: str = "") -> frozenset[str]:
        """Give the members of a team, by default of the repository's owner; GitHub counts those of its child teams too.

        https://docs.github.com/en/rest/teams/members#list-team-members
        """
        owner, doing = organization or repository.partition("/")[0], f"read the members of the team {team}"
        try:
            listed = self._all(
                list[Account], f"/orgs/{quote(owner)}/teams/{quote(team, safe='')}/members", list,
                doing=doing, repository=repository, permission="members: read",
            )  # fmt: skip
        except NotFoundAnswerError as error:
            raise DoubtfulError(
                f"{owner} has no team {team} that we may see",
                code="github-team-unseen",
                hint="check its slug, and that the App has `members: read` of the organization, or the token read:org",
                repository=repository,
            ) from error
        return frozenset(one.login.lower() for one in listed)

    def _all(
        self,
        kind: type[_Answer],
        path: str,
        items: Callable[[_Answer], list[_Item]],
        *,
        doing: str,
        repository: Repository,
        permission: str,
    ) -> list[_Item]:
        """Read page after page of a list until one is not full; `items` gives those of an answer."""
        found: list[_Item] = []
        for page in range(1, MOST_PAGES + 1):
            answer = self._connection.get(
                kind,
                path,
                parameters={"per_page": PAGE, "page": page},
                doing=doing,
                repository=repository,
                permission=permission,
            )
            read = items(answer)
            found += read
            if len(read) < PAGE:
                return found
        raise PermanentError(
            f"cannot {doing}: GitHub lists more than {MOST_PAGES * PAGE} of them",
            code="github-list-too-long",
            hint="have old ones removed; a part of them would be no evidence",
            repository=repository,
        )
