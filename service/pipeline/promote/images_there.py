"""Keeps a promotion from bringing an image that its registry does not have any more.

Called by the promote stage right before a write, and while a pull request waits. An image that is not there is
looked for again until its absence has lasted, because a registry that replicates may not show it for a moment.
"""

from __future__ import annotations

from service.errors import DoubtfulError, PermanentError
from service.pipeline.build.presence import absent_of
from service.pipeline.manifest.place import Place
from service.pipeline.promote.closing import close_in_words
from service.pipeline.promote.promotion_branch import alone_at, is_last_pusher
from service.pipeline.runs.belief import is_believed
from service.pipeline.runs.claim import Claim

GONE = "image-gone"
_HINT = "check whether a lifecycle rule or a person deleted it; `mergeport runs retry` builds or awaits it again"


def require_images(claim: Claim) -> None:
    """Raise DoubtfulError `image-gone` if the registry lacks what the run is about to write.

    What this workflow has read moments ago is not looked up again.
    """
    if claim.has_just_read_images():
        return
    absent = absent_of(claim)
    if absent:
        raise DoubtfulError(
            f"{absent} is not in the registry any more, so nothing was written", code="image-gone", hint=_HINT
        )


def require_images_of_proposed(claim: Claim, head: Place, number: int) -> None:
    """Raise as `require_images`; once that is believed, close the pull request first, so that nobody merges it."""
    absent = absent_of(claim)
    if not absent:
        return
    context, words = claim.context, f"{absent} is not in the registry any more"
    with context.store.read() as tx:
        believed = is_believed(tx, claim.run.id, GONE, context.now())
    if not believed:
        raise DoubtfulError(f"{words}: do not merge pull request #{number}", code="image-gone", hint=_HINT)
    with alone_at(claim, head):
        if is_last_pusher(claim, head):
            text = f"Its run has ended: {words}."
            close_in_words(context, head.repository, number, text, run_id=claim.run.id)
            words += f"; pull request #{number} was closed"
    raise PermanentError(words, code="image-gone", hint=_HINT)
