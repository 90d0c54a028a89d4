"""Brings an edit onto its promotion branch, the head of its pull request, alone and by compare-and-swap.

Called by the promotion by pull request. The edit is made on the base's newest tip, and takes the place of whatever is
there, but for what people did: beside our values it is kept, and we write on top of it; where they changed our values,
the branch is left alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

from service.core.values import Rewrite
from service.core.words import EditState, Publish, Sha, Stage
from service.errors import PermanentError, RetryableError
from service.pipeline.manifest.branch_lease import LEASE_SECONDS, Holding
from service.pipeline.manifest.order import Case, order_of_proposal
from service.pipeline.manifest.place import Place, has_images, renamed, rewrite_at, wanted_edits
from service.pipeline.manifest.promotion_text import message_of, stored_changes
from service.pipeline.manifest.refused_pushes import PAUSES
from service.pipeline.manifest.state.withholding import require_open
from service.pipeline.manifest.swap import Attempt, Basis, Bounds, Result, swap
from service.pipeline.promote.closing import close_in_words, say
from service.pipeline.promote.heads import Base, Head, Holds
from service.pipeline.promote.reading import read_for_push
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Stale, is_ours, step
from service.ports import Manifests
from service.store import Transaction, edits, leases, pushes
from service.store.edits import Edit

BOUNDS = Bounds(races=20, refusals=len(PAUSES) + 1, pauses=PAUSES)


@contextmanager
def alone_at(claim: Claim, head: Place) -> Iterator[None]:
    """Hold the promotion branch's lease, because the branch and its pull request's text must come from one run."""
    with claim.context.store.begin() as tx:
        stay_alone(tx, claim, head)
    with Holding(claim.context, head.lease, _holder(claim)):
        yield


def stay_alone(tx: Transaction, claim: Claim, head: Place) -> None:
    """Take or extend the lease right before each effect, because this worker may have hung or been paused."""
    now = claim.context.now()
    if not leases.acquire(tx, head.lease, _holder(claim), now=now, seconds=LEASE_SECONDS):
        raise RetryableError("another run updates this pull request", code="promotion-busy", retry_after=1.0)
    if not is_ours(tx, claim.run):
        raise Stale


def is_last_pusher(claim: Claim, head: Place) -> bool:
    """Tell whether nobody has pushed the promotion branch since this run did."""
    with claim.context.store.read() as tx:
        pushed = edits.promotion_tip(tx, head.repository, head.branch)
    return pushed is not None and pushed[1] == claim.run.id


def _holder(claim: Claim) -> str:
    return f"{claim.context.holder}/{claim.run.id}"


def push_branch(claim: Claim, place: Place, head: Place, *, newest: bool) -> Edit:
    """Bring the run's edit onto the promotion branch; it has no diff if the base already has the values.

    With `newest` a branch of ours that would fit, but does not contain the base's newest commit, is made anew.
    """
    with step(claim, "push promotion branch", Stage.PROMOTE) as record:
        edit = _bring_branch(claim, place, head, newest=newest)
        record.message = (
            f"{head.branch} at {(edit.commit or '')[:12]}" if edit.diff else f"{place.branch} has these values already"
        )
        if edit.message and claim.target.publish is Publish.PULL_REQUEST:
            record.message += f"; {edit.message}"
        return edit


def _bring_branch(claim: Claim, place: Place, head: Place, *, newest: bool) -> Edit:
    context, run = claim.context, claim.run
    with context.store.begin() as tx:
        edit = edits.ensure(
            tx, run_id=run.id, repository=head.repository, branch=head.branch, application=run.application,
            environment=run.environment, at=context.now().replace(microsecond=0),
        )  # fmt: skip
    manifests = context.outside.manifests.open(place.repository)
    work = _Proposing(claim, manifests, place, head, edit, newest)
    swapped = swap(manifests, head.branch, work, bounds=BOUNDS, pause=context.pause)
    if swapped.result is Result.REFUSED or swapped.attempt is None:
        raise PermanentError(
            f"{head.repository} refuses the push of {head.branch}, though nobody moved it",
            code="push-refused",
            hint="check for a hook or branch protection; allow Mergeport to push branches below mergeport/promotion/",
        )
    return _settle(claim, head, swapped.attempt.made)


@dataclass(frozen=True, slots=True)
class Proposed:
    """The promotion branch: our commit and its diff. Without a diff it is the base, which already has the values."""

    commit: Sha
    base: Sha | None
    diff: str


@dataclass(frozen=True, slots=True)
class _Proposing:
    """The work for `swap`: the edit is made on the base and pushed to the head."""

    claim: Claim
    manifests: Manifests
    place: Place
    head: Place
    edit: Edit
    newest: bool

    def look(self) -> Basis:
        """Bring the newest commits of base and head here."""
        return self.manifests.fetch_all([self.place.branch, self.head.branch])

    def attempt(self, basis: Basis, *, moved: bool) -> Attempt[Proposed]:  # noqa: ARG002 - the loop's
        """Make the edit's commit on the base, unless base or head already have it."""
        claim, (base, tip) = self.claim, basis
        if base is None:
            raise renamed(claim.context, claim.target, self.place) or PermanentError(
                f"{self.place.repository} has no branch {self.place.branch}", code="manifest-branch-missing"
            )
        done = rewrite_at(self.manifests, base, wanted_edits(claim.run, claim.target))
        if not done.files:
            return Attempt(None, tip, Proposed(base, base, ""))
        head, on = Head(Holds.NOTHING), None
        if tip is not None:
            at = Base(self.manifests, base)
            head = read_for_push(claim, at, self.head, tip)
            self._refuse(head, tip)
            if (there := self._there(head, at, tip, done)) is not None:
                return Attempt(None, tip, there)
            on = tip if head.holds is Holds.SHARED else None
        done = order_of_proposal(Case(claim, self.manifests), base=base, tip=tip, done=done, number=self._number)
        return self._made(head.base if on is not None and head.base else base, tip, done, on=on)

    def lost(self, attempt: Attempt[Proposed]) -> None:
        """Leave the rows as they are: the next attempt writes them anew."""

    def _there(self, head: Head, base: Base, tip: Sha, done: Rewrite) -> Proposed | None:
        """Give what the head already brings, by any run of ours, if it can still be merged into the base."""
        claim, wanted = self.claim, wanted_edits(self.claim.run, self.claim.target)
        if head.holds is Holds.NOTHING or head.removed is not None or head.base is None:
            return None
        if not has_images(self.manifests, tip, wanted) or base.has({tip}):
            return None
        is_old = self.newest and head.base != base.tip
        if head.holds is Holds.OURS and (is_old or not base.fits(wanted, head.base)):
            return None
        if tip == self.edit.commit:
            return Proposed(tip, None, self.edit.diff or self.manifests.diff(tip))
        with claim.context.store.begin() as tx:
            if head.ours:
                stay_alone(tx, claim, self.head)
                edits.own(tx, self.head.repository, tip, claim.run.id)
            edits.update(tx, claim.run.id, base=head.base, changes=stored_changes(done.changes))
        return Proposed(tip, None, done.diff)

    def _made(self, base: Sha, tip: Sha | None, done: Rewrite, *, on: Sha | None = None) -> Attempt[Proposed]:
        """Make the commit and store it before anything is pushed; with `on` it goes on top of people's commits.

        `base` is the newest commit of the base that the branch will contain.
        """
        claim, context = self.claim, self.claim.context
        there = done if on is None else rewrite_at(self.manifests, on, wanted_edits(claim.run, claim.target))
        commit = self.manifests.commit(
            on or base,
            there.files,
            message_of(claim, there.changes),
            author=context.author,
            committer=context.committer,
            at=self.edit.at,
        )
        turned = claim.target.publish is Publish.COMMIT
        words = {} if turned else {"message": "; ".join(done.warnings)}
        with context.store.begin() as tx:
            stay_alone(tx, claim, self.head)
            pushes.begin(tx, self.head.repository, self.head.lease, _holder(claim))
            edits.update(
                tx, claim.run.id, state=EditState.PUSHING, expected=tip, commit=commit, base=base, diff=done.diff,
                changes=stored_changes(done.changes), **words,
            )  # fmt: skip
            edits.own(tx, self.head.repository, commit, claim.run.id)
        require_open(claim, self.head.repository)
        return Attempt(commit, tip, Proposed(commit, None, done.diff))

    def _refuse(self, head: Head, tip: Sha) -> None:
        """Fail the run if people's work on the branch stands in the way."""
        if head.holds in {Holds.SHARED, Holds.PEOPLES} and head.removed is not None:
            removed_held(self.claim, self.place, self.head, head.removed, self._number())
        if head.holds is Holds.PEOPLES:
            branch_edited(self.claim, self.head, tip, self._number())

    def _number(self) -> int | None:
        """Ask for the open pull request of the branch."""
        forge = self.claim.context.outside.manifest_forge
        found = forge.find_pull_request(self.head.repository, head=self.head.branch, base=self.place.branch)
        return found.number if found else None


