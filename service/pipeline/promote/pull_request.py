"""Promotes by pull request: one branch and one open pull request an (application, environment), rolled forward.

Called by the promote stage. What is on the branch is of promotion_branch.py beside this; here the pull request is
opened, waited for, made anew where its base moves under it, and what was merged is checked.
"""

from __future__ import annotations

from datetime import timedelta

from service.core.words import Publish, Repository, RunId, Sha, Stage, WaitKind
from service.errors import PermanentError, RetryableError
from service.pipeline.manifest.offer_text import Brought, pull_request_text
from service.pipeline.manifest.order import yield_to_later
from service.pipeline.manifest.place import Place, has_images, promotion_branch, release_edits, renamed, rewrite_at
from service.pipeline.manifest.promotion_text import changes_of
from service.pipeline.manifest.rendering import render_ahead
from service.pipeline.promote.alias_back import close_what_the_alias_left
from service.pipeline.promote.closing import close_in_words
from service.pipeline.promote.gates_shown import closed_when_merged
from service.pipeline.promote.given import draft_of, keep_given, note_waiting
from service.pipeline.promote.heads import Base
from service.pipeline.promote.images_there import require_images, require_images_of_proposed
from service.pipeline.promote.landing import is_to_be_newest, take_back
from service.pipeline.promote.promotion_branch import (
    alone_at,
    branch_edited,
    is_last_pusher,
    push_branch,
    removed_held,
    stay_alone,
)
from service.pipeline.promote.reading import Standing, read_for_merge, standing
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Cancelled, Pause, Stale, Superseded, expired, is_ours, step, wait_for
from service.pipeline.runs.still_wanted import target_in_force
from service.ports import PullRequest
from service.store import Transaction, edits, judgements, proposals, pull_request_runs, runs
from service.store.edits import Edit
from service.store.runs import Run

WAITS_FOR_MERGE = "waiting for pull request #{} to be merged"
STUCK = (
    ": {} has changed in the same file, and people's commits are on its branch, so a person has to update the branch"
)
MOST_MADE_ANEW = 5


def propose(claim: Claim, place: Place) -> Sha:
    """Get the images merged by a pull request, or pause while it is open; give the merged commit.

    The pull request is made anew if its base has moved so that it cannot be merged as it is, or if another head than
    ours was merged.
    """
    head = Place(place.repository, promotion_branch(claim.target))
    anew = False
    for _ in range(MOST_MADE_ANEW):
        offers = claim.run.pull_request is None or anew
        if offers:
            if anew:
                target_in_force(claim)
            said_already = _offer(claim, place, head, newest=anew)
            if said_already is not None:
                return said_already
        assert claim.run.pull_request is not None  # noqa: S101 - set by _open
        merged = _await_merge(claim, place, head, claim.run.pull_request, judged=offers)
        if merged is not None:
            return _verify(claim, place, merged)
        anew = True
    raise RetryableError("the base keeps moving under the pull request", code="promotion-busy", retry_after=1.0)


def _offer(claim: Claim, place: Place, head: Place, *, newest: bool) -> Sha | None:
    """Bring the edit onto the branch and open or update its pull request; give the base's commit if it has it.

    With `newest` the branch has to contain the base's newest commit.
    """
    before = claim.run.pull_request
    require_images(claim)
    render_ahead(claim, place)
    with alone_at(claim, head):
        if before is None:
            yield_to_later(claim)
        take_back(claim, place.repository)
        try:
            edit = push_branch(claim, place, head, newest=newest)
        except Superseded as overtaken:
            if before is not None and is_last_pusher(claim, head):
                words = f"Overtaken: {overtaken}. {_page_of(claim, overtaken.by)}".rstrip()
                close_in_words(claim.context, place.repository, before, words, run_id=claim.run.id)
            raise
        if edit.diff:
            _open(claim, place, head, edit)
            return None
        if before is not None and is_last_pusher(claim, head):
            words = f"{place.branch} has these values already, at {(edit.commit or '')[:12]}"
            close_in_words(claim.context, place.repository, before, words, run_id=claim.run.id)
        if before is None:
            close_what_the_alias_left(claim, place, head)
        return edit.commit


