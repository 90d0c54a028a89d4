"""Looks at registries for images that others push."""

from __future__ import annotations

from service.core.words import WaitKind
from service.errors import DoubtfulError
from service.pipeline.build.wanted_build import reference_of
from service.pipeline.context import Context
from service.pipeline.runs.claim import read_claim
from service.pipeline.runs.looks import Answers, Isolated, saw
from service.store import waits
from service.store.waits import Wait


def look_at_images(context: Context, key: str) -> Answers:
    """Answer the waits whose image is there; each image is asked for once.

    An error that may pass answers the wait too: the run's own step meets it, tries again, and believes an error that
    lasts. So one repository that refuses does not hold up the others.
    """
    with context.store.read() as tx:
        waiting = waits.open_at(tx, WaitKind.IMAGE, key)
    found: dict[str, bool] = {}
    answers: dict[Wait, str] = {}
    with Isolated(context) as isolated:
        for wait in waiting:
            with isolated.one(wait, answers):
                if wait.subject not in found:
                    try:
                        found[wait.subject] = _image_is_there(context, wait)
                    except DoubtfulError as error:
                        saw(context, wait, str(error))
                        answers[wait] = "to be looked at again"
                        continue
                if found[wait.subject]:
                    answers[wait] = "there"
                else:
                    saw(context, wait, f"waiting for {wait.subject} to be pushed")
    return answers


def _image_is_there(context: Context, wait: Wait) -> bool:
    """Look for the wait's image; if the run no longer has that image, wake it, so that its step can judge."""
    claim = read_claim(context, wait.run_id)
    images = claim.target.images if claim else ()
    image = next((one for one in images if claim and str(reference_of(claim.run, one)) == wait.subject), None)
    if claim is None or image is None:
        return True
    reference = reference_of(claim.run, image)
    return context.outside.images.registry(image).find(reference.repository, reference.tag) is not None
