"""Has a pull request merged without a person, where the configuration wants that: by the forge, or by us.

Called by the loop that judges. Only the head is merged that we wrote and whose gates are all open, as judged again
right before with the state read again, under the lease that what people do to the state waits for. Whether it was
merged is read from the forge, and the run checks what was merged as it does for a person's merge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import assert_never

import structlog

from service.core.gates import Judgement, Outcome
from service.core.words import AutoMerge, Repository, Sha
from service.errors import MergeportError, PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.branch_lease import LEASE_SECONDS, Holding
from service.pipeline.manifest.place import Place, head_branch, is_shared, place_of
from service.pipeline.manifest.state.state_reading import look_at_state
from service.pipeline.promote.heads import Base
from service.pipeline.promote.images_there import require_images
from service.pipeline.promote.reading import Standing, read_for_merge, standing
from service.pipeline.promote.together.members import Members
from service.pipeline.promote.together.membership import has_to_change
from service.pipeline.promote.whose_head import has_peoples, is_ours, is_to_be_newest
from service.pipeline.runs.claim import Claim, claim_of
from service.ports import MergeState, PullRequest
from service.store import Transaction, edits, leases, proposals, pull_request_runs, pushes, runs
from service.store.runs import Run

SOON, LATER = timedelta(seconds=10), timedelta(minutes=2)
"""After how long to look again: where only a moment is missing, and where the forge waits for something of its own."""
NOBODY = Sha("")
ANOTHER_HEAD = "It is not merged by itself: its head is not the one that Mergeport wrote."
PEOPLES = "It is not merged by itself: its branch has a commit of a person, who merges it, or takes that away."
TAKEN_BACK = "It is not merged by itself: it was taken out of GitHub's auto-merge or merge queue, not by Mergeport."
BY_GITHUB = "GitHub merges it once what it requires has passed."
BEHIND = "It is not merged by itself now: it has to be brought up to date with its base first."
NOT_NEWEST = "It is brought up to date with its base, which requires that."
QUEUED = "It is in the merge queue."
BLOCKED = "It is merged as soon as what GitHub requires has passed."
NOT_NOW = "It cannot be merged right now: {}"
REFUSED = "It is not merged by itself: {}"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of it: in words what it waits for, the head that the forge merges, and when to look again.

    `auto_seen` says that the forge has said that it merges that head, and `behind` that it has to contain the newest
    commit of its base first.
    """

    words: str = ""
    auto_head: Sha = NOBODY
    auto_seen: bool = False
    merged: bool = False
    behind: bool = False
    again: timedelta | None = None


def land(
    members: Members, place: Place, judgement: Judgement, pull_request: PullRequest, again: Callable[[], Judgement]
) -> Landed:
    """Merge the pull request, or have it merged, if nothing of ours is in the way; never raises."""
    claim, repository, number = members.leads, place.repository, pull_request.number
    context = claim.context
    with context.store.read() as tx:
        known = proposals.get(tx, repository, number)
    before = known.auto_head if known else NOBODY
    how, head = members.policy.auto_merge, pull_request.head_sha
    ours = is_ours(members, place, head)
    try:
        if how is None or not ours or judgement.outcome is not Outcome.ALLOW or pull_request.draft:
            _take_back(claim, repository, pull_request, before)
            return Landed(ANOTHER_HEAD if how is not None and not ours else "")
        if before != head and has_peoples(members, place, head):
            _take_back(claim, repository, pull_request, before)
            return Landed(PEOPLES)
        seen = known is not None and known.auto_seen
        if pull_request.merge_state is MergeState.BEHIND:
            behind = is_to_be_newest(members, place, pull_request)
            return Landed(NOT_NEWEST, before, auto_seen=seen, behind=behind, again=LATER)
        if before == head and (asked := _asked(claim, repository, pull_request, seen=seen)):
            return asked
        _take_back(claim, repository, pull_request, before)
        waits = _waits(how, pull_request)
        return _under_lease(members, place, pull_request, again) if waits is None else waits
    except RetryableError as error:
        log.info("a pull request was not merged, to be repeated", number=number, error=str(error))
        pause = max(SOON, timedelta(seconds=error.retry_after or 0))
        return Landed(NOT_NOW.format(error), before, known is not None and known.auto_seen, again=pause)
    except MergeportError as error:
        log.warning("a pull request is not merged by itself", number=number, error=str(error))
        return Landed(REFUSED.format(error), before, known is not None and known.auto_seen, again=LATER)


