"""Brings an edit onto its promotion branch, the head of its pull request, alone and by compare-and-swap.

Called by the promotion by pull request. The edit is made on the base's newest tip; the push's lease is the last tip
of the promotion branch that we pushed. A tip of somebody else's there means that a person works on it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import NoReturn

import structlog

from service.core.config import Target
from service.core.values import Rewrite
from service.core.words import EditState, Sha, Stage
from service.errors import PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.branch_lease import LEASE_SECONDS, Holding
from service.pipeline.manifest.order import Case, order_of_proposal
from service.pipeline.manifest.own_commits import is_of_ours
from service.pipeline.manifest.place import Place, has_images, rewrite_at, wanted_edits
from service.pipeline.manifest.refused_pushes import PAUSES
from service.pipeline.promote.promotion_text import message_of, stored_changes
from service.pipeline.runs.steps import Stale, is_ours, step
from service.ports import Manifests
from service.store import Transaction, edits, leases
from service.store.edits import Edit
from service.store.runs import Run

MOST_RACES = 20

log = structlog.get_logger()


@contextmanager
def alone_at(context: Context, run: Run, head: Place) -> Iterator[None]:
    """Hold the promotion branch's lease: the branch and what its pull request says must be one run's."""
    with context.store.begin() as tx:
        stay_alone(tx, context, run, head)
    with Holding(context, head.lease, f"{context.holder}/{run.id}"):
        yield


def stay_alone(tx: Transaction, context: Context, run: Run, head: Place) -> None:
    """Take the lease or have it longer, right before each effect: this worker may have hung, or been paused."""
    holder = f"{context.holder}/{run.id}"
    if not leases.acquire(tx, head.lease, holder, now=context.now(), seconds=LEASE_SECONDS):
        raise RetryableError("another run updates this pull request", code="promotion-busy", retry_after=1.0)
    if not is_ours(tx, run):
        raise Stale


def push_branch(context: Context, run: Run, target: Target, place: Place, head: Place) -> Edit:
    """Have the run's edit on the promotion branch; one without a diff where the base says it already."""
    with step(context, run, "push promotion branch", Stage.PROMOTE) as record:
        edit = _bring_branch(context, run, target, place, head)
        record.message = (
            f"{head.branch} at {(edit.commit or '')[:12]}" if edit.diff else f"{place.branch} says this already"
        )
        if edit.message and not edit.code:
            record.message += f"; {edit.message}"
        return edit


def _bring_branch(context: Context, run: Run, target: Target, place: Place, head: Place) -> Edit:
    manifests = context.outside.manifests.open(place.repository)
    with context.store.begin() as tx:
        edit = edits.ensure(
            tx, run_id=run.id, repository=head.repository, branch=head.branch, application=run.application,
            environment=run.environment, at=context.now().replace(microsecond=0),
        )  # fmt: skip
    refusals, last = 0, None
    for _ in range(MOST_RACES):
        base = manifests.fetch(place.branch)
        tip = manifests.fetch(head.branch)
        refusals = refusals + 1 if (base, tip) == last else 0
        _bear(context, head, refusals)
        last = base, tip
        if base is None:
            raise PermanentError(f"{place.repository} has no branch {place.branch}", code="manifest-branch-missing")
        done = rewrite_at(manifests, base, wanted_edits(run, target))
        if not done.files:
            return _settle(context, run, commit=base, base=base, diff="")
        if tip is not None and tip == edit.commit:
            return _pushed(context, run, head, tip, edit.diff or manifests.diff(tip))
        if tip is not None:
            _refuse_foreign_tip(context, run, target, manifests, place, head, base=base, tip=tip)
            if _brings(manifests, tip, base, run, target):
                with context.store.begin() as tx:
                    edits.update(tx, run.id, base=base, changes=stored_changes(done.changes))
                return _pushed(context, run, head, tip, manifests.diff(tip))
        done = order_of_proposal(
            Case(context, run, target, manifests), base=base, tip=tip, done=done,
            number=lambda: _number(context, place, head),
        )  # fmt: skip
        commit = _make(context, run, target, manifests, base, done, edit)
        with context.store.begin() as tx:
            stay_alone(tx, context, run, head)
            edits.update(
                tx, run.id, state=EditState.PUSHING, expected=tip, commit=commit, base=base, diff=done.diff,
                changes=stored_changes(done.changes), **({} if edit.code else {"message": "; ".join(done.warnings)}),
            )  # fmt: skip
            edits.own(tx, head.repository, commit, run.id)
        if tip == commit or manifests.push(head.branch, commit, expected=tip):
            return _pushed(context, run, head, commit, done.diff)
        log.info("promotion branch moved, computing again", branch=head.branch)
    raise RetryableError(f"{head.branch} moves too fast", code="push-lost", retry_after=5.0)


