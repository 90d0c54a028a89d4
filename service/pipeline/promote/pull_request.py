"""Promotes by pull request: one branch and one open pull request an (application, environment), rolled forward.

Called by the promote stage. What is on the branch is of promotion_branch.py beside this; here the pull request is
opened, waited for, and what was merged is checked.
"""

from __future__ import annotations

from datetime import timedelta

from service.core.words import Publish, Repository, RunId, Sha, Stage, WaitKind
from service.errors import PermanentError
from service.pipeline.manifest.order import yield_to_later
from service.pipeline.manifest.place import Place, has_images, promotion_branch, renamed, rewrite_at, wanted_edits
from service.pipeline.manifest.promotion_text import pull_request_text
from service.pipeline.promote.promotion_branch import alone_at, branch_edited, push_branch, stay_alone
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Cancelled, Pause, Stale, Superseded, expired, is_ours, step, wait_for
from service.ports import PullRequestDraft
from service.store import Transaction, edits, runs
from service.store.edits import Edit
from service.store.runs import Run

WAITS_FOR_MERGE = "waiting for pull request #{} to be merged"


def propose(claim: Claim, place: Place) -> Sha:
    """Have the images merged by pull request, or pause while it is open; give the merged commit."""
    if claim.run.pull_request is None:
        head = Place(place.repository, promotion_branch(claim.target))
        with alone_at(claim, head):
            yield_to_later(claim)
            edit = push_branch(claim, place, head)
            if not edit.diff:
                assert edit.commit is not None  # noqa: S101 - the base's tip
                return edit.commit
            _open(claim, place, head, edit)
    assert claim.run.pull_request is not None  # noqa: S101 - set by _open
    merged = _await_merge(claim, place, claim.run.pull_request)
    return _verify(claim, place, merged)


def watch_key(place: Place) -> str:
    """Name what the watch of pull requests looks at: one list call a base branch."""
    return f"{place.repository.key}:{place.branch}"


def _open(claim: Claim, place: Place, head: Place, edit: Edit) -> None:
    """Open the pull request, or bring the open one to this run's image; runs that counted on it are superseded."""
    context = claim.context
    with step(claim, "open pull request", Stage.PROMOTE) as record:
        title, body = pull_request_text(claim, edit)
        draft = PullRequestDraft(
            head=head.branch,
            base=place.branch,
            title=title,
            body=body,
            reviewers=claim.target.pull_request.reviewers,
            labels=claim.target.pull_request.labels,
        )
        forge = context.outside.manifest_forge
        known = forge.find_pull_request(place.repository, head=draft.head, base=draft.base)
        with context.store.begin() as tx:
            stay_alone(tx, claim, head)
        if known is None:
            pull_request = forge.open_pull_request(place.repository, draft)
        else:
            pull_request = forge.update_pull_request(place.repository, known.number, draft)
        with context.store.begin() as tx:
            if not is_ours(tx, claim.run):
                raise Stale
            claim.update(tx, pull_request=pull_request.number, pull_request_url=pull_request.url)
            newer = _newer_at(tx, claim.run, head)
            if newer is None:
                words = f"pull request #{pull_request.number} now brings {claim.run.commit[:12]}"
                others = runs.on_pull_request(tx, claim.run, pull_request.number)
                transitions.supersede(tx, others, words, by=claim.run.id, at=context.now())
        if newer is not None:
            raise Superseded(f"pull request #{pull_request.number} brings a newer image", by=newer)
        record.message = f"{'updated' if known else 'opened'} pull request #{pull_request.number}"


def _newer_at(tx: Transaction, run: Run, head: Place) -> RunId | None:
    """Give another run that has pushed the promotion branch since: the lease ran out while this one hung."""
    pushed = edits.promotion_tip(tx, head.repository, head.branch)
    return None if pushed is None or pushed[1] == run.id else pushed[1]


def subject_of(repository: Repository, number: int) -> str:
    """Name a pull request as what a run waits for."""
    return f"{repository.key}#{number}"


def number_of(subject: str) -> int:
    """Give the number of the pull request that is waited for."""
    return int(subject.rpartition("#")[2])


def _await_merge(claim: Claim, place: Place, number: int) -> Sha:
    context, run, target = claim.context, claim.run, claim.target
    with step(claim, "await merge", Stage.PROMOTE) as record:
        pull_request = context.outside.manifest_forge.pull_request(place.repository, number)
        head = Place(place.repository, promotion_branch(target))
        subject = subject_of(place.repository, number)
        if pull_request.base != place.branch:
            raise renamed(context, target, place) or PermanentError(
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
            branch_edited(claim, head, pull_request.head_sha, number)
        if expired(context, run.id, WaitKind.PULL_REQUEST, subject):
            raise PermanentError(
                f"pull request #{number} was not merged in time",
                code="pull-request-timeout",
                hint="merge it and retry the run, or close it; `deadlines.pull_request` sets the time",
            )
        saw = words_of_wait(claim, number)
        within: timedelta = target.deadlines.pull_request
        wait = wait_for(
            context, run, WaitKind.PULL_REQUEST, key=watch_key(place), subject=subject, saw=saw, within=within
        )
        raise Pause(wait)


def words_of_wait(claim: Claim, number: int) -> str:
    """Tell what a run waits for, and why there is a pull request where a commit was configured."""
    because = ": its branch refuses pushes" if claim.target.publish is Publish.COMMIT else ""
    return WAITS_FOR_MERGE.format(number) + because


def _verify(claim: Claim, place: Place, merged: Sha) -> Sha:
    """Check that the merged commit has our images; whoever changed the branch before merging may have dropped them."""
    with step(claim, "check merged commit", Stage.PROMOTE) as record:
        manifests = claim.context.outside.manifests.open(place.repository)
        manifests.fetch(place.branch)
        wanted = wanted_edits(claim.run, claim.target)
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
