"""A pull request that brings values onto a branch: its own branch rolled forward, one open at a time.

Called by `values commit --pull-request`. A commit that is only on the pull request's branch is never lost: what
people added there stays, and the newer value comes on top of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace

from service.cli.values_branch import Start, Wish, Written, bring, compute, tip_of
from service.cli.values_message import pull_request_body, title_of
from service.core.values import Rewrite
from service.core.words import Repository, Sha
from service.ports import Manifests, PullRequest, PullRequestDraft, PullRequests


@dataclass(frozen=True, slots=True)
class Proposal:
    """The branch to merge into, and the branch that the proposal comes from."""

    repository: Repository
    base: str
    head: str


@dataclass(frozen=True, slots=True)
class Proposed:
    """The result: the pull request, None if the base says everything already."""

    written: Written
    pull_request: PullRequest | None


def head_of(base: str, wish: Wish) -> str:
    """Name the branch by the paths that are set, so that the next values update the same pull request."""
    places = sorted((file, edit.path) for file, edits in wish.edits for edit in edits)
    text = "\n".join([base, *(f"{file}\0{path}" for file, path in places)])
    return f"mergeport/values/{hashlib.sha256(text.encode()).hexdigest()[:12]}"


def propose(
    manifests: Manifests, forge: PullRequests, proposal: Proposal, wish: Wish, *, pause: Callable[[float], None]
) -> Proposed:
    """Bring the wish onto the head's branch and open a pull request for it, or update the open one."""
    found: list[Rewrite] = []

    def start() -> Start:
        tip = tip_of(manifests, proposal.base)
        found[:] = [compute(manifests, tip, wish)]
        there = manifests.fetch(proposal.head)
        if there is None or not found[0].files or _is_left_over(manifests, forge, proposal, tip, there):
            return Start(tip, there)
        return Start(there, there)

    written = bring(manifests, proposal.head, wish, start, pause=pause)
    on_base = found[0]
    if not on_base.files:
        return Proposed(written, None)
    message = wish.message(on_base.changes)
    draft = PullRequestDraft(
        head=proposal.head,
        base=proposal.base,
        title=title_of(message),
        body=pull_request_body(message, on_base.changes),
    )
    known = forge.find_pull_request(proposal.repository, head=proposal.head, base=proposal.base)
    if known is None or written.commit is not None:
        known = forge.open_pull_request(proposal.repository, draft)
    return Proposed(replace(written, rewrite=on_base), known)


def _is_left_over(manifests: Manifests, forge: PullRequests, proposal: Proposal, tip: Sha, there: Sha) -> bool:
    """Tell whether the head's branch may be reset: all of it is on the base, or in a pull request that has ended."""
    if there in manifests.ancestors(tip, {there}):
        return True
    if forge.find_pull_request(proposal.repository, head=proposal.head, base=proposal.base):
        return False
    ended = forge.recent_pull_requests(proposal.repository, base=proposal.base)
    return any(one.head == proposal.head and one.head_sha == there and not one.open for one in ended)