def _bear(context: Context, head: Place, refusals: int) -> None:
    """Wait a little after each push that was refused though nobody moved anything; after some, it is a rule there."""
    if refusals > len(PAUSES):
        raise PermanentError(
            f"{head.repository} refuses the push of {head.branch}, though nobody moved it",
            code="push-refused",
            hint="a hook or branch protection? Allow Mergeport to push branches below mergeport/promotion/",
        )
    if refusals:
        context.pause(PAUSES[refusals - 1])


def _make(
    context: Context, run: Run, target: Target, manifests: Manifests, base: Sha, done: Rewrite, edit: Edit
) -> Sha:
    message = message_of(context, run, target, done.changes)
    return manifests.commit(base, done.files, message, author=context.author, committer=context.committer, at=edit.at)


def _refuse_foreign_tip(
    context: Context, run: Run, target: Target, manifests: Manifests, place: Place, head: Place, *, base: Sha, tip: Sha
) -> None:
    """Fail where the branch has a tip that is not ours: a person works on it. One we recognise is ours from now on."""
    with context.store.read() as tx:
        if edits.is_own(tx, head.repository, tip):
            return
    if is_of_ours(context, manifests, target, tip, base=base):
        with context.store.begin() as tx:
            stay_alone(tx, context, run, head)
            edits.own(tx, head.repository, tip, run.id)
        log.info("a promotion branch of an earlier database goes on", branch=head.branch, commit=tip)
        return
    branch_edited(context, run, head, tip, _number(context, place, head))


def _brings(manifests: Manifests, tip: Sha, base: Sha, run: Run, target: Target) -> bool:
    """Tell whether the branch has the run's images on the base's newest commit already, by whatever run of ours."""
    return manifests.describe(tip).parents == (base,) and has_images(manifests, tip, wanted_edits(run, target))


def _number(context: Context, place: Place, head: Place) -> int | None:
    """Ask for the open pull request of the branch."""
    found = context.outside.manifest_forge.find_pull_request(head.repository, head=head.branch, base=place.branch)
    return found.number if found else None


def branch_edited(context: Context, run: Run, head: Place, tip: Sha, number: int | None) -> NoReturn:
    """Fail the run for a person's commit on the promotion branch, and say so on its pull request."""
    words = (
        f"{head.branch} has a commit that is not Mergeport's ({tip[:12]}), so it is left alone. "
        "Merge or close the pull request, or delete the branch, then retry the run."
    )
    if number is not None:
        context.outside.manifest_forge.comment(head.repository, number, f"{words}\n\n{context.run_url(run.id)}")
    raise PermanentError(words, code="branch-edited", hint=f"`mergeport runs retry {run.id}`")


def _pushed(context: Context, run: Run, head: Place, tip: Sha, diff: str) -> Edit:
    with context.store.begin() as tx:
        edits.set_promotion_tip(tx, head.repository, head.branch, tip, run.id)
    return _settle(context, run, commit=tip, base=None, diff=diff)


def _settle(context: Context, run: Run, *, commit: Sha, base: Sha | None, diff: str) -> Edit:
    with context.store.begin() as tx:
        edits.update(tx, run.id, state=EditState.PUBLISHED, commit=commit, diff=diff)
        if base is not None:
            edits.update(tx, run.id, base=base)
        edit = edits.of_run(tx, run.id)
    assert edit is not None  # noqa: S101 - ensured above
    return edit
