"""Reads a promotion branch for a run: what rows know of it, and what git says, held against its base.

Called before the branch is pushed, where what was written there last counts; and while its pull request is open, where
the run's own images count. Decides nothing for the run, and writes nothing.
"""

from __future__ import annotations

from enum import StrEnum
from typing import assert_never

from service.core.values import FileEdit
from service.core.words import Repository, RunId, Sha
from service.errors import PermanentError
from service.pipeline.manifest.own_commits import promoted_by
from service.pipeline.manifest.place import Place, wanted_edits
from service.pipeline.promote.heads import Base, Head, Holds, read_head, walk
from service.pipeline.runs.claim import Claim, read_claim
from service.ports import PullRequest
from service.store import edits


class Standing(StrEnum):
    """How an open pull request stands to its base."""

    STANDS = "stands"
    ANEW = "anew"
    """Its base has changed, or has lost a commit that it contains. It has no work of people, so it is made anew."""
    STUCK = "stuck"
    """The base has changed the same file, and people's commits are on it: only a person can bring it up to date."""
    EDITED = "edited"
    """Somebody changed our values."""
    HOLDS_REMOVED = "holds-removed"
    """It contains a commit that was removed from the base, and people's commits, so it must not be merged."""


def read_for_push(claim: Claim, base: Base, head: Place, tip: Sha) -> Head:
    """Read the branch, knowing what any run wrote there last. Merged commits no longer count as a person's work."""
    with claim.context.store.read() as tx:
        pushed = edits.promotion_tip(tx, head.repository, head.branch)
        owner = edits.owner(tx, head.repository, tip)
    wanted, bases = _written_by(claim, owner or (pushed[1] if pushed else None))
    own = owner is not None
    if wanted is None:
        wanted, at = _found(claim, base, head, tip)
        own = own or at == tip
    bases |= _written_by(claim, claim.run.id)[1]
    if not own:
        of_tip = _pull_requests_of(claim, head, tip)
        if any(one.merged for one in of_tip):
            return Head(Holds.NOTHING)
        bases |= {one.base_sha for one in of_tip}
    return read_head(base, tip, wanted, known=bases, own=own)


def read_for_merge(claim: Claim, base: Base, repository: Repository, tip: Sha, *, had: Sha | None = None) -> Head:
    """Read the head of an open pull request, knowing the images of the run that waits for it.

    `had` is where the forge says that the base was when the head was last pushed.
    """
    with claim.context.store.read() as tx:
        edit, own = edits.of_run(tx, claim.run.id), edits.is_own(tx, repository, tip)
    known = {edit.base if edit else None, had}
    return read_head(base, tip, wanted_edits(claim.run, claim.target), known=known, own=own)


def standing(claim: Claim, base: Base, read: Head) -> Standing:
    """Tell what the head of an open pull request means for its run."""
    if read.removed is not None:
        return Standing.ANEW if read.holds is Holds.OURS else Standing.HOLDS_REMOVED
    fits = read.base is None or base.fits(wanted_edits(claim.run, claim.target), read.base)
    match read.holds:
        case Holds.NOTHING:
            return Standing.STANDS
        case Holds.OURS:
            return Standing.STANDS if fits else Standing.ANEW
        case Holds.SHARED:
            return Standing.STANDS if fits else Standing.STUCK
        case Holds.PEOPLES:
            return Standing.EDITED
        case _:
            assert_never(read.holds)


def _written_by(claim: Claim, run_id: RunId | None) -> tuple[tuple[FileEdit, ...] | None, set[Sha | None]]:
    """Give what a run wrote and on which commit of the base; None if its target no longer exists."""
    if run_id is None:
        return None, set()
    with claim.context.store.read() as tx:
        edit = edits.of_run(tx, run_id)
    try:
        writer = claim if run_id == claim.run.id else read_claim(claim.context, run_id)
    except PermanentError:
        writer = None
    wanted = None if writer is None or not writer.run.images else wanted_edits(writer.run, writer.target)
    return wanted, {edit.base if edit else None}


def _found(claim: Claim, base: Base, head: Place, tip: Sha) -> tuple[tuple[FileEdit, ...] | None, Sha | None]:
    """Find our newest commit on the branch if the store does not know it; give what it wrote, and the commit."""
    beyond, _ = walk(base, tip)
    for commit in beyond:
        with claim.context.store.read() as tx:
            owner = edits.owner(tx, head.repository, commit)
        wanted = _written_by(claim, owner)[0] or promoted_by(
            claim.context, base.manifests, claim.target, commit, base=base.tip
        )
        if wanted is not None:
            return wanted, commit
    return None, None


def _pull_requests_of(claim: Claim, head: Place, tip: Sha) -> list[PullRequest]:
    """Give the pull requests, open and closed, that brought or bring exactly this tip into a base."""
    forge = claim.context.outside.manifest_forge
    return [one for one in forge.pull_requests_from(head.repository, head=head.branch) if one.head_sha == tip]
