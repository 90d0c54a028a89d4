"""Opens or updates the pull request that several applications share, and tells each run of it.

Called by the run that has the branch's lease, after its push. Those that are not in any more go on by themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from service.core.carry import Carried
from service.core.config import PullRequestPolicy
from service.core.config.pull_request_targets import MOST_ASSIGNEES
from service.core.gates.gate_table import Row
from service.core.group_text import GroupPart, group_body, group_title, is_our_title, worst_of
from service.core.promotion_model import ModelStory
from service.core.words import EditState, RunId
from service.pipeline.manifest.model_story import source_page, story_of
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.manifest.place import Place, place_of
from service.pipeline.promote.closing import close_in_words, say
from service.pipeline.promote.given import draft_of, keep_given
from service.pipeline.promote.promotion_branch import stay_alone
from service.pipeline.promote.together.gates_of_all import kept_rows
from service.pipeline.promote.together.shared_branch import Joint
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import Claim
from service.ports import PullRequest, PullRequestDraft
from service.store import changes, edits, proposals, runs, waits
from service.store.runs import Run


def publish(claim: Claim, place: Place, head: Place, joint: Joint) -> PullRequest | None:
    """Bring the pull request to what is on the branch; None if there is nothing to be merged."""
    forge = claim.context.outside.manifest_forge
    known = forge.find_pull_request(place.repository, head=head.branch, base=place.branch)
    if joint.theirs:
        _leave_it_to_them(claim, head, joint, known)
        return None
    if not joint.parts:
        if known is not None:
            close_in_words(claim.context, place.repository, known.number, "Nothing is left in it.", run_id=claim.run.id)
        _tell(claim, joint, None)
        return None
    draft = _draft(claim, place, head, joint, known)
    leads = joint.parts[0].member.run.id
    with claim.context.store.begin() as tx:
        stay_alone(tx, claim, head)
    if known is None:
        on = forge.open_pull_request(place.repository, draft)
    else:
        on = forge.update_pull_request(place.repository, known.number, draft)
    with claim.context.store.begin() as tx:
        keep_given(tx, claim, place.repository, draft, on)
        proposals.update(tx, place.repository, on.number, run_id=leads, together=True)
    _tell(claim, joint, on)
    return on


def _draft(claim: Claim, place: Place, head: Place, joint: Joint, known: PullRequest | None) -> PullRequestDraft:
    environment = claim.run.environment
    parts = list(_parts(claim, joint))
    title = group_title(environment, parts)
    theirs = known is not None and not is_our_title(known.title, known.body)
    out = [(run.application, words) for run, words in joint.membership.out]
    kept = known.title if known is not None and theirs else title
    body = group_body(environment, parts, out, _gates(claim, joint))
    return draft_of(claim, place, head, kept, body, known, _policy(joint))


def _policy(joint: Joint) -> PullRequestPolicy:
    """Give what all want the pull request to be given; the milestone of the first that names one."""
    every = [part.member.claim.target.pull_request for part in joint.parts]
    return PullRequestPolicy(
        tuple(dict.fromkeys(one for policy in every for one in policy.reviewers)),
        tuple(dict.fromkeys(one for policy in every for one in policy.labels)),
        tuple(dict.fromkeys(one for policy in every for one in policy.assignees))[:MOST_ASSIGNEES],
        next((policy.milestone for policy in every if policy.milestone), ""),
    )


def _gates(claim: Claim, joint: Joint) -> Sequence[Row] | None:
    """Give the gates of all as they were judged last; None if no application in it has gates."""
    if not any(part.member.claim.target.gates for part in joint.parts):
        return None
    with claim.context.store.read() as tx:
        return worst_of(kept_rows(tx, [part.member.run.id for part in joint.parts]))


def _parts(claim: Claim, joint: Joint) -> Iterable[GroupPart]:
    context = claim.context
    with context.store.read() as tx:
        known = changes.of_ids(tx, {part.member.run.change_id for part in joint.parts})
    for part in sorted(joint.parts, key=lambda one: one.member.run.application):
        run = part.member.run
        change, carried = known.get(run.change_id), Carried.read(run.carried)
        asked = change.pull_requests if change is not None else []
        title = asked[0]["title"] if asked else change.subject if change is not None else ""
        yield GroupPart(
            run.application, run.commit, source_page(context, run), title, context.run_url(run.id),
            part.done.changes, carried.words if carried is not None else "", _story(part.member.claim),
        )  # fmt: skip


def _story(claim: Claim) -> ModelStory | None:
    """Tell of a member's model, beside the version that is on the base as it was seen last."""
    if claim.target.model is None:
        return None
    place = place_of(claim.context, claim.target)
    manifests = claim.context.outside.manifests.open(place.repository)
    tip = manifests.last_tip(place.branch)
    return None if tip is None else story_of(claim, manifests, tip)


def _tell(claim: Claim, joint: Joint, on: PullRequest | None) -> None:
    """Note the pull request with each run that is in, let the others go on, and end what is older."""
    context, woken = claim.context, list[RunId]()
    with context.store.begin() as tx:
        for part in joint.parts:
            run = part.member.run
            if on is not None and run.id != claim.run.id and run.pull_request != on.number:
                runs.update(tx, run.id, at=context.now(), pull_request=on.number, pull_request_url=on.url)
        for run in (*joint.membership.leaving, *(one.run for one in joint.said)):
            if run.id == claim.run.id:
                continue
            runs.update(tx, run.id, at=context.now(), pull_request=None, pull_request_url=None)
            edit = edits.of_run(tx, run.id)
            if edit is not None and edit.state in {EditState.PUBLISHED, EditState.PUSHING}:
                edits.update(tx, run.id, state=EditState.PENDING)
            wait = waits.open_of_run(tx, run.id)
            if wait is not None and waits.answer(tx, wait.id, "out of the pull request", at=context.now()):
                woken.append(run.id)
        for run, newer in joint.membership.older:
            words = "a newer release of it is in the pull request of its group"
            transitions.supersede(tx, [run], words, by=newer, at=context.now())
    for run_id in woken:
        enqueue(context, run_id)


def _leave_it_to_them(claim: Claim, head: Place, joint: Joint, known: PullRequest | None) -> None:
    """Fail all that are on the branch in the same words, because a person changed our values there."""
    context, woken = claim.context, list[Run]()
    words = (
        f"{head.branch} has a commit that is not Mergeport's and changes what it wrote ({joint.tip[:12]}), so it is "
        "left alone. Merge its pull request, or delete the branch, then retry the runs."
    )
    if known is not None:
        say(context, head.repository, known.number, words, run_id=claim.run.id)
    with context.store.begin() as tx:
        for member in joint.membership.members:
            edits.update(tx, member.run.id, state=EditState.REFUSED, message=words, code="branch-edited")
            wait = waits.open_of_run(tx, member.run.id)
            if wait is not None and waits.answer(tx, wait.id, "edited", at=context.now()):
                woken.append(member.run)
    for run in woken:
        enqueue(context, run.id)
