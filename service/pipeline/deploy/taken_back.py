"""Finds out from git who removed a run's images from its branch, even before the deployer has seen either commit.

Called by the looks at the deployer and at what is live, and by stage deploy. It tells a person's revert, edit or force
push from a newer run of ours. Writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.core import trailers
from service.core.step_back import StepBack
from service.core.words import RunId, Sha
from service.errors import MergeportError, RetryableError
from service.pipeline.manifest.place import Place, has_images, place_of, release_edits
from service.pipeline.runs.claim import Claim
from service.ports import Commit, Manifests
from service.store import edits, runs, successions
from service.store.runs import Run

_LONGEST_SUBJECT = 100
_MOST_COMMITS = 100


@dataclass(frozen=True, slots=True)
class Taker:
    """Who took the images away, in words. `by` is the newer run that did. Without `by` and `by_us` it was a person.

    `back` tells that the newer run went back deliberately.
    """

    words: str
    by_us: bool = False
    by: RunId | None = None
    back: bool = False


def taken_back(claim: Claim, tip: Sha) -> Taker | None:
    """Tell who removed a run's images from its branch, whose newest commit is `tip`; None while they are there."""
    commit = claim.run.manifest_commit
    if commit is None or tip == commit:
        return None
    manifests = _manifests(claim)
    return None if has_release(manifests, tip, claim) else taker_of(claim, tip)


def taker_of(claim: Claim, revision: Sha) -> Taker:
    """Tell who removed a run's images before a revision that no longer has them."""
    context, run, place = claim.context, claim.run, place_of(claim.context, claim.target)
    manifests = _manifests(claim)
    newer = newer_there(claim, revision)
    if newer is not None:
        back = newer.rollback is not None
        return Taker(replaced_by(newer), by_us=True, by=newer.id, back=back)
    commit = run.manifest_commit
    if commit is not None and commit not in manifests.ancestors(revision, {commit}):
        return Taker(_removed(manifests.describe(revision), place, commit))
    culprit = manifests.describe(first_without(manifests, claim, revision))
    with context.store.read() as tx:
        by_us = bool(edits.any_own(tx, {culprit.id}))
        owner = edits.owner(tx, place.repository, culprit.id)
        named = trailers.value_of(trailers.parse(culprit.message), trailers.RUN)
        by = runs.get(tx, owner or RunId(named or ""))
    if by is not None and (by_us or by.sequence > run.sequence):
        return Taker(f"replaced by {culprit.id[:12]} of run {by.id}", by_us=True, by=by.id)
    return Taker(f"replaced by {culprit.id[:12]}", by_us=True) if by_us else Taker(_who(culprit, run))


def replaced_by(newer: Run) -> str:
    """Say that a newer run of ours took the place of a release, or went back from it."""
    commit = f"{(newer.manifest_commit or '')[:12]} of run {newer.id}"
    back = StepBack.read(newer.rollback)
    return f"replaced by {commit}" if back is None else f"{back.words} ({commit})"


def newer_there(claim: Claim, revision: Sha) -> Run | None:
    """Give the newest later run of the same application and environment whose commit a revision contains."""
    with claim.context.store.read() as tx:
        later = successions.committed_after(tx, claim.run)
    commits = {one.manifest_commit for one in later if one.manifest_commit is not None}
    if not commits:
        return None
    there = _manifests(claim).ancestors(revision, commits)
    return next((one for one in later if one.manifest_commit in there), None)


def has_release(manifests: Manifests, commit: Sha, claim: Claim) -> bool:
    """Tell whether a commit has the run's images; False if the file is missing."""
    try:
        return has_images(manifests, commit, release_edits(claim.run, claim.target))
    except RetryableError:
        raise
    except MergeportError:
        return False


def _manifests(claim: Claim) -> Manifests:
    return claim.context.outside.manifests.open(place_of(claim.context, claim.target).repository)


def first_without(manifests: Manifests, claim: Claim, revision: Sha) -> Sha:
    """Give the commit that took the images away; the newest commit if that is too far back."""
    since: list[Sha] = []
    for commit in manifests.history(revision, most=_MOST_COMMITS, deepen=True):
        if commit.id == claim.run.manifest_commit:
            break
        since.append(commit.id)
    else:
        return revision
    return next((commit for commit in reversed(since) if not has_release(manifests, commit, claim)), revision)


def is_revert(commit: Commit, run: Run) -> bool:
    """Tell whether a commit says that it reverts a run's."""
    named = run.manifest_commit is not None and f"This reverts commit {run.manifest_commit}" in commit.message
    return named or commit.message.startswith('Revert "')


def _who(commit: Commit, run: Run) -> str:
    """Say who took a release away, when, and how."""
    subject = commit.message.partition("\n")[0][:_LONGEST_SUBJECT]
    how = "reverted" if is_revert(commit, run) else "replaced"
    return f"{how} by {commit.id[:12]} of {commit.author.name} at {commit.at:%Y-%m-%d %H:%M} UTC: {subject}"


def _removed(tip: Commit, place: Place, commit: Sha) -> str:
    """Say that a force push removed our commit. Git does not know who pushed, only what is there now."""
    subject = tip.message.partition("\n")[0][:_LONGEST_SUBJECT]
    return (
        f"{commit[:12]} was removed from {place.branch} by a force push to {tip.id[:12]} "
        f"of {tip.author.name} at {tip.at:%Y-%m-%d %H:%M} UTC: {subject}"
    )
