"""Whether a pull request may be merged on the GitHub double, and what merges it without a person.

Branch protection asks for contexts, a merge queue takes what is enqueued, and auto-merge waits until nothing is in the
way. `Actions` and the routes come here.
"""

from __future__ import annotations

from typing import Protocol

from devstack.github.refusal import RefusalError
from devstack.github.state import AutoMerge, MergeMethod, Pull, Repository, State, User

NOT_MERGEABLE = "Pull Request is not mergeable"
QUEUE_ONLY = "Repository rule violations found\n\nChanges must be made through the merge queue"


class Merges(Protocol):
    """What merges, and what changes: the double's actions."""

    state: State

    def merge_pull(self, repo: Repository, pull: Pull, method: MergeMethod, sender: User) -> str:
        """Merge a pull request."""


def missing(repo: Repository, pull: Pull) -> list[str]:
    """Give the required contexts of the base that the head has not passed."""
    newest = {one.context: one.state for one in repo.statuses.get(pull.head_sha, [])}
    newest |= {one.name: one.conclusion or "pending" for one in repo.check_runs.get(pull.head_sha, [])}
    return [context for context in repo.required.get(pull.base, ()) if newest.get(context) != "success"]


def review_decision(repo: Repository, pull: Pull) -> str | None:
    """Give what the reviews decide, None where the base requires none: https://docs.github.com/en/graphql/reference/enums#pullrequestreviewdecision."""
    if pull.base not in repo.reviews:
        return None
    newest = {one.login: one.state for one in pull.reviews if one.state != "COMMENTED"}
    if "CHANGES_REQUESTED" in newest.values():
        return "CHANGES_REQUESTED"
    enough = list(newest.values()).count("APPROVED") >= repo.reviews[pull.base]
    return "APPROVED" if enough else "REVIEW_REQUIRED"


def mergeable_state(repo: Repository, pull: Pull) -> str:
    """Give GitHub's word for how a pull request stands: https://docs.github.com/en/graphql/reference/enums#mergestatestatus."""
    if pull.mergeable is None:
        return "unknown"
    if not pull.mergeable:
        return "dirty"
    if pull.draft:
        return "draft"
    if is_behind(repo, pull):
        return "behind"
    if missing(repo, pull) or review_decision(repo, pull) not in {None, "APPROVED"}:
        return "blocked"
    newest = {one.context: one.state for one in repo.statuses.get(pull.head_sha, [])}
    return "unstable" if any(state != "success" for state in newest.values()) else "clean"


def is_behind(repo: Repository, pull: Pull) -> bool:
    """Tell whether the base requires its newest commit to be contained, and it is not."""
    return pull.base in repo.strict and not repo.bare.is_ancestor(repo.bare.tip(pull.base), pull.head_sha)


def require_mergeable(repo: Repository, pull: Pull) -> None:
    """Refuse a merge by API that the base's protection does not let in."""
    lacking = missing(repo, pull)
    if pull.state == "open" and pull.base in repo.queues:
        raise RefusalError(405, QUEUE_ONLY)
    if pull.state == "open" and is_behind(repo, pull):
        raise RefusalError(405, "Head branch is out of date. Review and try the merge again.")
    if pull.state == "open" and lacking:
        raise RefusalError(405, f'Required status check "{lacking[0]}" is expected.')
    if pull.state == "open" and review_decision(repo, pull) not in {None, "APPROVED"}:
        raise RefusalError(405, f"At least {repo.reviews[pull.base]} approving review is required.")


def enable_auto_merge(repo: Repository, pull: Pull, method: MergeMethod, by: User, head: str | None) -> None:
    """Have GitHub merge it once nothing is in the way; refuses what GitHub refuses."""
    if not repo.allows_auto_merge:
        raise RefusalError(422, "Auto merge is not allowed for this repository")
    if pull.state != "open":
        raise RefusalError(422, "Can't enable auto-merge for this pull request: it is closed")
    if head not in {None, pull.head_sha}:
        raise RefusalError(422, "Head branch was modified. Review and try the merge again.")
    if pull.base not in repo.required and pull.base not in repo.queues:
        raise RefusalError(422, "Pull request Protected branch rules not configured for this branch")
    stands = mergeable_state(repo, pull)
    if stands in {"clean", "unstable"} and pull.base not in repo.queues:
        raise RefusalError(422, f"Pull request Pull request is in {stands} status")
    pull.auto_merge = AutoMerge(by, method)


def enqueue(repo: Repository, pull: Pull, head: str | None) -> int:
    """Put a pull request into the base's merge queue; give its place."""
    if pull.base not in repo.queues:
        raise RefusalError(422, "A merge queue is not enabled for this branch")
    if head not in {None, pull.head_sha}:
        raise RefusalError(422, "Head branch was modified. Review and try the merge again.")
    if mergeable_state(repo, pull) not in {"clean", "unstable"}:
        raise RefusalError(422, "Pull request is not mergeable")
    if pull.number not in repo.queues[pull.base]:
        repo.queues[pull.base].append(pull.number)
    return repo.queues[pull.base].index(pull.number) + 1


def dequeue(repo: Repository, pull: Pull) -> int:
    """Take a pull request out of the base's merge queue; give the place that it had."""
    if pull.number not in repo.queues.get(pull.base, []):
        raise RefusalError(422, "Pull request is not in the merge queue")
    place = repo.queues[pull.base].index(pull.number) + 1
    leave_queue(repo, pull)
    return place


def leave_queue(repo: Repository, pull: Pull) -> None:
    """Take it out of every queue, as a push to its branch, its end and a draft do, too."""
    for queue in repo.queues.values():
        if pull.number in queue:
            queue.remove(pull.number)


def settle(merges: Merges, repo: Repository) -> None:
    """Merge, or enqueue, the pull requests with auto-merge that nothing is in the way of any more."""
    for pull in list(repo.pulls.values()):
        if pull.state != "open" or pull.auto_merge is None or mergeable_state(repo, pull) not in {"clean", "unstable"}:
            continue
        if pull.base in repo.queues:
            enqueue(repo, pull, None)
        else:
            merges.merge_pull(repo, pull, pull.auto_merge.method, pull.auto_merge.by)
