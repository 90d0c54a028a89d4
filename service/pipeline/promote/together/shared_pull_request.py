"""Promotes by a pull request that several applications share: joins it, opens or updates it for all, awaits its merge.

Called by stage promote. A run comes in by itself, when its release is ready. Whoever has the branch's lease writes for
all that are in; the run that was accepted first looks whether the pull request has to be made anew.
"""

from __future__ import annotations

from dataclasses import replace

from service.core.gates import Judgement, Outcome, in_words
from service.core.words import EditState, RunId, Sha, Stage, WaitKind
from service.errors import PermanentError, RetryableError
from service.pipeline.manifest.order import Case, order_of_proposal, yield_to_later
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.manifest.place import (
    Place,
    has_images,
    head_branch,
    release_edits,
    renamed,
    rewrite_at,
    wanted_edits,
)
from service.pipeline.manifest.state.gates import wake_earlier
from service.pipeline.manifest.state.withholding import require_open
from service.pipeline.promote.alias_back import leave_what_the_alias_left
from service.pipeline.promote.gates_shown import closed_when_merged
from service.pipeline.promote.gating import KEY, configured, judge
from service.pipeline.promote.given import note_waiting
from service.pipeline.promote.heads import Base
from service.pipeline.promote.images_there import require_images
from service.pipeline.promote.landing import take_back
from service.pipeline.promote.promotion_branch import alone_at
from service.pipeline.promote.pull_request import MOST_MADE_ANEW, subject_in_time, watch_key, words_of_wait
from service.pipeline.promote.together.all_of_it import publish
from service.pipeline.promote.together.gathering import gather
from service.pipeline.promote.together.membership import has_to_change
from service.pipeline.promote.together.shared_branch import Joint, bring_together
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Cancelled, Pause, Superseded, step, wait_for
from service.pipeline.runs.still_wanted import target_in_force
from service.ports import Manifests, PullRequest
from service.store import Transaction, edits, judgements, pull_request_runs, runs, waits
from service.store.edits import Edit


def propose_together(claim: Claim, place: Place) -> Sha:
    """Get the images merged by the group's pull request, or pause while it is open; give the merged commit."""
    head = Place(place.repository, head_branch(claim.run, claim.target))
    with claim.context.store.read() as tx:
        _raise_refused(edits.of_run(tx, claim.run.id))
    anew = judged = False
    for _ in range(MOST_MADE_ANEW):
        if claim.run.pull_request is None or anew:
            if anew:
                target_in_force(claim)
            there = _join(claim, place, head, anew=anew)
            if there is not None:
                return there
            judged, anew = True, False
        if claim.run.pull_request is None:
            continue
        merged = _await_merge(claim, place, head, claim.run.pull_request, judged=judged)
        if merged is not None:
            return merged
        anew, judged = claim.run.pull_request is not None, False
    raise RetryableError("the base keeps moving under the pull request", code="promotion-busy", retry_after=1.0)


def _join(claim: Claim, place: Place, head: Place, *, anew: bool) -> Sha | None:
    """Bring the run into the pull request, with all others that are in; give the base's commit if it has the values.

    `anew`: it is in, and the pull request is to be made anew.
    """
    if not anew:
        require_images(claim)
        yield_to_later(claim)
        _require_ready(claim, place, head)
    lacking = ""
    with step(claim, "join pull request", Stage.PROMOTE) as record:
        if not anew and not _is_in(claim):
            edit = _edit(claim, head)
            said = _look(claim, place, edit)
            if said is not None:
                record.message = f"{place.branch} has these values already, at {said[:12]}"
                return said
            gather(claim, edit)
        if anew or not _is_in(claim):
            with alone_at(claim, head):
                if anew or not _is_in(claim):
                    take_back(claim, head.repository)
                    joint = bring_together(claim, place, head)
                    on = publish(claim, place, head, joint)
                    lacking = "; ".join(one.words for one in on.refused) if on is not None else ""
                    _say(claim, place, joint, on)
        number = claim.run.pull_request
        record.message = f"in pull request #{number}" if number is not None else "not in it now"
        record.message += f", but {lacking}" if lacking else ""
    return None


