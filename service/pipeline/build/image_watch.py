"""Looks at registries for images that others push."""

from __future__ import annotations

from service.core.words import WaitKind
from service.pipeline.build.build_stage import reference_of
from service.pipeline.context import Context
from service.pipeline.runs.looks import Answers, Isolated, run_of, saw
from service.store import waits
from service.store.waits import Wait


def look_at_images(context: Context, key: str) -> Answers:
    """Answer the waits whose image is there; each image is asked for once."""
    with context.store.read() as tx:
        waiting = waits.open_at(tx, WaitKind.IMAGE, key)
    found: dict[str, bool] = {}
    answers: dict[Wait, str] = {}
    with Isolated(context) as isolated:
        for wait in waiting:
            with isolated.one(wait, answers):
                if wait.subject not in found:
                    found[wait.subject] = _image_is_there(context, wait)
                if found[wait.subject]:
                    answers[wait] = "there"
                else:
                    saw(context, wait, f"waiting for {wait.subject} to be pushed")
    return answers


def _image_is_there(context: Context, wait: Wait) -> bool:
    """Look for the wait's image; one that its run has no more is for the run's step to judge."""
    run = run_of(context, wait.run_id)
    if run is None:
        return True
    target = context.configurations.at(run.configuration_commit).target(run.application, run.environment)
    images = target.images if target else ()
    image = next((one for one in images if str(reference_of(run, one)) == wait.subject), None)
    if image is None:
        return True
    reference = reference_of(run, image)
    return context.outside.images.registry(image).find(reference.repository, reference.tag) is not None
