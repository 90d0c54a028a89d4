"""Asks how the pipelines of others stand which are to push a run's images. Called by the build stage and its look.

An image is there when the registry has it. This only tells that nobody will push it, and what is known meanwhile.
"""

from __future__ import annotations

from collections.abc import Mapping

from service.core.config import ImageTarget
from service.pipeline.context import Context
from service.ports import PipelineQuestion, Pipelines, PipelineStanding
from service.store import changes
from service.store.runs import Run
from service.store.waits import Wait


def question_of(context: Context, run: Run, image: ImageTarget) -> PipelineQuestion | None:
    """Give the question for the pipeline that the image's options name; None where they name none."""
    pipelines = context.outside.images.pipelines(image.builder_kind)
    pipeline = pipelines.pipeline_of(image.builder_options) if pipelines else ""
    if not pipeline:
        return None
    with context.store.read() as tx:
        change = changes.get(tx, run.change_id)
    since = min(change.created_at, run.created_at) if change else run.created_at
    return PipelineQuestion(run.repository, run.branch, run.commit, since, pipeline)


def standing_of(context: Context, run: Run, image: ImageTarget) -> PipelineStanding | None:
    """Tell how the pipeline of one image stands; None where there is none to ask."""
    question = question_of(context, run, image)
    pipelines = context.outside.images.pipelines(image.builder_kind)
    return pipelines.standings([question])[question] if question and pipelines else None


def awaited(reference: str, standing: PipelineStanding | None, lacks: str = "") -> str:
    """Say what a run waits for, what the image lacks that is there meanwhile, and what its pipeline says."""
    words = f"waiting for {reference} to be pushed" + (f" whole: {lacks}" if lacks else "")
    return f"{words}; {standing.words}" if standing else words


def standings_of(
    context: Context, asked: Mapping[Wait, tuple[str, PipelineQuestion]]
) -> Mapping[Wait, PipelineStanding]:
    """Tell how the pipelines of many waits stand, the same question once; each has the builder's kind beside it."""
    told: dict[PipelineQuestion, PipelineStanding] = {}
    for kind in dict.fromkeys(kind for kind, _ in asked.values()):
        pipelines: Pipelines | None = context.outside.images.pipelines(kind)
        if pipelines is not None:
            told |= pipelines.standings(list(dict.fromkeys(one for of, one in asked.values() if of == kind)))
    return {wait: told[question] for wait, (_, question) in asked.items() if question in told}
