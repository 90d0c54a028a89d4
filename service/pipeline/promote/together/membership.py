"""Who is in a pull request that several applications share: the newest run of each that nothing keeps out.

Called where the shared branch is made, and by the watch, which has it made anew when somebody has to leave. Reads rows
and the state of the manifest repository; writes nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.core.words import EditState, RunId, Sha
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.manifest.place import Place, shared_branch, wanted_edits
from service.pipeline.manifest.state.gates import closed
from service.pipeline.manifest.state.state_reading import look_at_state
from service.pipeline.promote.heads import Base
from service.pipeline.runs.claim import Claim, claim_of
from service.pipeline.runs.steps import Cancelled
from service.pipeline.runs.still_wanted import target_in_force
from service.store import edits, overrides, pull_request_runs
from service.store.edits import Edit
from service.store.runs import Run

_IN = frozenset({EditState.PENDING, EditState.PUSHING, EditState.PUBLISHED})


@dataclass(frozen=True, slots=True)
class Member:
    """An application's run, with its edit."""

    edit: Edit
    claim: Claim

    @property
    def run(self) -> Run:
        """The run."""
        return self.claim.run


@dataclass(frozen=True, slots=True)
class Membership:
    """Who is in, in the order of acceptance; who is out, with why; and older runs, each with the newer one."""

    members: tuple[Member, ...]
    out: tuple[tuple[Run, str], ...]
    older: tuple[tuple[Run, RunId], ...]

    @property
    def leaving(self) -> tuple[Run, ...]:
        """Those that are out, and on the pull request still."""
        return tuple(run for run, _ in self.out if run.pull_request is not None)


def read_membership(context: Context, place: Place, head: Place) -> Membership:
    """Read who is in the pull request of a shared branch now.

    Where people have closed the place to all of them, all stay: the pull request shows it, and keeps its reviews. A
    newer run that may not come in yet takes nobody's place.
    """
    with context.store.read() as tx:
        there = pull_request_runs.members(tx, head.repository, head.branch)
        opened = overrides.of_runs(tx, [run for _, run in there])
    newest, taken = {run.application: run.id for _, run in there}, dict[str, RunId]()
    seen = look_at_state(context, place.repository) if there else None
    members, out, older, shut_out = [], [], [], []
    for edit, run in reversed(there):
        waits = newest[run.application] != run.id and run.pull_request is None
        if waits or run.application in taken:
            older.append((run, taken.get(run.application, newest[run.application])))
            continue
        if run.pull_request is not None:
            taken[run.application] = run.id
        gates = overrides.gates_open(opened, run.id)
        trouble = None if run.pull_request is not None or seen is None else seen.trouble
        shut = closed(seen.state, trouble, run, context.now(), opened=gates) if seen is not None else None
        claim, why = _wanted(context, run, head)
        if claim is None or shut is not None or edit.state not in _IN:
            out.append((run, shut.words if shut is not None else why or edit.message))
            if claim is not None and edit.state in _IN and run.pull_request is not None:
                shut_out.append(Member(edit, claim))
        else:
            taken[run.application] = run.id
            members.append(Member(edit, claim))
    for found in (members, out, older, shut_out):
        found.reverse()
    if shut_out and not members:
        stay = {one.run.id for one in shut_out}
        return Membership(tuple(shut_out), tuple(one for one in out if one[0].id not in stay), tuple(older))
    return Membership(tuple(members), tuple(out), tuple(older))


def _wanted(context: Context, run: Run, head: Place) -> tuple[Claim | None, str]:
    """Give the run with its target; None with words if it is to end, or has its place elsewhere by now."""
    if run.cancel_requested_by is not None:
        return None, "it is cancelled"
    try:
        claim = claim_of(context, run)
        _, target = target_in_force(claim)
    except (Cancelled, MergeportError) as error:
        return None, str(error)
    return (claim, "") if shared_branch(target) == head.branch else (None, "it is not in the group any more")


def has_to_change(context: Context, place: Place, head: Place, at: Base, head_sha: Sha) -> bool:
    """Tell whether a shared pull request is to be made anew: somebody leaves, or the base moved under it."""
    with context.store.read() as tx:
        if pull_request_runs.left_behind(tx, head.repository, head.branch):
            return True
        tip = edits.promotion_tip(tx, head.repository, head.branch)
    found = read_membership(context, place, head)
    if found.leaving or found.older:
        return True
    on = [one for one in found.members if one.run.pull_request is not None]
    moved = [one for one in on if one.edit.base != at.tip]
    ours = tip is not None and tip[0] == head_sha
    for one in moved if ours else ():
        since = one.edit.base
        if since is None or not at.has({since}) or not at.fits(wanted_edits(one.run, one.claim.target), since):
            return True
    if not ours:
        return not all(at.says(head_sha, wanted_edits(one.run, one.claim.target)) for one in on)
    if moved:
        with context.store.begin() as tx:
            for one in moved:
                edits.update(tx, one.run.id, base=at.tip)
    return False
