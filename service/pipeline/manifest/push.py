"""Pushes what is pending on a branch: a commit an edit, all in one compare-and-swap push.

Called by the holder of the branch's lease. All commits are stored before anything is pushed, so after a crash the store
and the branch together show whether the push happened. An edit that is itself at fault fails alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import structlog

from service.core.changes import STATE_BRANCH
from service.core.config import Configuration
from service.core.order import Judgement
from service.core.words import ChangeId, EditState, RunId, Sha
from service.errors import MergeportError, PermanentError, RetryableError
from service.pipeline.manifest.collect import LARGEST_PUSH, Branch, Pending, arriving
from service.pipeline.manifest.order import Case, Order, order_of
from service.pipeline.manifest.outcomes import Made, found, publish, refuse, settle_aside
from service.pipeline.manifest.place import renamed, rewrite_at, wanted_edits
from service.pipeline.manifest.promotion_text import message_of, stored_changes
from service.pipeline.manifest.state.state_reading import Seen, known_state, seen_at
from service.pipeline.manifest.state.withholding import kept_back, put_back
from service.pipeline.manifest.swap import Attempt, Basis, Bounds, Fate, Result, fate_of, swap
from service.pipeline.runs.claim import Claim, claim_of, read_claim
from service.pipeline.runs.steps import Cancelled
from service.pipeline.runs.still_wanted import target_in_force
from service.store import Transaction, ancestry, changes, edits, overrides, runs
from service.store.changes import Change
from service.store.edits import Edit
from service.store.overrides import KeptOverride
from service.store.runs import Run

log = structlog.get_logger()


def push(branch: Branch, pending: Pending, *, patience: int, gathers: bool = False) -> list[Edit]:
    """Bring edits onto the branch in one push; they are computed anew on every new tip until the push goes through.

    With `gathers` it waits a moment for runs whose edits are about to come. Gives the edits that the branch refuses:
    `patience` pushes of them failed although nobody moved it.
    """
    work = _Pushing(branch, pending, gathers)
    swapped = swap(
        branch.manifests, branch.place.branch, work, bounds=Bounds(refusals=patience), pause=branch.context.pause
    )
    if swapped.result is Result.REFUSED:
        with branch.context.store.read() as tx:
            return pending(tx)
    if swapped.attempt is not None:
        publish(branch, *swapped.attempt.made)
    return []


@dataclass(slots=True)
class _Pushing:
    """The edits as the loop's work, made on one tip after the other.

    `earlier` are commits of earlier writers, whose pushes may still arrive. `most` is how many edits are made at once.
    `kept` are the edits that the state kept back as it was at the last look. If they come again, it has changed since:
    they wait for the next look.
    """

    branch: Branch
    pending: Pending
    gathers: bool
    earlier: dict[RunId, frozenset[Sha]] = field(default_factory=dict)
    most: int = LARGEST_PUSH
    tried: int = 0
    state: Seen | None = None
    kept: set[RunId] = field(default_factory=set)

    def look(self) -> Basis:
        """Bring the branch's newest commit here, and read the state with it.

        The branch's lease, and the mark of a push, are ours since before. So whoever changes the state later waits
        until this push has ended.
        """
        context, place = self.branch.context, self.branch.place
        known = known_state(context, place.repository)
        tip, at = self.branch.manifests.fetch_all([place.branch, STATE_BRANCH])
        self.state = seen_at(context, self.branch.manifests, place.repository, known, at)
        self.kept = set()
        return (tip,)

    def attempt(self, basis: Basis, *, moved: bool) -> Attempt[tuple[Sha, list[Made]]] | None:
        """Make one commit per edit, each on the one before, and store all of them before anything is pushed.

        What the state does not let in is put back, and the rest is made without it.

        The edits are read after the tip. So what another writer has pushed of them is on the tip, or the tip has moved.
        On a branch that keeps moving, only a small push is fast enough, so each attempt has half as many edits.
        """
        (tip,) = basis
        if tip is None:
            self._refuse_missing()
            return None
        if moved:
            self.most = max(1, self.tried // 2)
        made: list[Made] = []
        gathers, self.gathers = self.gathers, False
        for new in arriving(self.branch, self._not_kept, most=self.most, gathers=gathers):
            unwritten = self._unwritten(tip, new)
            facts = _facts_of(self.branch, unwritten)
            for edit in unwritten:
                one = _make(self.branch, made[-1].commit if made else tip, edit, facts)
                made += [one] if one else []
        self.tried = len(made)
        if not made:
            return None
        self._store(tip, made)
        attempt = Attempt(made[-1].commit, tip, (tip, made))
        assert self.state is not None  # noqa: S101 - read by the look
        if kept := kept_back(self.branch, made, self.state):
            self._unmake(attempt)
            self.kept |= {edit.run_id for edit, _ in kept}
            put_back(self.branch, kept)
            return self.attempt(basis, moved=False)
        return attempt

    def _not_kept(self, tx: Transaction) -> list[Edit]:
        return [edit for edit in self.pending(tx) if edit.run_id not in self.kept]

    def _unmake(self, attempt: Attempt[tuple[Sha, list[Made]]]) -> None:
        """Forget commits that are not to be pushed; they count as no tries."""
        self.lost(attempt)
        with self.branch.context.store.begin() as tx:
            for one in attempt.made[1]:
                edits.settle(tx, one.edit.run_id, attempts=one.edit.attempts)

    def lost(self, attempt: Attempt[tuple[Sha, list[Made]]]) -> None:
        """Forget these commits: they are certainly not on the branch, so nobody has to look for them."""
        with self.branch.context.store.begin() as tx:
            self.branch.holding.keep(tx)
            self.branch.marks_push(tx)
            for one in attempt.made[1]:
                edits.settle(tx, one.edit.run_id, state=EditState.PENDING)
                if one.rewrite.files and one.commit not in self.earlier[one.edit.run_id]:
                    edits.disown(tx, self.branch.place.repository, one.commit)

    def _refuse_missing(self) -> None:
        """Refuse the edits of a branch that is not there; raise the error of `renamed` if it has another name now."""
        place = self.branch.place
        with self.branch.context.store.read() as tx:
            pending = self.pending(tx)
        moved = {edit.run_id: where for edit in pending if (where := self._renamed(edit))}
        error = PermanentError(
            f"{place.repository} has no branch {place.branch}",
            code="manifest-branch-missing",
            hint="push the branch, or name another in `manifest`",
        )
        refuse(self.branch, [edit for edit in pending if edit.run_id not in moved], error)
        for where in moved.values():
            raise where

    def _renamed(self, edit: Edit) -> RetryableError | None:
        claim = read_claim(self.branch.context, edit.run_id)
        return renamed(self.branch.context, claim.target, self.branch.place) if claim else None

    def _unwritten(self, tip: Sha, new: Sequence[Edit]) -> list[Edit]:
        """Settle the edits that earlier pushes brought onto the branch; give those still to be written."""
        self._remember(new)
        left: list[Edit] = []
        for edit in new:
            commits = self.earlier[edit.run_id]
            if not commits or edit.expected == tip:
                left.append(edit)
                continue
            expected = edit.expected if edit.state is EditState.PUSHING else None
            fate, there = fate_of(self.branch.manifests, tip, commits, expected)
            match fate:
                case Fate.THERE:
                    found(self.branch, edit, edit.commit if edit.commit in there else min(there))
                case Fate.ABSENT:
                    left.append(edit)
                case Fate.REWRITTEN:
                    refuse(self.branch, [edit], _rewritten(edit))
        return left

    def _remember(self, new: Sequence[Edit]) -> None:
        """Read the commits that any writer has made for these edits before."""
        tried = [edit.run_id for edit in new if edit.attempts and edit.run_id not in self.earlier]
        if tried:
            with self.branch.context.store.read() as tx:
                self.earlier |= edits.commits_of(tx, self.branch.place.repository, tried)
        for edit in new:
            self.earlier.setdefault(edit.run_id, frozenset())

    def _store(self, tip: Sha, made: Sequence[Made]) -> None:
        with self.branch.context.store.begin() as tx:
            self.branch.holding.keep(tx)
            for one in made:
                attempts = one.edit.attempts + 1
                if not one.rewrite.files:
                    edits.settle(tx, one.edit.run_id, attempts=attempts)
                    continue
                edits.settle(
                    tx, one.edit.run_id, state=EditState.PUSHING, expected=tip, commit=one.commit,
                    changes=stored_changes(one.rewrite.changes), attempts=attempts,
                )  # fmt: skip
                edits.own(tx, self.branch.place.repository, one.commit, one.edit.run_id)


def _rewritten(edit: Edit) -> PermanentError:
    return PermanentError(
        f"{edit.repository}@{edit.branch} was force-pushed: {(edit.expected or '')[:12]} is gone from it",
        code="manifest-history-rewritten",
        hint="nothing was written again; look at the branch, then `mergeport runs retry`",
    )


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the store knows of a portion of edits, read in one go: runs, changes, and what is known of their order."""

    in_force: Configuration
    runs: Mapping[RunId, Run]
    changes: Mapping[ChangeId, Change]
    order: Mapping[RunId, Mapping[str, Judgement]]
    overrides: Mapping[RunId, Sequence[KeptOverride]]


