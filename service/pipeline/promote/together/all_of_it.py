"""Opens or updates the pull request that several applications share, and tells each run of it.

Called by the run that has the branch's lease, after its push. Those that are not in any more go on by themselves.
"""

from __future__ import annotations

from service.core.config.shared_policy import policy_of_all
from service.core.words import EditState, RunId
from service.pipeline.manifest.offer_text import Brought, Sharing, pull_request_text
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.manifest.place import Place, rewrite_at, wanted_edits
from service.pipeline.manifest.promotion_text import Changes
from service.pipeline.promote.closing import close_in_words, say
from service.pipeline.promote.given import draft_of, keep_given
from service.pipeline.promote.promotion_branch import stay_alone
from service.pipeline.promote.together.shared_branch import Joint, Part
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import Claim
from service.ports import Manifests, PullRequest
from service.store import edits, judgements, proposals, runs, waits
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
    policy = policy_of_all([part.member.claim.target.pull_request for part in joint.parts])
    draft = draft_of(claim, place, head, _text(claim, place, head, joint, known), known, policy)
    leads = joint.parts[0].member.run.id
    with claim.context.store.begin() as tx:
        stay_alone(tx, claim, head)
    if known is None:
        on = forge.open_pull_request(place.repository, draft)
    else:
        on = forge.update_pull_request(place.repository, known.number, draft)
    with claim.context.store.begin() as tx:
        keep_given(tx, claim, place.repository, draft, on, policy)
        proposals.update(tx, place.repository, on.number, run_id=leads, together=True)
        judgements.ask_again(tx, at=claim.context.now(), run_ids=[leads])
    _tell(claim, joint, on)
    return on


def _text(claim: Claim, place: Place, head: Place, joint: Joint, known: PullRequest | None) -> tuple[str, str]:
    """Give title and body, with all that its members bring to the base."""
    manifests = claim.context.outside.manifests.open(place.repository)
    every = [
        Brought(one.member.claim, joint.base, one.commit, one.done.changes or _beside(manifests, joint, one))
        for one in sorted(joint.parts, key=lambda one: one.member.run.application)
    ]
    out = tuple((run.application, words) for run, words in joint.membership.out)
    commits = f"{claim.context.outside.manifest_forge.web_url(place.repository)}/commits/{head.branch}"
    return pull_request_text(place, every, known, sharing=Sharing(out, commits))


def _beside(manifests: Manifests, joint: Joint, part: Part) -> Changes:
    """Give what a member changes of the base where people's commits have its values already."""
    return rewrite_at(manifests, joint.base, wanted_edits(part.member.run, part.member.claim.target)).changes


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
