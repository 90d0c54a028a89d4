"""Brings the edits of all members onto the branch that they share: one commit each, one push, by compare-and-swap.

Called by the run that has the branch's lease; it writes for all. The commits are made on the base's newest tip and take
the place of ours. Beside people's commits we write on top of them; where these changed our values, it is theirs.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from service.core.values import Rewrite
from service.core.words import EditState, Sha
from service.errors import MergeportError, PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.order import Case, Order, order_of
from service.pipeline.manifest.place import Place, renamed, rewrite_at, wanted_edits
from service.pipeline.manifest.promotion_text import message_of, stored_changes
from service.pipeline.manifest.swap import Attempt, Basis, Result, swap
from service.pipeline.promote.heads import says
from service.pipeline.promote.promotion_branch import BOUNDS, stay_alone
from service.pipeline.promote.together.membership import Member, Membership, read_membership
from service.pipeline.promote.together.taking_out import files_without
from service.pipeline.runs.claim import Claim
from service.ports import Manifests
from service.store import edits, pull_request_runs, pushes

MOST_BESIDE = 200
"""How many commits of a shared branch are looked at beyond those of its members."""


@dataclass(frozen=True, slots=True)
class Part:
    """What a member brings: its commit, and the changes of it."""

    member: Member
    commit: Sha
    done: Rewrite


@dataclass(frozen=True, slots=True)
class Joint:
    """What is on the shared branch now. Without parts nothing is left to be merged.

    `said` are members whose values the base has already. `theirs`: people changed our values, so nothing was written.
    """

    tip: Sha
    base: Sha
    parts: tuple[Part, ...]
    membership: Membership
    said: tuple[Member, ...] = ()
    theirs: bool = False


def bring_together(claim: Claim, place: Place, head: Place) -> Joint:
    """Make the shared branch what its members want; PermanentError `push-refused` if it cannot be pushed."""
    context = claim.context
    manifests = context.outside.manifests.open(place.repository)
    swapped = swap(manifests, head.branch, _Joining(claim, manifests, place, head), bounds=BOUNDS, pause=context.pause)
    if swapped.result is Result.REFUSED or swapped.attempt is None:
        raise PermanentError(
            f"{head.repository} refuses the push of {head.branch}, though nobody moved it",
            code="push-refused",
            hint="check for a hook or branch protection; allow Mergeport to push branches below mergeport/promotion/",
        )
    joint = swapped.attempt.made
    if joint.parts:
        _settle(claim, head, joint)
    return joint


@dataclass(frozen=True, slots=True)
class _Joining:
    """The work for `swap`: the members' edits, one after the other."""

    claim: Claim
    manifests: Manifests
    place: Place
    head: Place
    refused: dict[str, MergeportError] = field(default_factory=dict)

    def look(self) -> Basis:
        """Bring the newest commits of base and head here."""
        return self.manifests.fetch_all([self.place.branch, self.head.branch])

    def attempt(self, basis: Basis, *, moved: bool) -> Attempt[Joint]:  # noqa: ARG002 - the loop's
        """Make the members' commits, and store them before anything is pushed."""
        context, (base, tip) = self.claim.context, basis
        if base is None:
            raise renamed(context, self.claim.target, self.place) or PermanentError(
                f"{self.place.repository} has no branch {self.place.branch}", code="manifest-branch-missing"
            )
        found = read_membership(context, self.place, self.head)
        on = base if tip is None else self._start(base, tip, found)
        if on is None:
            return Attempt(None, tip, Joint(tip or base, base, (), found, theirs=True))
        parent = on if on == base else self._without_those_who_left(base, on, found)
        if parent is None:
            return Attempt(None, tip, Joint(tip or base, base, (), found, theirs=True))
        parts, said = [], []
        for member in found.members:
            part = self._part(base, parent, member)
            if part is None:
                continue
            if part.done.files:
                parts.append(part)
                parent = part.commit
            elif on == base:
                said.append(member)
            else:
                parts.append(part)
        joint = Joint(parent, base, tuple(parts), found, tuple(said))
        if not parts or parent == tip:
            return Attempt(None, tip, joint)
        self._store(base, tip, joint)
        return Attempt(parent, tip, joint)

    def lost(self, attempt: Attempt[Joint]) -> None:
        """Leave the rows as they are: the next attempt writes them anew."""

    def _start(self, base: Sha, tip: Sha, found: Membership) -> Sha | None:
        """Give the commit to write on: the base, or people's commits beside ours; None if they changed our values."""
        if not self._of_people(base, tip, found):
            return base
        wanted = [
            edit
            for one in found.members
            if one.edit.state is EditState.PUBLISHED
            for edit in wanted_edits(one.run, one.claim.target)
        ]
        if wanted and says(self.manifests, tip, tuple(wanted)):
            return tip
        forge = self.claim.context.outside.manifest_forge
        of_branch = forge.pull_requests_from(self.head.repository, head=self.head.branch)
        return base if any(one.merged and one.head_sha == tip for one in of_branch) else None

    def _of_people(self, base: Sha, tip: Sha, found: Membership) -> bool:
        """Tell whether the branch has commits that are neither ours nor the base's, nor were the base's once."""
        most = MOST_BESIDE + 2 * len(found.members)
        there = {commit.id for commit in self.manifests.history(tip, most=most, deepen=True)}
        there -= self.manifests.ancestors(base, there)
        with self.claim.context.store.read() as tx:
            there -= edits.own_among(tx, self.head.repository, there)
        for was in {one.edit.base for one in found.members if one.edit.state is EditState.PUBLISHED} - {None, base}:
            there -= self.manifests.ancestors(was or base, there) if there else set()
        return bool(there)

    def _without_those_who_left(self, base: Sha, tip: Sha, found: Membership) -> Sha | None:
        """Give the commit on people's commits to write on, without the values of those who are not in any more."""
        context, head = self.claim.context, self.head
        with context.store.read() as tx:
            gone = pull_request_runs.left_behind(tx, head.repository, head.branch)
        older = [run.id for run, _ in found.older]
        left = [*gone, *(run.id for run in found.leaving if run.id not in older)]
        files = files_without(context, self.manifests, base, tip, left)
        if not files:
            return None if files is None else tip
        return self.manifests.commit(
            tip, files, "Take out what is not promoted together any more\n", author=context.author,
            committer=context.committer, at=self.manifests.describe(tip).at,
        )  # fmt: skip

    def _part(self, base: Sha, parent: Sha, member: Member) -> Part | None:
        """Make a member's commit; None if its edit is refused, which its own run then says."""
        claim, context = member.claim, member.claim.context
        try:
            done = rewrite_at(self.manifests, parent, wanted_edits(claim.run, claim.target))
            if not done.files:
                return Part(member, parent, done)
            judged = order_of(Case(claim, self.manifests), base, done)
        except RetryableError:
            raise
        except MergeportError as error:
            _put_aside(context, member, EditState.REFUSED, str(error), error.code)
            return None
        if judged.order is Order.OLDER:
            _put_aside(context, member, EditState.OVERTAKEN, judged.words)
            return None
        commit = self.manifests.commit(
            parent, done.files, message_of(claim, done.changes), author=context.author, committer=context.committer,
            at=member.edit.at,
        )  # fmt: skip
        return Part(member, commit, done)

    def _store(self, base: Sha, tip: Sha | None, joint: Joint) -> None:
        with self.claim.context.store.begin() as tx:
            stay_alone(tx, self.claim, self.head)
            pushes.begin(tx, self.head.repository, self.head.lease, f"{self.claim.context.holder}/{self.claim.run.id}")
            for part in joint.parts:
                if not part.done.files:
                    continue
                edits.update(
                    tx, part.member.run.id, state=EditState.PUSHING, expected=tip, commit=part.commit, base=base,
                    diff=part.done.diff, changes=stored_changes(part.done.changes),
                    message="; ".join(part.done.warnings),
                )  # fmt: skip
                edits.own(tx, self.head.repository, part.commit, part.member.run.id)


def _settle(claim: Claim, head: Place, joint: Joint) -> None:
    """Store what is on the branch now. Edits of runs that have ended are not there any more."""
    with claim.context.store.begin() as tx:
        edits.set_promotion_tip(tx, head.repository, head.branch, joint.tip, claim.run.id)
        for part in joint.parts:
            edits.update(tx, part.member.run.id, state=EditState.PUBLISHED)
        for run_id in pull_request_runs.left_behind(tx, head.repository, head.branch):
            edits.update(tx, run_id, state=EditState.PENDING)


def _put_aside(context: Context, member: Member, state: EditState, words: str, code: str = "") -> None:
    with context.store.begin() as tx:
        edits.update(tx, member.run.id, state=state, message=words, code=code)
