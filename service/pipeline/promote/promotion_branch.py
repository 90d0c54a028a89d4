"""Brings an edit onto its promotion branch, the head of its pull request, alone and by compare-and-swap.

Called by the promotion by pull request. The edit is made on the base's newest tip; the push's lease is the last tip
of the promotion branch that we pushed. A tip of somebody else's there means that a person works on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NoReturn

import structlog

from service.core.values import Rewrite
from service.core.words import EditState, Publish, Sha, Stage
from service.errors import PermanentError, RetryableError
from service.pipeline.manifest.branch_lease import LEASE_SECONDS, Holding
from service.pipeline.manifest.order import Case, order_of_proposal
from service.pipeline.manifest.own_commits import is_of_ours
from service.pipeline.manifest.place import Place, has_images, renamed, rewrite_at, wanted_edits
from service.pipeline.manifest.promotion_text import message_of, stored_changes
from service.pipeline.manifest.refused_pushes import PAUSES
from service.pipeline.manifest.swap import Attempt, Basis, Bounds, Result, swap
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Stale, is_ours, step
from service.ports import Manifests
from service.store import Transaction, edits, leases
from service.store.edits import Edit

BOUNDS = Bounds(races=20, refusals=len(PAUSES) + 1, pauses=PAUSES)

log = structlog.get_logger()


@contextmanager
def alone_at(claim: Claim, head: Place) -> Iterator[None]:
    """Hold the promotion branch's lease: the branch and what its pull request says must be one run's."""
    with claim.context.store.begin() as tx:
        stay_alone(tx, claim, head)
    with Holding(claim.context, head.lease, _holder(claim)):
        yield


def stay_alone(tx: Transaction, claim: Claim, head: Place) -> None:
    """Take the lease or have it longer, right before each effect: this worker may have hung, or been paused."""
    now = claim.context.now()
    if not leases.acquire(tx, head.lease, _holder(claim), now=now, seconds=LEASE_SECONDS):
        raise RetryableError("another run updates this pull request", code="promotion-busy", retry_after=1.0)
    if not is_ours(tx, claim.run):
        raise Stale


def _holder(claim: Claim) -> str:
    return f"{claim.context.holder}/{claim.run.id}"


def push_branch(claim: Claim, place: Place, head: Place) -> Edit:
    """Have the run's edit on the promotion branch; one without a diff where the base says it already."""
    with step(claim, "push promotion branch", Stage.PROMOTE) as record:
        edit = _bring_branch(claim, place, head)
        record.message = (
            f"{head.branch} at {(edit.commit or '')[:12]}" if edit.diff else f"{place.branch} says this already"
        )
        if edit.message and claim.target.publish is Publish.PULL_REQUEST:
            record.message += f"; {edit.message}"
        return edit


def _bring_branch(claim: Claim, place: Place, head: Place) -> Edit:
    context, run = claim.context, claim.run
    with context.store.begin() as tx:
        edit = edits.ensure(
            tx, run_id=run.id, repository=head.repository, branch=head.branch, application=run.application,
            environment=run.environment, at=context.now().replace(microsecond=0),
        )  # fmt: skip
    manifests = context.outside.manifests.open(place.repository)
    work = _Proposing(claim, manifests, place, head, edit)
    swapped = swap(manifests, head.branch, work, bounds=BOUNDS, pause=context.pause)
    if swapped.result is Result.REFUSED or swapped.attempt is None:
        raise PermanentError(
            f"{head.repository} refuses the push of {head.branch}, though nobody moved it",
            code="push-refused",
            hint="a hook or branch protection? Allow Mergeport to push branches below mergeport/promotion/",
        )
    return _settle(claim, head, swapped.attempt.made)


@dataclass(frozen=True, slots=True)
class Proposed:
    """What the promotion branch has: our commit and its diff; without a diff it is the base, which says it already."""

    commit: Sha
    base: Sha | None
    diff: str


