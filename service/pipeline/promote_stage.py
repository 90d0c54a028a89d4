"""Stage promote: the run's images are in the environment's desired state, by a commit or a merged pull request."""

from __future__ import annotations

from typing import assert_never

from service.core.config import Target
from service.core.words import Publish, Sha, Stage
from service.pipeline.context import Context
from service.pipeline.manifest_place import Place, place_of
from service.pipeline.proposing import propose
from service.pipeline.steps import step, yield_to_later
from service.pipeline.writing import write
from service.store import runs
from service.store.runs import Run


def promote(context: Context, run: Run, target: Target) -> Run:
    """Bring the images into the manifest repository, or pause; give the run at its next stage."""
    place = place_of(context, target)
    with step(context, run, "check order", Stage.PROMOTE) as record:
        if run.pull_request is None:
            yield_to_later(context, run)
        record.message = "no later change of this application waits for this environment"
    match target.publish:
        case Publish.COMMIT:
            commit = _commit(context, run, place)
        case Publish.PULL_REQUEST:
            commit = propose(context, run, target, place)
        case _:
            assert_never(target.publish)
    with context.store.begin() as tx:
        runs.update(tx, run.id, at=context.now(), stage=Stage.DEPLOY, manifest_commit=commit)
        done = runs.get(tx, run.id)
    assert done is not None  # noqa: S101 - rows of runs are never deleted
    return done


def _commit(context: Context, run: Run, place: Place) -> Sha:
    with step(context, run, "commit to manifest repository", Stage.PROMOTE) as record:
        edit = write(context, run, place)
        assert edit.commit is not None  # noqa: S101 - a published edit has one
        where = f"{place.repository}@{place.branch}"
        record.message = (
            f"{edit.commit[:12]} on {where}" if edit.diff else f"{where} says this already, at {edit.commit[:12]}"
        )
        return edit.commit