def branch_edited(claim: Claim, head: Place, tip: Sha, number: int | None) -> NoReturn:
    """Fail the run because a person changed our values on the promotion branch, and say so on its pull request."""
    way = (
        f"Delete {head.branch} where its commits are not needed any more"
        if number is None
        else "Merge the pull request, or delete its branch"
    )
    words = (
        f"{head.branch} has a commit that is not Mergeport's and changes what it wrote ({tip[:12]}), so it is left "
        f"alone. {way}, then retry the run."
    )
    if number is not None:
        say(claim.context, head.repository, number, words, run_id=claim.run.id)
    raise PermanentError(words, code="branch-edited", hint=f"`mergeport runs retry {claim.run.id}`")


def removed_held(claim: Claim, place: Place, head: Place, removed: Sha, number: int | None) -> NoReturn:
    """Close a pull request that would bring back what was removed from its base, and fail the run in the same words."""
    words = (
        f"{head.branch} contains {removed[:12]}, which was removed from {place.branch}: merged, it would bring that "
        "back. It has commits of people as well, so it is not made anew"
    )
    if number is not None:
        words += f"; pull request #{number} is closed"
        text = f"{words}. Delete the branch, then `mergeport runs retry {claim.run.id}`."
        close_in_words(claim.context, head.repository, number, text, run_id=claim.run.id)
    hint = f"delete {head.branch}, then `mergeport runs retry {claim.run.id}`"
    raise PermanentError(words, code="branch-holds-removed", hint=hint)


def _settle(claim: Claim, head: Place, done: Proposed) -> Edit:
    """Store what is on the branch now; if the base already has the values, the branch is left as it is."""
    with claim.context.store.begin() as tx:
        if done.diff:
            edits.set_promotion_tip(tx, head.repository, head.branch, done.commit, claim.run.id)
        edits.update(tx, claim.run.id, state=EditState.PUBLISHED, commit=done.commit, diff=done.diff)
        if done.base is not None:
            edits.update(tx, claim.run.id, base=done.base)
        edit = edits.of_run(tx, claim.run.id)
    assert edit is not None  # noqa: S101 - ensured above
    return edit