@dataclass(frozen=True, slots=True)
class _Proposing:
    """The edit as the loop's work: made on the base, pushed to the head."""

    claim: Claim
    manifests: Manifests
    place: Place
    head: Place
    edit: Edit

    def look(self) -> Basis:
        """Bring the newest commits of base and head here."""
        return self.manifests.fetch(self.place.branch), self.manifests.fetch(self.head.branch)

    def attempt(self, basis: Basis, *, moved: bool) -> Attempt[Proposed]:  # noqa: ARG002 - the loop's
        """Make the edit's commit on the base, unless base or head have it."""
        claim, (base, tip) = self.claim, basis
        if base is None:
            raise renamed(claim.context, claim.target, self.place) or PermanentError(
                f"{self.place.repository} has no branch {self.place.branch}", code="manifest-branch-missing"
            )
        done = rewrite_at(self.manifests, base, wanted_edits(claim.run, claim.target))
        if not done.files:
            return Attempt(None, tip, Proposed(base, base, ""))
        if tip is not None and (there := self._there(base, tip, done)) is not None:
            return Attempt(None, tip, there)
        done = order_of_proposal(Case(claim, self.manifests), base=base, tip=tip, done=done, number=self._number)
        return self._made(base, tip, done)

    def lost(self, attempt: Attempt[Proposed]) -> None:
        """Leave the rows as they are: the next attempt writes them anew."""

    def _there(self, base: Sha, tip: Sha, done: Rewrite) -> Proposed | None:
        """Give what the head brings already, by whatever run of ours; fail where it has a person's work."""
        claim = self.claim
        if tip == self.edit.commit:
            return Proposed(tip, None, self.edit.diff or self.manifests.diff(tip))
        self._refuse_foreign_tip(base, tip)
        if self.manifests.describe(tip).parents != (base,):
            return None
        if not has_images(self.manifests, tip, wanted_edits(claim.run, claim.target)):
            return None
        with claim.context.store.begin() as tx:
            edits.update(tx, claim.run.id, base=base, changes=stored_changes(done.changes))
        return Proposed(tip, None, self.manifests.diff(tip))

    def _made(self, base: Sha, tip: Sha | None, done: Rewrite) -> Attempt[Proposed]:
        """Make the commit, and store it before anything is pushed."""
        claim, context = self.claim, self.claim.context
        commit = self.manifests.commit(
            base,
            done.files,
            message_of(claim, done.changes),
            author=context.author,
            committer=context.committer,
            at=self.edit.at,
        )
        turned = claim.target.publish is Publish.COMMIT
        words = {} if turned else {"message": "; ".join(done.warnings)}
        with context.store.begin() as tx:
            stay_alone(tx, claim, self.head)
            edits.update(
                tx, claim.run.id, state=EditState.PUSHING, expected=tip, commit=commit, base=base, diff=done.diff,
                changes=stored_changes(done.changes), **words,
            )  # fmt: skip
            edits.own(tx, self.head.repository, commit, claim.run.id)
        return Attempt(commit, tip, Proposed(commit, None, done.diff))

    def _refuse_foreign_tip(self, base: Sha, tip: Sha) -> None:
        """Fail where the branch has a tip of a person's. One that we recognise is ours from now on."""
        claim, head = self.claim, self.head
        with claim.context.store.read() as tx:
            if edits.is_own(tx, head.repository, tip):
                return
        if is_of_ours(claim.context, self.manifests, claim.target, tip, base=base):
            with claim.context.store.begin() as tx:
                stay_alone(tx, claim, head)
                edits.own(tx, head.repository, tip, claim.run.id)
            log.info("a promotion branch of an earlier database goes on", branch=head.branch, commit=tip)
            return
        branch_edited(claim, head, tip, self._number())

    def _number(self) -> int | None:
        """Ask for the open pull request of the branch."""
        forge = self.claim.context.outside.manifest_forge
        found = forge.find_pull_request(self.head.repository, head=self.head.branch, base=self.place.branch)
        return found.number if found else None


def branch_edited(claim: Claim, head: Place, tip: Sha, number: int | None) -> NoReturn:
    """Fail the run for a person's commit on the promotion branch, and say so on its pull request."""
    words = (
        f"{head.branch} has a commit that is not Mergeport's ({tip[:12]}), so it is left alone. "
        "Merge or close the pull request, or delete the branch, then retry the run."
    )
    if number is not None:
        text = f"{words}\n\n{claim.context.run_url(claim.run.id)}"
        claim.context.outside.manifest_forge.comment(head.repository, number, text)
    raise PermanentError(words, code="branch-edited", hint=f"`mergeport runs retry {claim.run.id}`")


def _settle(claim: Claim, head: Place, done: Proposed) -> Edit:
    """Keep what is on the branch now; where the base says it already, the branch is left as it is."""
    with claim.context.store.begin() as tx:
        if done.diff:
            edits.set_promotion_tip(tx, head.repository, head.branch, done.commit, claim.run.id)
        edits.update(tx, claim.run.id, state=EditState.PUBLISHED, commit=done.commit, diff=done.diff)
        if done.base is not None:
            edits.update(tx, claim.run.id, base=done.base)
        edit = edits.of_run(tx, claim.run.id)
    assert edit is not None  # noqa: S101 - ensured above
    return edit