def _page_of(claim: Claim, by: RunId | None) -> str:
    """Give where people see what has overtaken the run: its pull request, else its run; empty if nobody knows it."""
    if by is None:
        return ""
    with claim.context.store.read() as tx:
        found = runs.get(tx, by)
    other = found is not None and found.pull_request not in {None, claim.run.pull_request}
    return str(found.pull_request_url) if found and other else claim.context.run_url(by)


def watch_key(place: Place) -> str:
    """Name what the watch of pull requests looks at: one list call a base branch."""
    return f"{place.repository.key}:{place.branch}"


def _open(claim: Claim, place: Place, head: Place, edit: Edit) -> None:
    """Open the pull request, or update the open one to this run's image; supersede other runs that counted on it."""
    context = claim.context
    with step(claim, "open pull request", Stage.PROMOTE) as record:
        forge = context.outside.manifest_forge
        known = forge.find_pull_request(place.repository, head=head.branch, base=place.branch)
        brought = Brought(claim, edit.base, edit.commit, changes_of(edit))
        because = edit.message if claim.target.publish is Publish.COMMIT else ""
        text, policy = pull_request_text(place, [brought], known, because=because), claim.target.pull_request
        draft = draft_of(claim, place, head, text, known, policy)
        with context.store.begin() as tx:
            stay_alone(tx, claim, head)
        if known is None and claim.run.pull_request is not None:
            record.message = f"pull request #{claim.run.pull_request} is not open any more"
            return
        if known is None:
            pull_request = forge.open_pull_request(place.repository, draft)
        else:
            pull_request = forge.update_pull_request(place.repository, known.number, draft)
        with context.store.begin() as tx:
            if not is_ours(tx, claim.run):
                raise Stale
            claim.update(tx, pull_request=pull_request.number, pull_request_url=pull_request.url)
            keep_given(tx, claim, place.repository, draft, pull_request, policy)
            newer = _newer_at(tx, claim.run, head)
            if newer is None:
                words = f"pull request #{pull_request.number} now brings {claim.run.commit[:12]}"
                others = pull_request_runs.others_on(tx, claim.run, pull_request.number)
                transitions.supersede(tx, others, words, by=claim.run.id, at=context.now())
        if newer is not None:
            raise Superseded(f"pull request #{pull_request.number} brings a newer image", by=newer)
        lacking = "; ".join(one.words for one in pull_request.refused)
        record.message = f"{'updated' if known else 'opened'} pull request #{pull_request.number}"
        record.message += f", but {lacking}" if lacking else ""


def _newer_at(tx: Transaction, run: Run, head: Place) -> RunId | None:
    """Give another run that has pushed the promotion branch since, because the lease ran out while this one hung."""
    pushed = edits.promotion_tip(tx, head.repository, head.branch)
    return None if pushed is None or pushed[1] == run.id else pushed[1]


def subject_of(repository: Repository, number: int) -> str:
    """Name a pull request as what a run waits for."""
    return f"{repository.key}#{number}"


def number_of(subject: str) -> int:
    """Give the number of the pull request that is waited for."""
    return int(subject.rpartition("#")[2])


