"""Stage promote: the run's images are in the environment's desired state, by a commit or a merged pull request."""

from __future__ import annotations

from typing import assert_never

from service.core.words import EditState, Publish, Sha, Stage
from service.pipeline.build.model_stage import require_named
from service.pipeline.build.replica import bring_over
from service.pipeline.manifest.edit_queue import write
from service.pipeline.manifest.order import case_at, in_order, warm, yield_to_later
from service.pipeline.manifest.place import Place, head_branch, is_shared, place_of, promotion_branch
from service.pipeline.manifest.state.withholding import written_when_open
from service.pipeline.promote.carrying import take_carried
from service.pipeline.promote.gating import pass_gates
from service.pipeline.promote.images_there import require_images
from service.pipeline.promote.in_force import take_in_force
from service.pipeline.promote.pull_request import propose
from service.pipeline.promote.rolling_back import hold_first
from service.pipeline.promote.together.shared_pull_request import propose_together
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import step
from service.store import edits
from service.store.edits import Edit

COMMIT_STEP = "commit to manifest repository"


def promote(claim: Claim) -> None:
    """Bring the images into the manifest repository, or pause; afterwards the claim has the manifest commit."""
    edit = None if claim.new else _edit_of(claim)
    if not _may_be_there(edit):
        take_in_force(claim)
        require_named(claim)
        if edit is None:
            take_carried(claim)
        if edit is None and claim.run.pull_request is None:
            bring_over(claim)
    place = place_of(claim.context, claim.target)
    if edit is not None and _is_written(claim, edit, place):
        claim.note(stage=Stage.DEPLOY, manifest_commit=_tell_written(claim, edit, place))
        return
    hold_first(claim, place)
    with step(claim, "check order", Stage.PROMOTE) as record:
        if claim.run.pull_request is None and not (edit and _may_be_there(_edit_of(claim))):
            yield_to_later(claim)
        if claim.target.publish is Publish.COMMIT and claim.run.pull_request is None:
            warm(case_at(claim, place), place)
        record.message = "no later change of this application waits for this environment"
    if claim.target.publish is Publish.COMMIT and claim.run.pull_request is None and not _may_be_there(edit):
        pass_gates(claim, place)
    match claim.target.publish:
        case Publish.COMMIT:
            there = claim.run.pull_request is not None
            commit = (None if there else _commit(claim, place, asked=edit is not None)) or propose(claim, place)
        case Publish.PULL_REQUEST:
            together = is_shared(head_branch(claim.run, claim.target))
            commit = propose_together(claim, place) if together else propose(claim, place)
        case _:
            assert_never(claim.target.publish)
    claim.note(stage=Stage.DEPLOY, manifest_commit=commit)


def _edit_of(claim: Claim) -> Edit | None:
    """Read the run's edit; only the run itself creates it, but other runs may write it."""
    with claim.context.store.read() as tx:
        return edits.of_run(tx, claim.run.id)


def _may_be_there(edit: Edit | None) -> bool:
    """Tell whether a push of the run's commit has begun: then only the branch shows whether it arrived."""
    return edit is not None and edit.state in {EditState.PUSHING, EditState.PUBLISHED}


def _is_written(claim: Claim, edit: Edit, place: Place) -> bool:
    """Tell whether the run's commit is on the branch itself because another run pushed it while this one waited."""
    by_commit = claim.target.publish is Publish.COMMIT and claim.run.pull_request is None
    return by_commit and (edit.state, edit.branch) == (EditState.PUBLISHED, place.branch)


def _tell_written(claim: Claim, edit: Edit, place: Place) -> Sha:
    """Record the commit that another run pushed for this one; there is nothing left to check or to write."""
    with step(claim, COMMIT_STEP, Stage.PROMOTE) as record:
        record.message, commit = _told(edit, place)
    return commit


def _commit(claim: Claim, place: Place, *, asked: bool) -> Sha | None:
    """Bring the commit onto the branch; None if the branch refuses it and a pull request is wanted instead.

    `asked` says that the run has asked for the write before, so that it may be there.
    """
    with step(claim, COMMIT_STEP, Stage.PROMOTE) as record:
        if not (asked and _may_be_there(_edit_of(claim))):
            require_images(claim)
        window = claim.target.writing.batch_window
        edit = in_order(
            case_at(claim, place),
            place,
            lambda: written_when_open(
                claim, place.repository, lambda: write(claim.context, claim.run, place, window=window)
            ),
        )
        if edit.branch == promotion_branch(claim.target):
            record.message = (
                f"{edit.message or f'{place.branch} refuses the push'}: the run goes on with a pull request"
            )
            return None
        record.message, commit = _told(edit, place)
        return commit


def _told(edit: Edit, place: Place) -> tuple[str, Sha]:
    """Say where a published edit is; give its commit, too."""
    assert edit.commit is not None  # noqa: S101 - a published edit has one
    where, commit = f"{place.repository}@{place.branch}", edit.commit[:12]
    words = f"{commit} on {where}" if edit.diff else f"{where} has these values already, at {commit}"
    return "; ".join(filter(None, (words, edit.message))), edit.commit