def _is_in(claim: Claim) -> bool:
    """Tell whether the run is in the pull request; another run may have brought it in, and its number is noted then."""
    if claim.run.pull_request is None:
        with claim.context.store.read() as tx:
            run = runs.get(tx, claim.run.id)
        if run is not None and run.pull_request is not None:
            claim.note(pull_request=run.pull_request, pull_request_url=run.pull_request_url)
    return claim.run.pull_request is not None


def _say(claim: Claim, place: Place, joint: Joint, on: PullRequest | None) -> None:
    """Note for the run itself what was written for all; raise what became of its own part."""
    mine = any(part.member.run.id == claim.run.id for part in joint.parts)
    claim.note(
        pull_request=on.number if on is not None and mine else None,
        pull_request_url=on.url if on is not None and mine else None,
    )
    if not mine:
        with claim.context.store.read() as tx:
            edit = edits.of_run(tx, claim.run.id)
        _raise_refused(edit)
        if edit is not None and edit.state is not EditState.PENDING:
            with claim.context.store.begin() as tx:
                edits.update(tx, claim.run.id, state=EditState.PENDING)
        require_open(claim, place.repository)


def _require_ready(claim: Claim, place: Place, head: Place) -> None:
    """Raise Pause while gates keep the release out of a shared pull request; its others are waited for on it."""
    if not claim.target.gates:
        return
    judgement = judge(claim, place)
    out = Judgement(tuple(one for one in configured(judgement) if one in judgement.keeping_out))
    if not out.gates:
        return
    words = in_words(out)
    if out.outcome is Outcome.REFUSE:
        raise PermanentError(words, code="gate-refused", hint="mend what the gate says, then `mergeport runs retry`")
    with claim.context.store.begin() as tx:
        edits.update(tx, _wanted(tx, claim, head).run_id, state=EditState.WITHHELD, message=words)
    subject = f"{claim.run.application}/{claim.run.environment}"
    wait = wait_for(claim.context, claim.run, WaitKind.GATE, key=KEY, subject=subject, saw=words)
    wake_earlier(claim.context, claim.run, wait)
    raise Pause(wait)


def _wanted(tx: Transaction, claim: Claim, head: Place) -> Edit:
    run = claim.run
    return edits.ensure(
        tx, run_id=run.id, repository=head.repository, branch=head.branch, application=run.application,
        environment=run.environment, at=claim.context.now().replace(microsecond=0),
    )  # fmt: skip


def _edit(claim: Claim, head: Place) -> Edit:
    """Give the run's edit, wanted on the shared branch. One that was refused says so in its own run."""
    with claim.context.store.begin() as tx:
        edit = _wanted(tx, claim, head)
        if edit.state is EditState.WITHHELD:
            edits.update(tx, claim.run.id, state=EditState.PENDING, message="")
            edit = replace(edit, state=EditState.PENDING)
    _raise_refused(edit)
    return edit


def _raise_refused(edit: Edit | None) -> None:
    if edit is not None and edit.state is EditState.REFUSED:
        raise PermanentError(edit.message, code=edit.code)
    if edit is not None and edit.state is EditState.OVERTAKEN:
        raise Superseded(edit.message)


def _look(claim: Claim, place: Place, edit: Edit) -> Sha | None:
    """Give the base's commit if it has the values; else check that the edit can be made, and is newer."""
    manifests = claim.context.outside.manifests.open(place.repository)
    tip = manifests.last_tip(place.branch) or manifests.fetch(place.branch)
    if tip is None:
        raise renamed(claim.context, claim.target, place) or PermanentError(
            f"{place.repository} has no branch {place.branch}", code="manifest-branch-missing"
        )
    done = rewrite_at(manifests, tip, wanted_edits(claim.run, claim.target))
    if not done.files:
        with claim.context.store.begin() as tx:
            edits.update(tx, edit.run_id, state=EditState.PUBLISHED, commit=tip, base=tip, diff="")
        leave_what_the_alias_left(claim)
        return tip
    order_of_proposal(Case(claim, manifests), base=tip, tip=None, done=done, number=lambda: None)
    return None


