"""Stage promote: the run's images are in the environment's desired state, by a commit or a merged pull request."""

from __future__ import annotations

from typing import assert_never

from service.core.words import EditState, Publish, Sha, Stage
from service.pipeline.manifest.edit_queue import write
from service.pipeline.manifest.order import case_at, in_order, warm, yield_to_later
from service.pipeline.manifest.place import Place, place_of, promotion_branch
from service.pipeline.promote.in_force import take_in_force
from service.pipeline.promote.pull_request import propose
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import step
from service.store import edits
from service.store.edits import Edit


def promote(claim: Claim) -> None:
    """Bring the images into the manifest repository, or pause; afterwards the claim has the manifest commit."""
    edit = _edit_of(claim)
    if not _may_be_there(edit):
        take_in_force(claim)
    place = place_of(claim.context, claim.target)
    with step(claim, "check order", Stage.PROMOTE) as record:
        if claim.run.pull_request is None and not (edit and _may_be_there(_edit_of(claim))):
            yield_to_later(claim)
        if claim.target.publish is Publish.COMMIT and claim.run.pull_request is None:
            warm(case_at(claim, place), place)
        record.message = "no later change of this application waits for this environment"
    match claim.target.publish:
        case Publish.COMMIT:
            there = claim.run.pull_request is not None
            commit = (None if there else _commit(claim, place)) or propose(claim, place)
        case Publish.PULL_REQUEST:
            commit = propose(claim, place)
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


def _commit(claim: Claim, place: Place) -> Sha | None:
    """Bring the commit onto the branch; None if the branch refuses it and a pull request is wanted instead."""
    with step(claim, "commit to manifest repository", Stage.PROMOTE) as record:
        window = claim.target.writing.batch_window
        edit = in_order(case_at(claim, place), place, lambda: write(claim.context, claim.run, place, window=window))
        if edit.branch == promotion_branch(claim.target):
            record.message = (
                f"{edit.message or f'{place.branch} refuses the push'}: the run goes on with a pull request"
            )
            return None
        assert edit.commit is not None  # noqa: S101 - a published edit has one
        where = f"{place.repository}@{place.branch}"
        record.message = (
            f"{edit.commit[:12]} on {where}"
            if edit.diff
            else f"{where} has these values already, at {edit.commit[:12]}"
        )
        if edit.message:
            record.message += f"; {edit.message}"
        return edit.commit
