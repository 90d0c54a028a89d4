"""Has a pull request merged without a person, where the configuration wants that: by the forge, or by us.

Called by the loop that judges. Only the head is merged that we wrote and whose gates are all open, as judged again
right before with the state read again, under the lease that what people do to the state waits for. Whether it was
merged is read from the forge, and the run checks what was merged as it does for a person's merge.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
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
from service.pipeline.runs.claim import claim_of
from service.ports import MergeState, PullRequest
from service.store import edits, leases, proposals, pull_request_runs, pushes
from service.store.proposals import Proposal
from service.store.runs import Run

SOON, LATER = timedelta(seconds=10), timedelta(minutes=2)
"""After how long to look again: where only a moment is missing, and where the forge waits for something of its own."""
NOBODY = Sha("")
ANOTHER_HEAD = "It is not merged by itself: its head is not the one that Mergeport wrote."
TAKEN_BACK = "It is not merged by itself: somebody has taken GitHub's auto-merge back."
BY_GITHUB = "GitHub merges it once what it requires has passed."
BEHIND = "It is not merged by itself now: it has to be brought up to date with its base first."
QUEUED = "It was put into the merge queue."
BLOCKED = "It is merged as soon as what GitHub requires has passed."
NOT_NOW = "It cannot be merged right now: {}"
REFUSED = "It is not merged by itself: {}"

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Landed:
    """What became of it: in words what it waits for, the head that the forge merges, and when to look again.

    `auto_seen` says that the forge has said that it merges that head, and `queued` that it is to do so in its queue.
    """

    words: str = ""
    auto_head: Sha = NOBODY
    auto_seen: bool = False
    queued: bool = False
    merged: bool = False
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
    ours = _is_ours(members, place, head)
    try:
        if how is None or not ours or judgement.outcome is not Outcome.ALLOW or pull_request.draft:
            _take_back(context, pull_request, known)
            return Landed(ANOTHER_HEAD if how is not None and not ours else "")
        if known is not None and known.queued and known.auto_seen and before == head:
            return Landed(QUEUED, head, auto_seen=True, queued=True)
        if before == head and (pull_request.auto_merge or (known and known.auto_seen)):
            return Landed(BY_GITHUB if pull_request.auto_merge else TAKEN_BACK, head, auto_seen=True)
        _take_back(context, pull_request, known)
        waits = _waits(how, pull_request)
        return _under_lease(members, place, pull_request, again) if waits is None else waits
    except RetryableError as error:
        log.info("a pull request was not merged, to be repeated", number=number, error=str(error))
        pause = max(SOON, timedelta(seconds=error.retry_after or 0))
        return replace(_as_it_was(known), words=NOT_NOW.format(error), again=pause)
    except MergeportError as error:
        log.warning("a pull request is not merged by itself", number=number, error=str(error))
        return replace(_as_it_was(known), words=REFUSED.format(error), again=LATER)


def _as_it_was(known: Proposal | None) -> Landed:
    """Give what was asked of the forge before, because nobody knows what became of it now."""
    return Landed() if known is None else Landed("", known.auto_head, known.auto_seen, known.queued)


def _waits(how: AutoMerge, pull_request: PullRequest) -> Landed | None:
    """Tell what the forge itself keeps it from being merged for; None if we can go on."""
    match pull_request.merge_state:
        case MergeState.OPEN:
            return None
        case MergeState.BLOCKED:
            return None if how is AutoMerge.GITHUB else Landed(BLOCKED, again=LATER)
        case MergeState.CONFLICT:
            return Landed(BEHIND, again=LATER)
        case MergeState.UNKNOWN:
            return Landed(again=SOON)
        case _:
            assert_never(pull_request.merge_state)


def _is_ours(members: Members, place: Place, head: Sha) -> bool:
    """Tell whether the head is what we wrote last, with all who are in it and nobody who has left."""
    claim, branch = members.leads, members.branch
    with claim.context.store.read() as tx:
        if is_shared(branch):
            tip = edits.promotion_tip(tx, place.repository, branch)
            left = pull_request_runs.left_behind(tx, place.repository, branch)
            return tip is not None and tip[0] == head and not left
        edit = edits.of_run(tx, claim.run.id)
    return edit is not None and edit.commit == head


def take_back(context: Context, repository: Repository, number: int | None) -> None:
    """Take back the auto-merge of a pull request before its head changes: the new head is not judged yet."""
    found = None
    if number is not None:
        with context.store.read() as tx:
            found = proposals.get(tx, repository, number)
    if found is None or not found.auto_head:
        return
    pull_request = context.outside.manifest_forge.pull_request(repository, found.number)
    _take_back(context, pull_request, found)
    with context.store.begin() as tx:
        proposals.update(tx, repository, found.number, auto_head=NOBODY, auto_seen=False, queued=False, merging="")


def let_go(context: Context, run: Run) -> None:
    """Take back the auto-merge of a run that has ended, because nobody judges its gates any more.

    The pull request may stay open: then people merge it, or the next generation, which is judged. One that several
    share is made anew without the run; until then its commit is in it.
    """
    if run.pull_request is None:
        return
    claim = claim_of(context, run)
    repository, branch = place_of(context, claim.target).repository, head_branch(run, claim.target)
    with context.store.read() as tx:
        known = proposals.get(tx, repository, run.pull_request)
        left = is_shared(branch) and run.id in pull_request_runs.left_behind(tx, repository, branch)
    if known is not None and (known.run_id == run.id or left):
        take_back(context, repository, run.pull_request)


def _take_back(context: Context, pull_request: PullRequest, known: Proposal | None) -> None:
    """Take back the auto-merge that we have asked for, or take it out of the queue, as long as it is there."""
    if known is None or not known.auto_head:
        return
    forge, repository = context.outside.manifest_forge, known.repository
    if pull_request.auto_merge:
        forge.disable_auto_merge(repository, known.number)
    if known.queued:
        try:
            forge.dequeue_pull_request(repository, known.number)
        except PermanentError as error:  # it is not there any more
            log.info("a pull request was not taken out of a merge queue", number=known.number, error=str(error))


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
        return _is_ours(members, place, pull_request.head_sha) and not has_to_change(
            claim.context, place, head, base, pull_request.head_sha
        )
    read = read_for_merge(claim, base, place.repository, pull_request.head_sha, had=pull_request.base_sha)
    return standing(claim, base, read) is Standing.STANDS


def _by_github(members: Members, repository: Repository, pull_request: PullRequest) -> Landed:
    """Ask the forge to merge this head. That we ask is kept before, so that it is taken back even if we die here."""
    context, number, head = members.leads.context, pull_request.number, pull_request.head_sha
    method = members.policy.merge_method
    with context.store.begin() as tx:
        proposals.update(tx, repository, number, auto_head=head, auto_seen=False)
    try:
        context.outside.manifest_forge.enable_auto_merge(repository, number, head=head, method=method)
    except RetryableError as error:  # it may have been heard
        return Landed(NOT_NOW.format(error), head, again=SOON)
    except MergeportError as error:
        return Landed(REFUSED.format(error), again=LATER)
    return Landed(BY_GITHUB, head, auto_seen=True, again=LATER)


def _by_us(members: Members, repository: Repository, pull_request: PullRequest) -> Landed:
    """Merge this very head, or enqueue it where its base has a merge queue. What came of it is read, not believed."""
    context, number, head = members.leads.context, pull_request.number, pull_request.head_sha
    forge = context.outside.manifest_forge
    words = ""
    try:
        forge.merge_pull_request(repository, number, head=head, method=members.policy.merge_method)
    except PermanentError as error:
        if "merge queue" in str(error).lower():
            return _enqueued(context, repository, number, head)
        words = REFUSED.format(error)
    merged = forge.pull_request(repository, number).merged
    return Landed("" if merged else words, merged=merged, again=None if merged else LATER)


def _enqueued(context: Context, repository: Repository, number: int, head: Sha) -> Landed:
    """Put this head into the queue. That we do is kept before, so that it is taken out even if we die here."""
    with context.store.begin() as tx:
        proposals.update(tx, repository, number, auto_head=head, auto_seen=False, queued=True)
    try:
        context.outside.manifest_forge.enqueue_pull_request(repository, number, head=head)
    except RetryableError as error:  # it may have been heard
        return Landed(NOT_NOW.format(error), head, queued=True, again=SOON)
    return Landed(QUEUED, head, auto_seen=True, queued=True)
