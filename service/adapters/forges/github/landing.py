"""How pull requests of ours come to be merged on GitHub: ready, auto-merge, the merge itself, and what is said there.

A part of the forge. It merges only the head that it is told, and gives no answer of its own whether it was merged: who
wants to know reads the pull request again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from urllib.parse import quote

from pydantic import BaseModel, Field

from service.adapters.forges.github.dressing import PERMISSION, Dressing
from service.adapters.forges.github.judging import Judging
from service.adapters.forges.github.shapes import Account, Anything, Created, Label
from service.adapters.github_api.failures import NotFoundAnswerError
from service.core.words import MergeMethod, Repository, Sha

_MARK_READY = (
    "mutation($input: MarkPullRequestReadyForReviewInput!) "
    "{ markPullRequestReadyForReview(input: $input) { pullRequest { isDraft } } }"
)
_ENABLE = (
    "mutation($input: EnablePullRequestAutoMergeInput!) "
    "{ enablePullRequestAutoMerge(input: $input) { pullRequest { state } } }"
)
_DISABLE = (
    "mutation($input: DisablePullRequestAutoMergeInput!) "
    "{ disablePullRequestAutoMerge(input: $input) { pullRequest { state } } }"
)
_ENQUEUE = (
    "mutation($input: EnqueuePullRequestInput!) { enqueuePullRequest(input: $input) { mergeQueueEntry { position } } }"
)
_DEQUEUE = (
    "mutation($input: DequeuePullRequestInput!) { dequeuePullRequest(input: $input) { mergeQueueEntry { position } } }"
)
_IS_QUEUED = (
    "query($owner: String!, $name: String!, $number: Int!) "
    "{ repository(owner: $owner, name: $name) { pullRequest(number: $number) { isInMergeQueue } } }"
)
_REVIEWED = (
    "query($owner: String!, $name: String!, $number: Int!) "
    "{ repository(owner: $owner, name: $name) { pullRequest(number: $number) { reviewDecision } } }"
)


class _Node(BaseModel):
    node_id: str


class _Told(BaseModel):
    is_in_merge_queue: bool = Field(default=False, alias="isInMergeQueue")
    review_decision: str | None = Field(default=None, alias="reviewDecision")


class _OfRepository(BaseModel):
    pull_request: _Told | None = Field(alias="pullRequest")


class _Place(BaseModel):
    repository: _OfRepository | None


class _Comment(BaseModel):
    id: int
    body: str | None = None
    user: Account | None = None


class Landing(Judging, ABC):
    """What brings a pull request home."""

    def mark_ready(self, repository: Repository, number: int) -> None:
        """Make a draft a pull request that asks for reviews."""
        self._mutate(_MARK_READY, repository, number, f"mark #{number} as ready")

    def enable_auto_merge(self, repository: Repository, number: int, *, head: Sha, method: MergeMethod) -> None:
        """Have GitHub merge this head once nothing of its own is in the way; PermanentError where it does not."""
        wish = {"expectedHeadOid": head, "mergeMethod": method.value.upper()}
        self._mutate(_ENABLE, repository, number, f"merge #{number} by itself", wish)

    def disable_auto_merge(self, repository: Repository, number: int) -> None:
        """Take that back."""
        self._mutate(_DISABLE, repository, number, f"no longer merge #{number} by itself")

    def enqueue_pull_request(self, repository: Repository, number: int, *, head: Sha) -> None:
        """Put this head into the merge queue of the base."""
        self._mutate(_ENQUEUE, repository, number, f"put #{number} into the merge queue", {"expectedHeadOid": head})

    def dequeue_pull_request(self, repository: Repository, number: int) -> None:
        """Take it out of the merge queue again, by its id: https://docs.github.com/en/graphql/reference/mutations."""
        self._mutate(_DEQUEUE, repository, number, f"take #{number} out of the merge queue", by="id")

    def is_queued(self, repository: Repository, number: int) -> bool:
        """Tell whether it is in the merge queue of its base, which the REST API does not say."""
        told = self._told(_IS_QUEUED, repository, number, f"ask whether #{number} is in the merge queue")
        return told is not None and told.is_in_merge_queue

    def requires_reviews(self, repository: Repository, number: int) -> bool:
        """Tell whether its base requires reviews: only then GitHub decides by them."""
        told = self._told(_REVIEWED, repository, number, f"ask what the reviews of #{number} decide")
        return told is not None and told.review_decision is not None

    def _told(self, query: str, repository: Repository, number: int, doing: str) -> _Told | None:
        owner, _, name = repository.partition("/")
        given: dict[str, str | int] = {"owner": owner, "name": name, "number": number}
        answer = self._connection.ask_graphql(_Place, query, given, doing=doing, repository=repository)
        return answer.repository.pull_request if answer.repository is not None else None

    def merge_pull_request(self, repository: Repository, number: int, *, head: Sha, method: MergeMethod) -> None:
        """Merge this head and no other: https://docs.github.com/en/rest/pulls/pulls#merge-a-pull-request."""
        self._connection.send(
            Anything,
            "PUT",
            f"/repos/{repository}/pulls/{number}/merge",
            {"sha": head, "merge_method": method.value},
            doing=f"merge #{number}",
            repository=repository,
            permission="contents: write",
        )

    def relabel(self, repository: Repository, number: int, *, add: Collection[str], remove: Collection[str]) -> None:
        """Add labels, and take others away; one that is not there is no error."""
        if add:
            Dressing(self._connection).add_labels(repository, number, list(add))
        for name in remove:
            try:
                self._connection.send(
                    list[Label],
                    "DELETE",
                    f"/repos/{repository}/issues/{number}/labels/{quote(name, safe='')}",
                    {},
                    doing=f"take a label off #{number}",
                    repository=repository,
                    permission=PERMISSION,
                )
            except NotFoundAnswerError:
                continue

    def tell(self, repository: Repository, number: int, body: str, *, mark: str, comment: int | None = None) -> int:
        """Write our one comment with this mark, or rewrite it; give its id."""
        if comment is not None:
            try:
                return self._said(repository, number, "PATCH", f"issues/comments/{comment}", body)
            except NotFoundAnswerError:  # a person has deleted it, or the answer lags: the list tells
                pass
        known = self._comment_with(repository, number, mark)
        if known is not None:
            return self._said(repository, number, "PATCH", f"issues/comments/{known}", body)
        return self._said(repository, number, "POST", f"issues/{number}/comments", body)

    def _said(self, repository: Repository, number: int, method: str, path: str, body: str) -> int:
        answer = self._connection.send(
            Created,
            method,
            f"/repos/{repository}/{path}",
            {"body": body},
            doing=f"comment on #{number}",
            repository=repository,
            permission=PERMISSION,
        )
        return answer.id

    def _comment_with(self, repository: Repository, number: int, mark: str) -> int | None:
        """Find our comment whose making was not heard of; one of somebody else that has the mark is not ours."""
        listed = self._all(
            list[_Comment], f"/repos/{repository}/issues/{number}/comments", list,
            doing=f"read the comments of #{number}", repository=repository, permission="pull requests: read",
        )  # fmt: skip
        marked = [one for one in listed if mark in (one.body or "") and one.user is not None]
        return next((one.id for one in marked if one.user and one.user.login == self.identity()), None)

    @abstractmethod
    def identity(self) -> str:
        """Give the login that our token or App acts as."""

    def _mutate(
        self, mutation: str, repository: Repository, number: int, doing: str, wish: dict[str, str] | None = None, *,
        by: str = "pullRequestId",
    ) -> None:  # fmt: skip
        node = self._connection.get(
            _Node,
            f"/repos/{repository}/pulls/{number}",
            doing=f"read pull request #{number}",
            repository=repository,
            permission="pull requests: read",
        )
        self._connection.mutate(mutation, {by: node.node_id, **(wish or {})}, doing=doing, repository=repository)
