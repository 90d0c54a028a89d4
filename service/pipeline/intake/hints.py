"""Handles deliveries about promotions' pull requests and their bases: a reason to look now, never a fact.

Called by intake. The watch looks for a run that waits; a run that has ended may continue in its next generation.
"""

from __future__ import annotations

from collections.abc import Callable

from service.core.changes import Hint, Push
from service.core.words import WaitKind
from service.pipeline.context import Context
from service.pipeline.manifest.place import Place
from service.pipeline.promote.afterwards import follow, follow_all
from service.store.runs import Run

LookNow = Callable[[WaitKind, str], None]
"""Makes the watch of a kind look at a key at once."""


def follow_hint(context: Context, hint: Hint) -> tuple[list[Run], str]:
    """Start the next generation if the pull request's run has ended; give the new runs, and words about it."""
    followed = follow(context, hint.repository, hint.number)
    if followed:
        return (
            followed,
            f"pull request #{hint.number} of ours is followed by the next generation, because its run has ended",
        )
    return [], f"pull request #{hint.number} of ours was closed, reopened or retargeted: its run looks at it now"


def tell_pull_requests(context: Context, push: Push, look_now: LookNow, *, own: bool) -> None:
    """Let the watch compare the pull requests to a branch with it: it may have lost commits that they contain."""
    if push.forced or not own:
        look_now(WaitKind.PULL_REQUEST, f"{push.repository.key}:{push.branch}")
    if push.forced:
        follow_all(context, base=Place(push.repository, push.branch))