def _asked(claim: Claim, repository: Repository, pull_request: PullRequest, *, seen: bool) -> Landed | None:
    """Tell what became of our wish to have this head merged; None if the forge may never have heard of it.

    GitHub puts what it merges by itself into the merge queue, too, where the base has one.
    """
    head = pull_request.head_sha
    if pull_request.auto_merge:
        return Landed(BY_GITHUB, head, auto_seen=True)
    if claim.context.outside.manifest_forge.is_queued(repository, pull_request.number):
        return Landed(QUEUED, head, auto_seen=True, again=LATER)
    return Landed(TAKEN_BACK, head, auto_seen=True) if seen else None


def _waits(how: AutoMerge, pull_request: PullRequest) -> Landed | None:
    """Tell what the forge itself keeps it from being merged for; None if we can go on."""
    match pull_request.merge_state:
        case MergeState.OPEN:
            return None
        case MergeState.BLOCKED:
            return None if how is AutoMerge.GITHUB else Landed(BLOCKED, again=LATER)
        case MergeState.CONFLICT | MergeState.BEHIND:
            return Landed(BEHIND, again=LATER)
        case MergeState.UNKNOWN:
            return Landed(again=SOON)
        case _:
            assert_never(pull_request.merge_state)


def take_back(claim: Claim, repository: Repository) -> None:
    """Take back that a pull request is merged by itself before the run changes its head: the new one is not judged.

    That is the run's own, or the one that an earlier run has on the same branch.
    """
    context = claim.context
    with context.store.read() as tx:
        number = claim.run.pull_request or _number_before(tx, claim, repository)
        found = proposals.get(tx, repository, number) if number is not None else None
    if found is None or not found.auto_head:
        return
    _take_back(
        claim, repository, context.outside.manifest_forge.pull_request(repository, found.number), found.auto_head
    )
    with context.store.begin() as tx:
        proposals.update(tx, repository, found.number, auto_head=NOBODY, auto_seen=False, merging="")


def _number_before(tx: Transaction, claim: Claim, repository: Repository) -> int | None:
    """Give the pull request of the run that pushed the run's promotion branch last."""
    branch = head_branch(claim.run, claim.target)
    there = pull_request_runs.members(tx, repository, branch) if is_shared(branch) else ()
    number = next((run.pull_request for _, run in there if run.pull_request is not None), None)
    if number is not None:
        return number
    pushed = edits.promotion_tip(tx, repository, branch)
    before = runs.get(tx, pushed[1]) if pushed is not None else None
    return before.pull_request if before is not None else None


def let_go(context: Context, run: Run) -> None:
    """Take back that the pull request of an ended run is merged by itself: nobody judges its gates any more.

    The pull request may stay open: then people merge it, or the next generation, which is judged.
    """
    if run.pull_request is None:
        return
    claim = claim_of(context, run)
    repository, branch = place_of(context, claim.target).repository, head_branch(run, claim.target)
    with context.store.read() as tx:
        known = proposals.get(tx, repository, run.pull_request)
        left = is_shared(branch) and run.id in pull_request_runs.left_behind(tx, repository, branch)
    if known is not None and (known.run_id == run.id or left):
        take_back(claim, repository)


def _take_back(claim: Claim, repository: Repository, pull_request: PullRequest, before: Sha) -> None:
    """Take back the auto-merge, or the place in the merge queue, that we have asked for, as long as it is there."""
    forge, number = claim.context.outside.manifest_forge, pull_request.number
    if not before or not pull_request.open:
        return
    if pull_request.auto_merge:  # first: else it would go into the queue again
        forge.disable_auto_merge(repository, number)
    if forge.is_queued(repository, number):
        forge.dequeue_pull_request(repository, number)