def _await_merge(claim: Claim, place: Place, head: Place, number: int, *, judged: bool) -> Sha | None:
    """Give the commit that the merge made, or pause; None if the pull request has to be made anew.

    `judged` says that its head was compared with the base just now.
    """
    context, run, target = claim.context, claim.run, claim.target
    with step(claim, "await merge", Stage.PROMOTE) as record:
        pull_request = context.outside.manifest_forge.pull_request(place.repository, number)
        if pull_request.base != place.branch:
            raise renamed(context, target, place) or PermanentError(
                f"pull request #{number} now has the base {pull_request.base} instead of {place.branch}",
                code="pull-request-retargeted",
                hint="give it its base back, and the run's next generation starts; or close it, and retry the run",
            )
        if pull_request.merged and pull_request.merge_commit is not None:
            if _is_of_another(claim, head, pull_request):
                claim.note(pull_request=None, pull_request_url=None)
                record.message = f"pull request #{number} was merged before it contained this run's image"
                return None
            with context.store.begin() as tx:
                edits.forget_promotion_tip(tx, head.repository, head.branch, run.id)
            by = f" by {pull_request.merged_by}" if pull_request.merged_by else ""
            record.message = f"pull request #{number} merged{by} as {pull_request.merge_commit[:12]}"
            record.message += closed_when_merged(claim)
            return pull_request.merge_commit
        if not pull_request.open:
            raise Cancelled(f"pull request #{number} was closed without being merged", code="pull-request-closed")
        saw = words_of_wait(claim, place.repository, number)
        if not judged:
            require_images_of_proposed(claim, head, number)
            told = None if is_to_be_newest(claim, place, pull_request) else _judge(claim, place, head, pull_request)
            if told is None:
                record.message = f"pull request #{number} has to be made anew, because {place.branch} has changed"
                return None
            saw += told
        subject = subject_in_time(claim, place, number)
        within: timedelta = target.deadlines.pull_request
        wait = wait_for(
            context, run, WaitKind.PULL_REQUEST, key=watch_key(place), subject=subject, saw=saw, within=within
        )
        claim.effects.append(lambda tx: judgements.expect(tx, run, context.now()))
        claim.effects.append(lambda tx: note_waiting(tx, run, place.repository, number, pull_request.head_sha))
        raise Pause(wait)


def subject_in_time(claim: Claim, place: Place, number: int) -> str:
    """Give the subject of the wait for a pull request; PermanentError `pull-request-timeout` if it is over."""
    subject = subject_of(place.repository, number)
    if expired(claim.context, claim.run.id, WaitKind.PULL_REQUEST, subject):
        raise PermanentError(
            f"pull request #{number} was not merged in time",
            code="pull-request-timeout",
            hint="merge it, and the next generation starts; or close it; see `deadlines.pull_request`",
        )
    return subject


def _judge(claim: Claim, place: Place, head: Place, pull_request: PullRequest) -> str | None:
    """Compare an open pull request with its base; give words for its wait, None if it has to be made anew.

    Raises what ends the run if people's work stands in the way.
    """
    manifests = claim.context.outside.manifests.open(place.repository)
    tip = manifests.fetch(place.branch)
    if tip is None:
        raise PermanentError(f"{place.repository} has no branch {place.branch}", code="manifest-branch-missing")
    base = Base(manifests, tip)
    read = read_for_merge(claim, base, place.repository, pull_request.head_sha, had=pull_request.base_sha)
    stands = standing(claim, base, read)
    if stands is Standing.EDITED:
        branch_edited(claim, head, pull_request.head_sha, pull_request.number)
    if stands is Standing.HOLDS_REMOVED:
        removed_held(claim, place, head, read.removed or pull_request.head_sha, pull_request.number)
    if stands is Standing.ANEW:
        return None
    return STUCK.format(place.branch) if stands is Standing.STUCK else ""


def _is_of_another(claim: Claim, head: Place, pull_request: PullRequest) -> bool:
    """Tell whether another run's commit was merged, because the merge came before our push of the same branch."""
    with claim.context.store.read() as tx:
        owner = edits.owner(tx, head.repository, pull_request.head_sha)
        edit = edits.of_run(tx, claim.run.id)
    return owner is not None and owner != claim.run.id and (edit is None or edit.commit != pull_request.head_sha)


def words_of_wait(claim: Claim, repository: Repository, number: int) -> str:
    """Tell what a run waits for, why there is a pull request if a commit was configured, and who merges it."""
    because = ": its branch refuses pushes" if claim.target.publish is Publish.COMMIT else ""
    with claim.context.store.read() as tx:
        known = proposals.get(tx, repository, number)
    return WAITS_FOR_MERGE.format(number) + because + (f". {known.merging}" if known and known.merging else "")


def _verify(claim: Claim, place: Place, merged: Sha) -> Sha:
    """Check that the merged commit has our images, because somebody may have dropped them before merging."""
    with step(claim, "check merged commit", Stage.PROMOTE) as record:
        manifests = claim.context.outside.manifests.open(place.repository)
        manifests.fetch(place.branch)
        wanted = release_edits(claim.run, claim.target)
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
