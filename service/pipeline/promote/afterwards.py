"""Follows pull requests whose run has ended: if one is merged or reopened, the run's next generation starts.

Called by intake on a pull request's event, by the watch with the pull requests that it lists, and by a slow loop that
finds what no event reported. An ended run stays ended. A pull request that would bring back something that was removed
from its base is closed with a comment.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta

import structlog

from service.core.changes import PROMOTION_BRANCHES
from service.core.words import Repository, RunState, Sha
from service.errors import MergeportError, PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.place import Place, has_images, is_shared, place_of, release_edits
from service.pipeline.promote.closing import close_in_words
from service.pipeline.promote.heads import Base, Head, Holds
from service.pipeline.promote.reading import read_for_merge
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import Claim, claim_of
from service.ports import PullRequest
from service.store import pull_request_runs
from service.store.runs import Run

REMEMBERED = timedelta(days=60)
"""For how long after a run's end its pull request is still looked at without an event."""
_GIVEN_UP = frozenset({"pull-request-closed", "pull-request-retargeted", "branch-edited"})
"""Codes of runs that ended because of something that a person did to their pull request and can undo there."""

log = structlog.get_logger()


def follow(context: Context, repository: Repository, number: int) -> list[Run]:
    """Follow one pull request of which an event told; give the runs that were accepted for it."""
    if not _left(context, [number]):
        return []
    return follow_listed(context, repository, [context.outside.manifest_forge.pull_request(repository, number)])


def follow_listed(context: Context, repository: Repository, listed: Iterable[PullRequest]) -> list[Run]:
    """Follow those of these pull requests whose run has ended; give the runs that were accepted for them."""
    bases: dict[str, Base | None] = {}
    accepted: list[Run] = []
    some = {one.number: one for one in listed if one.open or one.merged}
    left = {run.pull_request for run in _left(context, some)}
    for pull_request in [one for number, one in sorted(some.items()) if number in left]:
        for run in _ended_on(context, pull_request):
            try:
                accepted += _follow(context, repository, pull_request, run, bases)
            except RetryableError:
                raise
            except MergeportError as error:
                log.warning("a pull request cannot be followed", number=pull_request.number, error=str(error))
    return accepted


def follow_all(context: Context, *, base: Place | None = None) -> None:
    """Look at the bases of runs that ended with a pull request, or only at `base`; hand new runs to the engine."""
    for place in dict.fromkeys(_place(context, run) for run in _left(context)):
        if place is None or base not in {None, place}:
            continue
        try:
            listed = context.outside.manifest_forge.recent_pull_requests(place.repository, base=place.branch)
            for run in follow_listed(context, place.repository, listed):
                context.queue.enqueue_run(run)
        except MergeportError as error:
            log.warning("pull requests of ended runs were not looked at", base=place.branch, error=str(error))


def _left(context: Context, numbers: Iterable[int] | None = None) -> list[Run]:
    with context.store.read() as tx:
        return pull_request_runs.left(tx, since=context.now() - REMEMBERED, numbers=numbers)


def _place(context: Context, run: Run) -> Place | None:
    try:
        return place_of(context, claim_of(context, run).target)
    except MergeportError:
        return None


def _ended_on(context: Context, pull_request: PullRequest) -> list[Run]:
    """List the runs that counted on a pull request, newest first; none if one of them is under way or succeeded."""
    environment, _, name = pull_request.head.removeprefix(PROMOTION_BRANCHES).partition("/")
    if not pull_request.head.startswith(PROMOTION_BRANCHES):
        return []
    left: list[Run] = []
    with context.store.read() as tx:
        shared = is_shared(pull_request.head)
        names = pull_request_runs.on_number(tx, environment, pull_request.number) if shared else [name]
        for application in names:
            found = pull_request_runs.newest_on(tx, application, environment, pull_request.number)
            if not any(not run.state.ended or run.state is RunState.SUCCEEDED for run in found):
                left += [run for run in found if run.manifest_commit is None]
    return left


def _follow(
    context: Context, repository: Repository, pull_request: PullRequest, run: Run, bases: dict[str, Base | None]
) -> list[Run]:
    """Accept the run's next generation if the pull request brings, or brought, what the run promotes."""
    claim = claim_of(context, run)
    place = place_of(context, claim.target)
    if place != Place(repository, pull_request.base):
        return []
    if place.branch not in bases:
        bases[place.branch] = _base(context, place)
    base = bases[place.branch]
    if base is None:
        return []
    if pull_request.merged:
        return _again(context, run) if _stands_there(claim, base, pull_request.merge_commit) else []
    read = read_for_merge(claim, base, place.repository, pull_request.head_sha, had=pull_request.base_sha)
    if read.removed is not None and is_shared(pull_request.head):
        return []
    if read.removed is not None:
        _close(context, place, pull_request, run, read)
        return []
    if run.code not in _GIVEN_UP or read.holds in {Holds.PEOPLES, Holds.NOTHING}:
        return []
    # The list may have been read before the pull request was closed.
    now_at = context.outside.manifest_forge.pull_request(repository, pull_request.number)
    return _again(context, run) if now_at.open and now_at.base == place.branch else []


def _base(context: Context, place: Place) -> Base | None:
    manifests = context.outside.manifests.open(place.repository)
    tip = manifests.fetch(place.branch)
    return None if tip is None else Base(manifests, tip)


def _stands_there(claim: Claim, base: Base, merged: Sha | None) -> bool:
    """Tell whether a merge brought the run's images and the base still has them; if not, there is nothing to follow."""
    wanted = release_edits(claim.run, claim.target)
    try:
        there = merged is not None and bool(base.has({merged})) and has_images(base.manifests, merged, wanted)
        return there and has_images(base.manifests, base.tip, wanted)
    except PermanentError:
        return False


def _again(context: Context, run: Run) -> list[Run]:
    with context.store.begin() as tx:
        new = transitions.accept_again(tx, run, at=context.now())
    if new is None:
        return []
    log.info("an ended run's pull request goes on with the next generation", run=run.id, new=new.id)
    return [new]


def _close(context: Context, place: Place, pull_request: PullRequest, run: Run, read: Head) -> None:
    words = (
        f"It contains {(read.removed or '')[:12]}, which was removed from {place.branch}: merged, it would bring that "
        "back. Its run has ended, so it is closed and not made anew."
    )
    close_in_words(context, place.repository, pull_request.number, words, run_id=run.id)
    log.info("a pull request that holds removed commits was closed", number=pull_request.number)
