"""Tells whose commits the head of a pull request has, before it is merged without a person.

Called where it is to be merged. Reads rows and git, and writes nothing.
"""

from __future__ import annotations

from service.core.words import Sha
from service.pipeline.manifest.place import Place, is_shared
from service.pipeline.promote.together.members import Members
from service.store import edits, pull_request_runs

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
