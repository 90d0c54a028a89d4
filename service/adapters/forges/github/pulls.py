"""Pull requests of promotions on GitHub: find, open or adopt, bring up to date. Called by the forge."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import structlog

from service.adapters.forges.github.shapes import ChangedFile, Created, GitObject, Label, Pull, RepositoryAnswer
from service.adapters.github_api.connection import Connection
from service.adapters.github_api.failures import UnprocessableAnswerError
from service.core.words import Repository
from service.errors import DoubtfulError, PermanentError
from service.ports import PullRequest, PullRequestDraft

TEAM = "team:"
PAGE = 100

_PERMISSION = "pull requests: write"

_log = structlog.get_logger(__name__)


class Pulls:
    """The pull requests of repositories, by one connection."""

    def __init__(self, connection: Connection) -> None:
        """Keep the connection."""
        self._connection = connection

    def find(self, repository: Repository, *, head: str, base: str) -> Pull | None:
        """Give the open pull request of a branch of this repository, or None.

        GitHub ignores a `head` that it cannot read and then lists all, so the answer is checked.
        """
        listed = self._of_branch(repository, head, {"state": "open", "base": base})
        return next((pull for pull in listed if pull.base.ref == base), None)

    def all_of(self, repository: Repository, *, head: str) -> list[Pull]:
        """Give one page of the pull requests of a branch of this repository in any state, last updated first."""
        return self._of_branch(
            repository, head, {"state": "all", "sort": "updated", "direction": "desc", "per_page": PAGE}
        )

    def close(self, repository: Repository, number: int) -> None:
        """Close an open one; GitHub leaves a closed or merged one as it is."""
        self._connection.send(
            Pull,
            "PATCH",
            f"/repos/{repository}/pulls/{number}",
            {"state": "closed"},
            doing=f"close pull request #{number}",
            repository=repository,
            permission=_PERMISSION,
        )

    def _of_branch(self, repository: Repository, head: str, wanted: Mapping[str, str | int]) -> list[Pull]:
        """List those of a branch; if the named owner has none, those of the owner that the repository has now."""
        owner = repository.partition("/")[0]
        found = self._listed(repository, owner, head, wanted)
        if not found and (now := self._owner_of(repository)).lower() != owner.lower():
            found = self._listed(repository, now, head, wanted)
        return found

    def _listed(self, repository: Repository, owner: str, head: str, wanted: Mapping[str, str | int]) -> list[Pull]:
        listed = self._connection.get(
            list[Pull],
            f"/repos/{repository}/pulls",
            parameters={**wanted, "head": f"{owner}:{head}"},
            doing=f"list the pull requests of `{head}`",
            repository=repository,
            permission="pull requests: read",
        )
        return [pull for pull in listed if pull.within and pull.head.ref == head]

    def _owner_of(self, repository: Repository) -> str:
        """Give who owns the repository now: it may have been transferred, and heads are found by their owner."""
        answer = self._connection.get(
            RepositoryAnswer,
            f"/repos/{repository}",
            doing="read the repository",
            repository=repository,
            permission="metadata: read",
        )
        return answer.full_name.partition("/")[0]

    def open(self, repository: Repository, draft: PullRequestDraft) -> PullRequest:
        """Open it, or adopt the open one of that head, because GitHub allows only one for a pair of branches."""
        body = {"title": draft.title, "head": draft.head, "base": draft.base, "body": draft.body}
        try:
            pull = self._connection.send(
                Pull,
                "POST",
                f"/repos/{repository}/pulls",
                body,
                doing=f"open a pull request of `{draft.head}`",
                repository=repository,
                permission=_PERMISSION,
            )
        except UnprocessableAnswerError as error:
            adopted = self.find(repository, head=draft.head, base=draft.base)
            if adopted is None:
                raise _not_yet(error, draft) from error
            return self._brought(repository, adopted, draft)
        return self._completed(repository, pull, draft)

    def update(self, repository: Repository, number: int, draft: PullRequestDraft) -> PullRequest:
        """Bring an open one to what the draft says."""
        return self._brought(repository, self.read(repository, number), draft)

    def rewrite(self, repository: Repository, number: int, text: Mapping[str, str]) -> Pull:
        """Give it another title or body."""
        return self._connection.send(
            Pull,
            "PATCH",
            f"/repos/{repository}/pulls/{number}",
            dict(text),
            doing=f"update pull request #{number}",
            repository=repository,
            permission=_PERMISSION,
        )

    def comment(self, repository: Repository, number: int, body: str) -> None:
        """Write a comment on a pull request; writing it twice makes two."""
        self._connection.send(
            Created,
            "POST",
            f"/repos/{repository}/issues/{number}/comments",
            {"body": body},
            doing=f"comment on #{number}",
            repository=repository,
            permission="pull requests: write",
        )

    def read(self, repository: Repository, number: int) -> Pull:
        """Give a pull request as it is now."""
        return self._connection.get(
            Pull,
            f"/repos/{repository}/pulls/{number}",
            doing=f"read pull request #{number}",
            repository=repository,
            permission="pull requests: read",
        )

    def recent(self, repository: Repository, *, base: str) -> list[Pull]:
        """Give one page of the pull requests to a branch, last updated first."""
        return self._connection.get(
            list[Pull],
            f"/repos/{repository}/pulls",
            parameters={"state": "all", "base": base, "sort": "updated", "direction": "desc", "per_page": PAGE},
            doing=f"list the pull requests to `{base}`",
            repository=repository,
            permission="pull requests: read",
        )

    def closed(self, repository: Repository, page: int) -> list[Pull]:
        """Give one page of the closed pull requests, last updated first."""
        return self._connection.get(
            list[Pull],
            f"/repos/{repository}/pulls",
            parameters={"state": "closed", "sort": "updated", "direction": "desc", "per_page": PAGE, "page": page},
            doing="list the closed pull requests",
            repository=repository,
            permission="pull requests: read",
        )

    def commits(self, repository: Repository, number: int) -> list[GitObject]:
        """Give one page of the commits of a pull request, oldest first."""
        return self._connection.get(
            list[GitObject],
            f"/repos/{repository}/pulls/{number}/commits",
            parameters={"per_page": PAGE},
            doing=f"list the commits of pull request #{number}",
            repository=repository,
            permission="pull requests: read",
        )

    def files(self, repository: Repository, number: int) -> list[ChangedFile]:
        """Give one page of the files that a pull request changes."""
        return self._connection.get(
            list[ChangedFile],
            f"/repos/{repository}/pulls/{number}/files",
            parameters={"per_page": PAGE},
            doing=f"list the files of pull request #{number}",
            repository=repository,
            permission="pull requests: read",
        )

    def _brought(self, repository: Repository, pull: Pull, draft: PullRequestDraft) -> PullRequest:
        if (pull.title, pull.body or "") != (draft.title, draft.body):
            pull = self.rewrite(repository, pull.number, {"title": draft.title, "body": draft.body})
        return self._completed(repository, pull, draft)

    def _completed(self, repository: Repository, pull: Pull, draft: PullRequestDraft) -> PullRequest:
        """Add the labels and reviewers that are missing; another run after a crash completes them."""
        labels = self._label(repository, pull, draft)
        self._ask_for_reviews(repository, pull, draft)
        return replace(pull.ours(), labels=labels)

    def _label(self, repository: Repository, pull: Pull, draft: PullRequestDraft) -> tuple[str, ...]:
        have = tuple(label.name for label in pull.labels)
        missing = [name for name in draft.labels if name.lower() not in {label.lower() for label in have}]
        if not missing:
            return have
        try:
            now = self._connection.send(
                list[Label],
                "POST",
                f"/repos/{repository}/issues/{pull.number}/labels",
                {"labels": missing},
                doing=f"label #{pull.number}",
                repository=repository,
                permission=_PERMISSION,
            )
        except PermanentError as error:
            _log.warning(
                "A label could not be put on a promotion's pull request",
                repository=repository,
                number=pull.number,
                reason=error.message,
            )
            return have
        return tuple(label.name for label in now)

    def _ask_for_reviews(self, repository: Repository, pull: Pull, draft: PullRequestDraft) -> None:
        """Ask for the reviews that are not requested yet.

        GitHub refuses the whole request if one reviewer cannot be asked (not a collaborator, or the author). Then each
        one is asked alone. The log names those that are refused, and the promotion goes on.
        """
        asked = {account.login.lower() for account in pull.requested_reviewers or ()}
        asked |= {f"{TEAM}{team.slug}".lower() for team in pull.requested_teams or ()}
        author = pull.user.login.lower() if pull.user else ""
        missing = [who for who in draft.reviewers if who.lower() not in asked and who.lower() != author]
        if not missing:
            return
        try:
            self._request(repository, pull.number, missing)
        except PermanentError as error:
            if len(missing) == 1:
                self._tell_refused(repository, pull.number, missing[0], error)
                return
            for who in missing:
                try:
                    self._request(repository, pull.number, [who])
                except PermanentError as refusal:
                    self._tell_refused(repository, pull.number, who, refusal)

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
            permission=_PERMISSION,
        )

    @staticmethod
    def _tell_refused(repository: Repository, number: int, reviewer: str, error: PermanentError) -> None:
        _log.warning(
            "A reviewer of a promotion cannot be asked",
            repository=repository,
            number=number,
            reviewer=reviewer,
            reason=error.message,
        )


def _not_yet(refused: UnprocessableAnswerError, draft: PullRequestDraft) -> DoubtfulError:
    """Make the error that says that no pull request can be opened with the branches as GitHub sees them now.

    GitHub may not have seen a recent push yet. Then it calls the branch invalid, or finds no commits in between.
    """
    repository = str(refused.fields.get("repository", ""))
    if refused.fields.get("field") in {"head", "base"}:
        return DoubtfulError(
            f"GitHub does not know `{draft.head}` or `{draft.base}` yet: {refused.message}",
            code="github-branch-unknown",
            hint="check that both branches exist",
            repository=repository,
        )
    return DoubtfulError(refused.message, code=refused.code, hint="these are GitHub's own words", repository=repository)
