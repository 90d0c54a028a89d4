"""What the state keeps from being promoted: judged right before a push, and again whenever the state changes.

Called by who writes promotions, by the watches and by the actions. What is in the way is told in words; a block fails a
run, and everything else lets it wait without a deadline.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.core.changes import PROMOTION_BRANCHES
from service.core.state import Block, Hold, State, in_the_way, told
from service.core.words import Repository, RunId, WaitKind
from service.errors import MergeportError, PermanentError
from service.pipeline.context import Context
from service.pipeline.manifest.outcomes import enqueue
from service.pipeline.manifest.place import is_shared
from service.pipeline.manifest.state.remembered import in_force
from service.pipeline.manifest.state.state_reading import known_trouble, look_at_state
from service.pipeline.runs.claim import candidate_of
from service.pipeline.runs.looks import Answers
from service.store import edits, manifest_states, overrides, runs, waits
from service.store.manifest_states import KnownState
from service.store.runs import Run
from service.store.waits import Wait


@dataclass(frozen=True, slots=True)
class Closed:
    """Why a run may not be promoted now.

    `until` is when something of it opens by itself; None where only a change of the state can open it. `refusal` is set
    where waiting does not help.
    """

    words: str
    until: datetime | None = None
    refusal: PermanentError | None = None


def closed(
    state: State, trouble: MergeportError | None, run: Run, now: datetime, *, opened: frozenset[str] = frozenset()
) -> Closed | None:
    """Tell why a run may not be promoted; None if nothing is in the way.

    `opened` names the gates that a person has opened for its release; nobody opens a block.
    """
    if trouble is not None:
        return Closed(f"nothing is promoted: {trouble}")
    candidate = candidate_of(run)
    there = in_the_way(state, candidate, now)
    found = [entry for entry in there if isinstance(entry, Block) or entry.subject[0] not in opened]
    if run.rollback is not None:  # it is deliberate: a hold refuses automatic promotions
        found = [entry for entry in found if not isinstance(entry, Hold)]
    if not found:
        return None
    words = "; ".join(told(entry, now) for entry in found[:3])
    if isinstance(found[0], Block):
        hint = f"nothing promotes it until `mergeport unblock {found[0].value}`"
        return Closed(words, refusal=PermanentError(told(found[0], now), code="blocked", hint=hint))
    return Closed(words, min((at for entry in found if (at := entry.placed.until) is not None), default=None))


def shown_only(branch: str) -> frozenset[str]:
    """Name what does not keep a run from writing to a branch: a lock lets a pull request open, and is shown on it.

    It keeps an application out of a pull request that others share, so that theirs can be merged without it.
    """
    return frozenset({"lock"}) if branch.startswith(PROMOTION_BRANCHES) and not is_shared(branch) else frozenset()


def closed_by(
    known: KnownState | None, run: Run, now: datetime, *, opened: frozenset[str] = frozenset()
) -> Closed | None:
    """Tell why a run may not be promoted, by the state as it was last read."""
    return None if known is None else closed(in_force(known), known_trouble(known), run, now, opened=opened)


def look_at_gates(context: Context, key: str) -> Answers:
    """Read the state once for all runs that wait for it, and answer those that nothing is in the way of any more."""
    repository = Repository(key)
    look_at_state(context, repository)
    wake(context, repository)
    return {}


def wake(context: Context, repository: Repository) -> None:
    """Judge all runs that wait for a repository's state by what was read last, and queue those that may go on."""
    woken: list[RunId] = []
    with context.store.begin() as tx:
        known = manifest_states.hold(tx, repository)
        waiting = waits.open_at(tx, WaitKind.GATE, repository.key)
        there = runs.some(tx, [wait.run_id for wait in waiting]) if waiting else {}
        opened, branches = overrides.of_runs(tx, there.values()), edits.branches_of(tx, there)
        for wait in waiting:
            run = there.get(wait.run_id)
            gates = overrides.gates_open(opened, wait.run_id) | shown_only(branches.get(wait.run_id, ""))
            now_closed = closed_by(known, run, context.now(), opened=gates) if run is not None else None
            if now_closed is None or now_closed.refusal is not None:
                text = now_closed.words if now_closed is not None else "open"
                woken += [wait.run_id] if waits.answer(tx, wait.id, text, at=context.now()) else []
            elif wait.last_seen != now_closed.words:
                waits.saw(tx, wait.id, now_closed.words)
    for run_id in woken:
        enqueue(context, run_id)


def wake_earlier(context: Context, run: Run, opened: Wait) -> None:
    """Answer the waits of earlier runs for the same thing, so that they see that a later change waits now."""
    woken: list[RunId] = []
    with context.store.begin() as tx:
        same = [wait for wait in waits.open_at(tx, WaitKind.GATE, opened.key) if wait.subject == opened.subject]
        there = runs.some(tx, [wait.run_id for wait in same])
        for wait in same:
            if there[wait.run_id].sequence < run.sequence:
                text = f"a later change waits: {run.commit[:12]}"
                woken += [wait.run_id] if waits.answer(tx, wait.id, text, at=context.now()) else []
    for run_id in woken:
        enqueue(context, run_id)