def _facts_of(branch: Branch, some: Sequence[Edit]) -> _Facts:
    ids = [edit.run_id for edit in some]
    with branch.context.store.read() as tx:
        in_force = branch.context.configurations.known(tx)
        known = runs.some(tx, ids)
        brought = changes.of_ids(tx, {run.change_id for run in known.values()})
        opened = overrides.of_runs(tx, known.values())
        order = ancestry.judgements_of(tx, ids)
    return _Facts(in_force or branch.context.configurations.current(), known, brought, order, opened)


def _make(branch: Branch, parent: Sha, edit: Edit, facts: _Facts) -> Made | None:
    """Make an edit's commit; None if the edit is refused, which settles only this one."""
    run = facts.runs.get(edit.run_id)
    try:
        if run is None or run.state.ended or run.cancel_requested_by is not None:
            refuse(branch, [edit], PermanentError("the run has ended", code="run-ended"))
            return None
        claim = claim_of(branch.context, run)
        target_in_force(claim, facts.in_force)
        return _commit(branch, parent, edit, claim, facts)
    except Cancelled as cancelled:  # its run ends with the same words before it asks again
        refuse(branch, [edit], PermanentError(str(cancelled), code="run-ended"))
    except RetryableError:
        raise
    except MergeportError as error:
        refuse(branch, [edit], error)
    except Exception:
        # A bug in one edit must not stop the other edits of its push for ever.
        log.exception("internal error in an edit", run=edit.run_id)
        words = "internal error in its edit; the worker's log has the traceback"
        refuse(branch, [edit], PermanentError(words, code="internal-error"))
    return None


def _commit(branch: Branch, parent: Sha, edit: Edit, claim: Claim, facts: _Facts) -> Made | None:
    context = branch.context
    done = rewrite_at(branch.manifests, parent, wanted_edits(claim.run, claim.target))
    if not done.files:
        return Made(edit, parent, done)
    judged = order_of(Case(claim, branch.manifests, facts.order.get(edit.run_id, {})), parent, done)
    match judged.order:
        case Order.NEWER:
            done = judged.told(done)
        case Order.OLDER:
            settle_aside(branch, edit, EditState.OVERTAKEN, judged.words)
            return None
        case Order.UNKNOWN:
            settle_aside(branch, edit, EditState.UNORDERED, judged.words)
            return None
    change, opened = facts.changes.get(claim.run.change_id), facts.overrides.get(claim.run.id, ())
    message = message_of(claim, done.changes, change, opened)
    commit = branch.manifests.commit(
        parent, done.files, message, author=context.author, committer=context.committer, at=edit.at
    )
    return Made(edit, commit, done)
