"""Pull requests of promotions on GitHub: find, open or adopt, bring up to date. Called by the forge."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from service.adapters.forges.github.dressing import PERMISSION, Dressing
from service.adapters.forges.github.shapes import ChangedFile, GitObject, Pull, RepositoryAnswer
from service.adapters.github_api.connection import Connection
from service.adapters.github_api.failures import UnprocessableAnswerError
from service.core.words import Repository
from service.errors import DoubtfulError
from service.ports import PullRequest, PullRequestDraft, Refused

PAGE = 100


class Pulls:
    """The pull requests of repositories, by one connection."""

    def __init__(self, connection: Connection) -> None:
        """Keep the connection."""
        self._connection = connection
        self._dressing = Dressing(connection)

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
            permission=PERMISSION,
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
        try:
            return self._completed(repository, self._made(repository, draft, as_draft=draft.draft), draft)
        except UnprocessableAnswerError as error:
            adopted = self.find(repository, head=draft.head, base=draft.base)
            if adopted is not None:
                return self._brought(repository, adopted, draft)
            if not draft.draft or "draft pull requests" not in error.message.lower():
                raise _not_yet(error, draft) from error
            refused = Refused("draft", "", f"it is no draft: {error.message}")
        return self._completed(repository, self._made(repository, draft, as_draft=False), draft, [refused])

    def _made(self, repository: Repository, draft: PullRequestDraft, *, as_draft: bool) -> Pull:
        body: dict[str, object] = {
            "title": draft.title,
            "head": draft.head,
            "base": draft.base,
            "body": draft.body,
        }
        return self._connection.send(
            Pull,
            "POST",
            f"/repos/{repository}/pulls",
            body | ({"draft": True} if as_draft else {}),
            doing=f"open a pull request of `{draft.head}`",
            repository=repository,
            permission=PERMISSION,
        )

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
            permission=PERMISSION,
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

    def _completed(
        self, repository: Repository, pull: Pull, draft: PullRequestDraft, refused: Sequence[Refused] = ()
    ) -> PullRequest:
        """Add what is missing of the draft; another run after a crash completes it."""
        labels, more = self._dressing.put_on(repository, pull, draft)
        return replace(pull.ours(), labels=labels, refused=(*refused, *more))


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