def _under_lease(members: Members, place: Place, pull_request: PullRequest, again: Callable[[], Judgement]) -> Landed:
    """Merge while nobody of ours pushes the branch, and while who changes the state waits for us."""
    claim, head = members.leads, Place(place.repository, members.branch)
    context = claim.context
    holder = f"{context.holder}/landing/{claim.run.id}"
    with context.store.begin() as tx:
        if not leases.acquire(tx, head.lease, holder, now=context.now(), seconds=LEASE_SECONDS):
            return Landed(again=SOON)
        pushes.begin(tx, head.repository, head.lease, holder)
    with Holding(context, head.lease, holder):
        look_at_state(context, place.repository)
        closed = again().closed
        if closed:
            return Landed()
        for one in members.all:
            require_images(one)
        if not _stands(members, place, pull_request):
            return Landed(again=SOON)
        if pull_request.merge_state is MergeState.BLOCKED:
            return _by_github(members, place.repository, pull_request)
        return _by_us(members, place.repository, pull_request)


def _stands(members: Members, place: Place, pull_request: PullRequest) -> bool:
    """Tell whether the pull request fits its base as that is now: merged, it brings nothing back."""
    claim, head = members.leads, Place(place.repository, members.branch)
    manifests = claim.context.outside.manifests.open(place.repository)
    tip = manifests.fetch(place.branch)
    if tip is None or pull_request.base != place.branch:
        return False
    base = Base(manifests, tip)
    if is_shared(head.branch):
        manifests.fetch(head.branch)
        return is_ours(members, place, pull_request.head_sha) and not has_to_change(
            claim.context, place, head, base, pull_request.head_sha
        )
    read = read_for_merge(claim, base, place.repository, pull_request.head_sha, had=pull_request.base_sha)
    return standing(claim, base, read) is Standing.STANDS


def _by_github(members: Members, repository: Repository, pull_request: PullRequest) -> Landed:
    """Have the forge merge this head once nothing of its own is in the way."""
    forge, number, head = members.leads.context.outside.manifest_forge, pull_request.number, pull_request.head_sha
    method = members.policy.merge_method

    def ask() -> None:
        forge.enable_auto_merge(repository, number, head=head, method=method)

    return _ask(members, repository, pull_request, ask, BY_GITHUB)


def _by_queue(members: Members, repository: Repository, pull_request: PullRequest) -> Landed:
    """Put this head into the merge queue of its base."""
    forge, number, head = members.leads.context.outside.manifest_forge, pull_request.number, pull_request.head_sha
    return _ask(
        members, repository, pull_request, lambda: forge.enqueue_pull_request(repository, number, head=head), QUEUED
    )


def _ask(
    members: Members, repository: Repository, pull_request: PullRequest, ask: Callable[[], None], words: str
) -> Landed:
    """Ask the forge to merge this head. That we ask is kept before, so that it is taken back even if we die here."""
    head = pull_request.head_sha
    with members.leads.context.store.begin() as tx:
        proposals.update(tx, repository, pull_request.number, auto_head=head, auto_seen=False)
    try:
        ask()
    except RetryableError as error:  # it may have been heard
        return Landed(NOT_NOW.format(error), head, again=SOON)
    except MergeportError as error:
        return Landed(REFUSED.format(error), again=LATER)
    return Landed(words, head, auto_seen=True, again=LATER)


def _by_us(members: Members, repository: Repository, pull_request: PullRequest) -> Landed:
    """Merge this very head, or enqueue it where its base has a merge queue. What came of it is read, not believed."""
    forge, number, head = members.leads.context.outside.manifest_forge, pull_request.number, pull_request.head_sha
    landed = Landed(again=LATER)
    try:
        forge.merge_pull_request(repository, number, head=head, method=members.policy.merge_method)
    except PermanentError as error:
        by_queue = "merge queue" in str(error).lower()
        landed = (
            _by_queue(members, repository, pull_request) if by_queue else Landed(REFUSED.format(error), again=LATER)
        )
    merged = forge.pull_request(repository, number).merged
    return Landed(merged=True) if merged else landed
