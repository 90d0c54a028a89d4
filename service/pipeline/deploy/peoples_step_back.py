"""Recognises that a person went back in the manifest repository, holds the place, and tells the author how to lift it.

Called by intake for others' pushes, and by the looks that find a release taken away. A `git revert` of our commit, or a
hand edit to an ancestor of it, is a step back. Any other edit is drift: it is shown, and left as it is.
"""

from __future__ import annotations

from collections.abc import Iterable

import structlog

from service.core.changes import Push
from service.core.config import Target
from service.core.messages import status_description
from service.core.order import Relation
from service.core.standing import standing_images
from service.core.state import Cause
from service.core.words import Repository, Sha
from service.errors import MergeportError, PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.deploy.taken_back import first_without, has_release, is_revert
from service.pipeline.manifest.order_facts import relation_of
from service.pipeline.manifest.origins import asked_origin
from service.pipeline.manifest.place import Place, place_of, release_edits, rewrite_at, targets_at
from service.pipeline.manifest.state.step_back_hold import hold_back
from service.pipeline.reports.statuses import HOLD_CONTEXT
from service.pipeline.runs.claim import Claim, claim_of, images_of
from service.ports import Commit, CommitState, Manifests
from service.store import edits, reports, runs
from service.store.runs import Run

MOST_RUNS = 50
"""How far back a place's newest runs are searched for one that was written."""
_SUBJECT_LENGTH = 200

log = structlog.get_logger()


def recognise(context: Context, push: Push, *, own: bool) -> None:
    """Look whether a push took back what we wrote, for each target whose values it touches. Raises RetryableError."""
    if own and not push.forced:
        return
    try:
        targets = targets_at(context, Place(push.repository, push.branch))
    except MergeportError:
        return
    concerned = [target for target in targets if _writes_any(target, push.touched)]
    if not concerned:
        return
    tip = context.outside.manifests.open(push.repository).fetch(push.branch)
    for target in concerned:
        notice_if_believed(context, target, tip=tip, forced=push.forced)


def notice_if_believed(context: Context, target: Target, *, tip: Sha | None = None, forced: bool = False) -> None:
    """Notice a step back, as far as the state can be believed now: else nothing is promoted there anyway."""
    try:
        notice(context, target, tip=tip, forced=forced)
    except PermanentError as error:
        log.warning("a step back could not be held", application=target.application, error=str(error))


def notice(context: Context, target: Target, *, tip: Sha | None = None, forced: bool = False) -> bool:
    """Hold a place if a person went back there; tell whether one did. Harmless when repeated.

    `tip` is the branch's newest commit where that was read. `forced` says that a force push is known to have come: only
    then a commit that is missing was removed.
    """
    claim = _newest(context, target)
    if claim is None or claim.run.manifest_commit is None:
        return False
    place = place_of(context, claim.target)
    manifests = context.outside.manifests.open(place.repository)
    tip = tip or manifests.fetch(place.branch)
    if tip is None or tip == claim.run.manifest_commit or has_release(manifests, tip, claim):
        return False
    culprit = _culprit(claim, manifests, tip, forced=forced)
    if culprit is None or not _is_back(claim, manifests, tip, culprit):
        return False
    _hold(claim, place, culprit)
    return True


def _writes_any(target: Target, paths: Iterable[str]) -> bool:
    written = {values.file for values in target.values}
    some = set(paths)
    return not some or bool(written & some)


def _newest(context: Context, target: Target) -> Claim | None:
    """Give the newest run there that was written, by its own configuration."""
    with context.store.read() as tx:
        found = runs.newest(tx, limit=MOST_RUNS, application=target.application, environment=target.environment)
    run = next((run for run in found if run.manifest_commit is not None), None)
    try:
        return None if run is None else claim_of(context, run)
    except MergeportError:
        return None


def _culprit(claim: Claim, manifests: Manifests, tip: Sha, *, forced: bool) -> Commit | None:
    """Give a person's commit that took the images away; None if it was ours, or if nobody can say."""
    commit = claim.run.manifest_commit
    assert commit is not None  # noqa: S101 - the caller has looked
    if commit not in manifests.ancestors(tip, {commit}):
        return manifests.describe(tip) if forced else None
    if not has_release(manifests, commit, claim):
        return None
    found = manifests.describe(first_without(manifests, claim, tip))
    with claim.context.store.read() as tx:
        return None if edits.any_own(tx, {found.id}) else found


def _is_back(claim: Claim, manifests: Manifests, tip: Sha, culprit: Commit) -> bool:
    """Tell whether what stands at the tip is behind what we wrote; where that is unknown, whether it is a revert."""
    found = _relations(claim, manifests, tip)
    if found and all(one is Relation.AHEAD for one in found):
        return True
    return is_revert(culprit, claim.run) and Relation.BEHIND not in found


def _relations(claim: Claim, manifests: Manifests, tip: Sha) -> list[Relation | None]:
    """Tell how our commit stands to that of each image that stands at the tip in place of ours."""
    context, run, target = claim.context, claim.run, claim.target
    try:
        done = rewrite_at(manifests, tip, release_edits(run, target))
    except RetryableError:
        raise
    except MergeportError:
        return []
    relations: list[Relation | None] = []
    for image in standing_images(target, done.changes, images_of(run)):
        origin = asked_origin(context, manifests, tip, target, image)
        if origin.commit is None or origin.repository not in {None, run.repository}:
            relations.append(None)
        else:
            relations.append(relation_of(context, run.repository, origin.commit, run.commit))
    return relations


def _hold(claim: Claim, place: Place, culprit: Commit) -> None:
    context, run = claim.context, claim.run
    subject = culprit.message.partition("\n")[0][:_SUBJECT_LENGTH]
    hold_back(
        context, place.repository, f"revert-{culprit.id}-{run.id}", application=run.application,
        environment=run.environment, cause=Cause.REVERT, who=culprit.author.name,
        why=f"{subject} ({culprit.id[:12]})", refused=run.commit, at=context.now(),
    )  # fmt: skip
    _tell(context, place.repository, culprit, run)
    log.info("a person went back, and the place is held", run=run.id, commit=culprit.id)


def _tell(context: Context, repository: Repository, culprit: Commit, run: Run) -> None:
    """Tell the author by a status on their commit, which the outbox sends."""
    words = f"{run.environment} is held; to let newer releases in: mergeport unhold {run.application} {run.environment}"
    with context.store.begin() as tx:
        reports.want(
            tx, repository=repository, commit=culprit.id, context=f"{HOLD_CONTEXT}{run.environment}/{run.application}",
            run_id=run.id, state=CommitState.SUCCESS, description=status_description(words), url=f"/runs/{run.id}",
        )  # fmt: skip
