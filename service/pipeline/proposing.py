"""Promotes by pull request: one branch and one open pull request an (application, environment), rolled forward.

The edit is made on the base's newest tip; the push's lease is the last tip of the promotion branch that
we pushed. A tip of somebody else's there means that a person works on it, and the run says so and fails.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import NoReturn

import structlog

from service.core.config import Target
from service.core.values import Rewrite
from service.core.words import EditState, Repository, RunId, RunState, Sha, Stage, WaitKind
from service.errors import PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest_place import Place, has_images, rewrite_at, wanted_edits
from service.pipeline.promotion_text import message_of, pull_request_text, stored_changes
from service.pipeline.reporting import want_status
from service.pipeline.steps import Cancelled, Pause, Stale, Superseded, expired, is_ours, step, wait_for, yield_to_later
from service.ports import Manifests, PullRequestDraft
from service.store import Transaction, edits, leases, runs
from service.store.edits import Edit
from service.store.runs import Run

LEASE_SECONDS = 30.0
MOST_RACES = 5

log = structlog.get_logger()


def branch_of(target: Target) -> str:
    """Name the promotion branch: it derives from environment and application, so there is only ever one."""
    return f"mergeport/promotion/{target.environment}/{target.application}"


def propose(context: Context, run: Run, target: Target, place: Place) -> Sha:
    """Have the images merged by pull request, or pause while it is open; give the merged commit."""
    if run.pull_request is None:
        head = Place(place.repository, branch_of(target))
        with _alone_at(context, run, head):
            yield_to_later(context, run)
            edit = _push_branch(context, run, target, place, head)
            if not edit.diff:
                assert edit.commit is not None  # noqa: S101 - the base's tip
                return edit.commit
            run = _open(context, run, target, place, head, edit)
    assert run.pull_request is not None  # noqa: S101 - set by _open
    merged = _await_merge(context, run, target, place, run.pull_request)
    return _verify(context, run, target, place, merged)


def watch_key(place: Place) -> str:
    """Name what the watch of pull requests looks at: one list call a base branch."""
    return f"{place.repository}:{place.branch}"


@contextmanager
def _alone_at(context: Context, run: Run, head: Place) -> Iterator[None]:
    """Hold the promotion branch's lease: the branch and what its pull request says must be one run's."""
    holder = f"{context.holder}/{run.id}"
    with context.store.begin() as tx:
        _stay_alone(tx, context, run, head)
    try:
        yield
    finally:
        with context.store.begin() as tx:
            leases.release(tx, head.lease, holder)


def _stay_alone(tx: Transaction, context: Context, run: Run, head: Place) -> None:
    """Take the lease or have it longer, right before each effect: this worker may have hung, or been paused."""
    holder = f"{context.holder}/{run.id}"
    if not leases.acquire(tx, head.lease, holder, now=context.now(), seconds=LEASE_SECONDS):
        raise RetryableError("another run updates this pull request", code="promotion-busy", retry_after=1.0)
    if not is_ours(tx, run):
        raise Stale


def _push_branch(context: Context, run: Run, target: Target, place: Place, head: Place) -> Edit:
    with step(context, run, "push promotion branch", Stage.PROMOTE) as record:
        edit = _bring_branch(context, run, target, place, head)
        record.message = (
            f"{head.branch} at {(edit.commit or '')[:12]}" if edit.diff else f"{place.branch} says this already"
        )
        return edit


def _bring_branch(context: Context, run: Run, target: Target, place: Place, head: Place) -> Edit:
    manifests = context.outside.manifests.open(place.repository)
    with context.store.begin() as tx:
        edit = edits.ensure(
            tx, run_id=run.id, repository=head.repository, branch=head.branch, application=run.application,
            environment=run.environment, at=context.now().replace(microsecond=0),
        )  # fmt: skip
    for _ in range(MOST_RACES):
        base = manifests.fetch(place.branch)
        tip = manifests.fetch(head.branch)
        if base is None:
            raise PermanentError(f"{place.repository} has no branch {place.branch}", code="manifest-branch-missing")
        done = rewrite_at(manifests, base, wanted_edits(run, target))
        if not done.files:
            return _settle(context, run, commit=base, base=base, diff="")
        if tip is not None and tip == edit.commit:
            return _pushed(context, run, head, tip, edit.diff or manifests.diff(tip))
        _refuse_foreign_tip(context, run, place, head, tip)
        commit = _make(context, run, manifests, base, done, edit)
        with context.store.begin() as tx:
            _stay_alone(tx, context, run, head)
            edits.update(
                tx, run.id, state=EditState.PUSHING, expected=tip, commit=commit, base=base, diff=done.diff,
                changes=stored_changes(done.changes),
            )  # fmt: skip
            edits.own(tx, head.repository, commit, run.id)
        if tip == commit or manifests.push(head.branch, commit, expected=tip):
            return _pushed(context, run, head, commit, done.diff)
        log.info("promotion branch moved, computing again", branch=head.branch)
    raise RetryableError(f"{head.branch} moves too fast or refuses the push", code="push-lost", retry_after=5.0)


def _make(context: Context, run: Run, manifests: Manifests, base: Sha, done: Rewrite, edit: Edit) -> Sha:
    message = message_of(context, run, done.changes)
    return manifests.commit(
        base, done.files, message, author=context.committer, committer=context.committer, at=edit.at
    )


def _refuse_foreign_tip(context: Context, run: Run, place: Place, head: Place, tip: Sha | None) -> None:
    """Fail where the branch has a tip that is not ours: a person works on it."""
    if tip is None:
        return
    with context.store.read() as tx:
        if edits.is_own(tx, head.repository, tip):
            return
    forge = context.outside.manifest_forge
    pull_request = forge.find_pull_request(head.repository, head=head.branch, base=place.branch)
    _branch_edited(context, run, head, tip, pull_request.number if pull_request else None)


def _branch_edited(context: Context, run: Run, head: Place, tip: Sha, number: int | None) -> NoReturn:
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


def _open(context: Context, run: Run, target: Target, place: Place, head: Place, edit: Edit) -> Run:
    """Open the pull request, or bring the open one to this run's image; runs that counted on it are superseded."""
    with step(context, run, "open pull request", Stage.PROMOTE) as record:
        title, body = pull_request_text(context, run, edit)
        draft = PullRequestDraft(
            head=head.branch,
            base=place.branch,
            title=title,
            body=body,
            reviewers=target.pull_request.reviewers,
            labels=target.pull_request.labels,
        )
        forge = context.outside.manifest_forge
        known = forge.find_pull_request(place.repository, head=draft.head, base=draft.base)
        with context.store.begin() as tx:
            _stay_alone(tx, context, run, head)
        if known is None:
            pull_request = forge.open_pull_request(place.repository, draft)
        else:
            pull_request = forge.update_pull_request(place.repository, known.number, draft)
        with context.store.begin() as tx:
            runs.update(
                tx, run.id, at=context.now(), pull_request=pull_request.number, pull_request_url=pull_request.url
            )
            newer = _newer_at(tx, run, head)
            if newer is None:
                _supersede_others(context, tx, run, pull_request.number)
            opened = runs.get(tx, run.id)
        if newer is not None:
            raise Superseded(f"pull request #{pull_request.number} brings a newer image", by=newer)
        record.message = f"{'updated' if known else 'opened'} pull request #{pull_request.number}"
    assert opened is not None  # noqa: S101 - rows of runs are never deleted
    return opened


