"""Stage promote: the run's images are in the environment's desired state, by a commit or a merged pull request."""

from __future__ import annotations

from typing import assert_never

from service.core.config import Target
from service.core.words import EditState, Publish, Sha, Stage
from service.pipeline.context import Context
from service.pipeline.manifest.edit_queue import write
from service.pipeline.manifest.order import Case, in_order, warm, yield_to_later
from service.pipeline.manifest.place import Place, place_of, promotion_branch
from service.pipeline.promote.pull_request import propose
from service.pipeline.runs.steps import step
from service.store import edits, runs
from service.store.runs import Run


def promote(context: Context, run: Run, target: Target) -> Run:
    """Bring the images into the manifest repository, or pause; give the run at its next stage."""
    place = place_of(context, target)
    with step(context, run, "check order", Stage.PROMOTE) as record:
        if run.pull_request is None and not _may_be_there(context, run):
            yield_to_later(context, run, target)
        if target.publish is Publish.COMMIT:
            warm(_case(context, run, target, place), place)
        record.message = "no later change of this application waits for this environment"
    match target.publish:
        case Publish.COMMIT:
            commit = _commit(context, run, target, place) or propose(context, run, target, place)
        case Publish.PULL_REQUEST:
            commit = propose(context, run, target, place)
        case _:
            assert_never(target.publish)
    with context.store.begin() as tx:
        runs.update(tx, run.id, at=context.now(), stage=Stage.DEPLOY, manifest_commit=commit)
        done = runs.get(tx, run.id)
    assert done is not None  # noqa: S101 - rows of runs are never deleted
    return done


def _may_be_there(context: Context, run: Run) -> bool:
    """Tell whether the run's commit was on its way: then only who looks at the branch knows what became of it."""
    with context.store.read() as tx:
        edit = edits.of_run(tx, run.id)
    return edit is not None and edit.state in {EditState.PUSHING, EditState.PUBLISHED}


def _commit(context: Context, run: Run, target: Target, place: Place) -> Sha | None:
    """Have the commit on the branch; None where the branch refuses it, and a pull request is wanted then."""
    with step(context, run, "commit to manifest repository", Stage.PROMOTE) as record:
        window = target.writing.batch_window
        case = _case(context, run, target, place)
        edit = in_order(case, place, lambda: write(context, run, place, window=window))
        if edit.branch == promotion_branch(target):
            record.message = f"{edit.message or f'{place.branch} refuses the push'}: it goes on as a pull request"
            return None
        assert edit.commit is not None  # noqa: S101 - a published edit has one
        where = f"{place.repository}@{place.branch}"
        record.message = (
            f"{edit.commit[:12]} on {where}" if edit.diff else f"{where} says this already, at {edit.commit[:12]}"
        )
        if edit.message:
            record.message += f"; {edit.message}"
        return edit.commit


def _case(context: Context, run: Run, target: Target, place: Place) -> Case:
    return Case(context, run, target, context.outside.manifests.open(place.repository))