def _await_merge(claim: Claim, place: Place, head: Place, number: int, *, judged: bool) -> Sha | None:
    """Give the commit that the merge made, or pause; None if the pull request has to be made anew."""
    context, run = claim.context, claim.run
    with step(claim, "await merge", Stage.PROMOTE) as record:
        pull_request = context.outside.manifest_forge.pull_request(place.repository, number)
        if pull_request.base != place.branch:
            raise renamed(context, claim.target, place) or PermanentError(
                f"pull request #{number} now has the base {pull_request.base} instead of {place.branch}",
                code="pull-request-retargeted",
                hint="give it its base back, and the run's next generation starts; or close it, and retry the run",
            )
        manifests = context.outside.manifests.open(place.repository)
        if pull_request.merged and pull_request.merge_commit is not None:
            by = f" by {pull_request.merged_by}" if pull_request.merged_by else ""
            record.message = f"pull request #{number} merged{by} as {pull_request.merge_commit[:12]}"
            record.message += closed_when_merged(claim)
            return _merged(claim, place, head, manifests, pull_request, pull_request.merge_commit)
        if not pull_request.open:
            raise Cancelled(f"pull request #{number} was closed without being merged", code="pull-request-closed")
        require_images(claim)
        if not judged and _leads(claim, head, number) and _is_stale(claim, place, head, manifests, pull_request):
            record.message = f"pull request #{number} has to be made anew"
            return None
        subject = subject_in_time(claim, place, number)
        wait = wait_for(
            context, run, WaitKind.PULL_REQUEST, key=watch_key(place), subject=subject,
            saw=words_of_wait(claim, place.repository, number), within=claim.target.deadlines.pull_request,
        )  # fmt: skip
        claim.effects.append(lambda tx: judgements.expect(tx, run, context.now()))
        if _leads(claim, head, number):
            claim.effects.append(lambda tx: note_waiting(tx, run, place.repository, number, pull_request.head_sha))
        raise Pause(wait)


def _merged(
    claim: Claim, place: Place, head: Place, manifests: Manifests, pull_request: PullRequest, commit: Sha
) -> Sha | None:
    """Give the merged commit if it has the run's values; None if it was merged without ever containing them."""
    run = claim.run
    manifests.fetch(place.branch)
    with claim.context.store.begin() as tx:
        edits.forget_promotion_tip(tx, head.repository, head.branch, run.id)
        edit = edits.of_run(tx, run.id)
    if has_images(manifests, commit, release_edits(run, claim.target)):
        return commit
    was_in = edit is not None and edit.commit is not None and edit.state is EditState.PUBLISHED
    if (
        was_in
        and edit is not None
        and edit.commit in manifests.ancestors(pull_request.head_sha, {edit.commit or commit})
    ):
        raise PermanentError(
            f"the merged commit {commit[:12]} does not have this run's image",
            code="merged-without-image",
            hint="the branch was changed before the merge; nothing was written again",
        )
    with claim.context.store.begin() as tx:
        edits.update(tx, run.id, state=EditState.PENDING)
    claim.note(pull_request=None, pull_request_url=None)
    return None


def _leads(claim: Claim, head: Place, number: int) -> bool:
    with claim.context.store.read() as tx:
        return pull_request_runs.first_on(tx, head.repository, head.branch, number) in {claim.run.id, None}


def _is_stale(claim: Claim, place: Place, head: Place, manifests: Manifests, pull_request: PullRequest) -> bool:
    tip = manifests.fetch_all([place.branch, head.branch])[0]
    return tip is not None and has_to_change(claim.context, place, head, Base(manifests, tip), pull_request.head_sha)


def withdraw_from(claim: Claim, head: Place) -> RunId | None:
    """Let the pull request be made anew without a run that ends; give the run that does it, None if nobody is left."""
    with claim.context.store.begin() as tx:
        number = claim.run.pull_request or 0
        first = pull_request_runs.first_on(tx, head.repository, head.branch, number, but=claim.run.id)
        wait = waits.open_of_run(tx, first) if first is not None else None
        if wait is not None:
            waits.answer(tx, wait.id, "somebody leaves the pull request", at=claim.context.now())
    if first is not None:
        enqueue(claim.context, first)
    return first