def _newer_at(tx: Transaction, run: Run, head: Place) -> RunId | None:
    """Give another run that has pushed the promotion branch since: the lease ran out while this one hung."""
    pushed = edits.promotion_tip(tx, head.repository, head.branch)
    return None if pushed is None or pushed[1] == run.id else pushed[1]


def _supersede_others(context: Context, tx: Transaction, run: Run, number: int) -> None:
    """End the runs whose pull request this is no more, whether they wait on it or are just about to."""
    ended: list[RunId] = []
    for other in runs.on_pull_request(tx, run, number):
        words = f"pull request #{number} now brings {run.commit[:12]}"
        if runs.end(tx, other.id, RunState.SUPERSEDED, words, at=context.now()):
            runs.update(tx, other.id, at=context.now(), superseded_by=run.id)
            ended.append(other.id)
    # Runs before statuses, in every transaction: two of them cannot then wait for each other.
    for other_id in ended:
        now_at = runs.get(tx, other_id)
        if now_at is not None:
            want_status(tx, context, now_at)


def _subject(repository: Repository, number: int) -> str:
    return f"{repository}#{number}"


def _await_merge(context: Context, run: Run, target: Target, place: Place, number: int) -> Sha:
    with step(context, run, "await merge", Stage.PROMOTE) as record:
        pull_request = context.outside.manifest_forge.pull_request(place.repository, number)
        head = Place(place.repository, branch_of(target))
        subject = _subject(place.repository, number)
        if pull_request.base != place.branch:
            raise PermanentError(
                f"pull request #{number} goes into {pull_request.base} now, not into {place.branch}",
                code="pull-request-retargeted",
                hint="close it, or give it its base back; then retry the run",
            )
        if pull_request.merged and pull_request.merge_commit is not None:
            with context.store.begin() as tx:
                edits.forget_promotion_tip(tx, head.repository, head.branch, run.id)
            by = f" by {pull_request.merged_by}" if pull_request.merged_by else ""
            record.message = f"pull request #{number} merged{by} as {pull_request.merge_commit[:12]}"
            return pull_request.merge_commit
        if not pull_request.open:
            raise Cancelled(f"pull request #{number} was closed without being merged")
        with context.store.read() as tx:
            ours = edits.is_own(tx, head.repository, pull_request.head_sha)
        if not ours:
            _branch_edited(context, run, head, pull_request.head_sha, number)
        if expired(context, run.id, WaitKind.PULL_REQUEST, subject):
            raise PermanentError(
                f"pull request #{number} was not merged in time",
                code="pull-request-timeout",
                hint="merge it and retry the run, or close it; `deadlines.pull_request` sets the time",
            )
        saw = f"waiting for pull request #{number} to be merged"
        within: timedelta = target.deadlines.pull_request
        wait = wait_for(
            context, run, WaitKind.PULL_REQUEST, key=watch_key(place), subject=subject, saw=saw, within=within
        )
        raise Pause(wait)


def _verify(context: Context, run: Run, target: Target, place: Place, merged: Sha) -> Sha:
    """Check that the merged commit has our images; whoever changed the branch before merging may have dropped them."""
    with step(context, run, "check merged commit", Stage.PROMOTE) as record:
        manifests = context.outside.manifests.open(place.repository)
        manifests.fetch(place.branch)
        wanted = wanted_edits(run, target)
        if not has_images(manifests, merged, wanted):
            there = "; ".join(
                f"{file}: {change.path} is {change.before}, not {change.after}"
                for file, change in rewrite_at(manifests, merged, wanted).changes
            )
            raise PermanentError(
                f"the merged commit {merged[:12]} does not have this run's image: {there}",
                code="merged-without-image",
                hint="the branch was changed before the merge; nothing was written again",
            )
        record.message = f"{merged[:12]} has the image"
        return merged
