"""Brings all pending edits onto a branch, and tells apart those that it does not take.

Called by the holder of the branch's lease. A refusal is recognised by the branch's state alone: nobody moved it, and it
still refuses the push. Before that is believed, the push is repeated for some seconds, because some hooks fail now and
then, and in parts, so that an edit that a hook refuses does not fail the others.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

import structlog

from service.core.words import Protected
from service.errors import PermanentError
from service.pipeline.manifest.collect import Branch
from service.pipeline.manifest.outcomes import refuse, turn
from service.pipeline.manifest.place import promotion_branch
from service.pipeline.manifest.push import push
from service.pipeline.runs.claim import read_claim
from service.store.edits import Edit

QUICK_PUSHES = 3
"""How often all pending edits are pushed together before they are pushed in parts."""
PAUSES = (0.2, 0.4, 0.8, 1.6, 3.2)
"""Seconds between later pushes of edits that are refused even alone: about six in all, with some jitter."""

log = structlog.get_logger()


def write_pending(branch: Branch) -> None:
    """Bring every pending edit onto the branch, or refuse it; one refused edit does not stop the others."""
    refused = push(branch, branch.pending, patience=QUICK_PUSHES, gathers=True)
    alone = _in_parts(branch, refused)
    others_went_through = len(alone) < len(refused)
    for seconds in PAUSES:
        if not alone:
            return
        branch.context.pause(seconds * random.uniform(0.7, 1.3))  # noqa: S311 - jitter
        alone = push(branch, branch.only(alone), patience=1)
        if others_went_through:
            alone = _in_parts(branch, alone)
    for edit in alone:
        _end(branch, edit)


def _in_parts(branch: Branch, refused: Sequence[Edit]) -> list[Edit]:
    """Push a group that was refused as a whole in parts; give the edits that are refused even alone.

    A part is half as large after each refusal and twice as large after each success. Later edits of the same
    application and environment stay behind a refused one.
    """
    group, alone, size = list(refused), list[Edit](), max(1, len(refused) // 2)
    if len(group) == 1:
        return group
    while group:
        left = push(branch, branch.only(group[:size]), patience=1)
        rest = group[size:]
        if not left:
            group, size = rest, size * 2
        elif len(left) > 1:
            group, size = [*left, *rest], max(1, len(left) // 2)
        else:
            behind = [edit for edit in rest if _follows(edit, left[0])]
            group = [edit for edit in rest if edit not in behind]
            alone += [*left, *behind]
    return alone


def _follows(edit: Edit, other: Edit) -> bool:
    return (edit.application, edit.environment) == (other.application, other.environment)


def _end(branch: Branch, edit: Edit) -> None:
    """Refuse the edit with words, or let its run go on with a pull request, as its configuration says."""
    place = branch.place
    claim = read_claim(branch.context, edit.run_id)
    error = PermanentError(
        f"{place.repository}@{place.branch} refuses the push, although nobody moved it",
        code="push-refused",
        hint="check for a hook or branch protection; allow Mergeport to push there, or say `protected: pull-request`",
    )
    log.warning("push refused for good", repository=place.repository, branch=place.branch, run=edit.run_id)
    if claim is not None and claim.target.writing.protected is Protected.PULL_REQUEST:
        turn(branch, edit, promotion_branch(claim.target), error)
    else:
        refuse(branch, [edit], error)
