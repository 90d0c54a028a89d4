"""Tells whose commits the head of a pull request has, and whether it has those of its base, before we merge it.

Called where it is to be merged. Reads rows and git, and writes nothing.
"""

from __future__ import annotations

from service.core.gates import Outcome
from service.core.words import Sha
from service.pipeline.manifest.place import Place, is_shared
from service.pipeline.promote.together.members import Members
from service.ports import MergeState, PullRequest
from service.store import edits, judgements, pull_request_runs

MOST_BESIDE = 200
"""How many commits of a head are looked at beyond those of its members; one that has more has people's."""


def is_ours(members: Members, place: Place, head: Sha) -> bool:
    """Tell whether the head is what we wrote last, with all who are in it and nobody who has left."""
    claim, branch = members.leads, members.branch
    with claim.context.store.read() as tx:
        if is_shared(branch):
            tip = edits.promotion_tip(tx, place.repository, branch)
            left = pull_request_runs.left_behind(tx, place.repository, branch)
            return tip is not None and tip[0] == head and not left
        edit = edits.of_run(tx, claim.run.id)
    return edit is not None and edit.commit == head


def has_peoples(members: Members, place: Place, head: Sha) -> bool:
    """Tell whether a person's commit would be merged with the head, below ours: that nobody of ours has looked at."""
    manifests = members.leads.context.outside.manifests.open(place.repository)
    base, _ = manifests.fetch_all([place.branch, members.branch])
    most = MOST_BESIDE + 2 * len(members.all)
    there = {one.id for one in manifests.history(head, most=most, deepen=True)}
    there -= manifests.ancestors(base, there) if base is not None else set()
    with members.leads.context.store.read() as tx:
        return bool(there - edits.own_among(tx, place.repository, there))


def is_to_be_newest(members: Members, place: Place, pull_request: PullRequest) -> bool:
    """Tell whether only its base's rule, that it be up to date, keeps our head from being merged without a person.

    What the forge says may be old: the head that was made anew on the newest commit is not made anew again.
    """
    if pull_request.merge_state is not MergeState.BEHIND or members.policy.auto_merge is None:
        return False
    context, head = members.leads.context, pull_request.head_sha
    with context.store.read() as tx:
        kept = judgements.of_runs(tx, [one.run.id for one in members.all])
    allowed = [one for one in kept if one.outcome == Outcome.ALLOW]
    if len(allowed) < len(members.all) or not is_ours(members, place, head):
        return False
    manifests = context.outside.manifests.open(place.repository)
    base, _ = manifests.fetch_all([place.branch, members.branch])
    return base is not None and not manifests.ancestors(head, {base}) and not has_peoples(members, place, head)
