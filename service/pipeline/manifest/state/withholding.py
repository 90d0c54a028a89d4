"""Keeps back what the state or a gate does not let in; both are read for each push, while the branch's lease is held.

Called by the pushes of commits and of promotion branches. An edit that is kept back is settled; its run waits for the
gate, and asks to be written again when nothing is in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime

from service.core.changes import PROMOTION_BRANCHES
from service.core.gates.gate_table import closed_in_words
from service.core.words import EditState, Repository, WaitKind
from service.errors import PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.collect import Branch
from service.pipeline.manifest.outcomes import Made, refuse, settle_aside
from service.pipeline.manifest.state.gates import Closed, closed, closed_by, shown_only, wake_earlier
from service.pipeline.manifest.state.state_reading import Seen, look_at_state
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Pause, Stale, is_ours, wait_for
from service.store import Transaction, edits, judgements, manifest_states, overrides, runs, waits
from service.store.edits import Edit
from service.store.judgements import KeptJudgement
from service.store.runs import Run

MOST_TRIES = 20

KeptBack = Sequence[tuple[Edit, Closed]]


def kept_back(branch: Branch, made: Sequence[Made], seen: Seen) -> KeptBack:
    """Give the edits that the state or their gates do not let in; one that changes nothing may always go in."""
    written = [one.edit for one in made if one.rewrite.files]
    if not written:
        return []
    context, now = branch.context, branch.context.now()
    with context.store.read() as tx:
        judged = judgements.of_runs(tx, [edit.run_id for edit in written])
    found = {kept.run_id: why for kept in judged if (why := _closed_since(kept, now)) is not None}
    if seen.state.entries or seen.trouble is not None:
        with context.store.read() as tx:
            known = runs.some(tx, [edit.run_id for edit in written])
            opened = overrides.of_runs(tx, known.values())
        for run in known.values():
            gates = overrides.gates_open(opened, run.id)
            if (why := closed(seen.state, seen.trouble, run, now, opened=gates)) is not None:
                found[run.id] = why
    return [(edit, found[edit.run_id]) for edit in written if edit.run_id in found]


def _closed_since(kept: KeptJudgement, now: datetime) -> Closed | None:
    """Tell which configured gates of a run have closed since it asked to be written, or must be asked again first.

    Another run may write it, minutes later: it waits for its turn, for the branch's window, or for its gates again.
    """
    if words := closed_in_words(kept.gates):
        return Closed(words)
    return Closed("its gates are asked again first") if kept.next_at <= now else None


def put_back(branch: Branch, kept: KeptBack) -> None:
    """Settle the edits that are kept back; a blocked one is refused."""
    for edit, why in kept:
        if why.refusal is not None:
            refuse(branch, [edit], why.refusal)
        else:
            settle_aside(branch, edit, EditState.WITHHELD, why.words)


def written_when_open(claim: Claim, repository: Repository, write: Callable[[], Edit]) -> Edit:
    """Write the run's edit, or raise the Pause in which it waits until nothing is in the way."""
    for _ in range(MOST_TRIES):
        if claim.new:
            claim.new = False  # it has no edit that could be kept back, but the write makes one
        else:
            _ask_again(claim, repository)
        edit = write()
        if edit.state is not EditState.WITHHELD:
            return edit
    raise RetryableError("the state changes as fast as it is read", code="state-moving", retry_after=1.0)


def require_open(claim: Claim, repository: Repository) -> None:
    """Read the state right before a run pushes its own branch; raise the Pause, or the refusal, if it is closed.

    A run that has its pull request goes on: what people see there is only brought onto the newest base. A lock keeps no
    pull request from opening: its gate is closed there.
    """
    context = claim.context
    if claim.run.pull_request is not None:
        return
    seen = look_at_state(context, repository)
    with context.store.read() as tx:
        opened = _opened(tx, claim.run)
    why = closed(seen.state, seen.trouble, claim.run, context.now(), opened=opened)
    if why is not None:
        with context.store.begin() as tx:
            edits.settle(tx, claim.run.id, state=EditState.WITHHELD, message=why.words, commit=None, expected=None)
        _ask_again(claim, repository)


def _ask_again(claim: Claim, repository: Repository) -> None:
    """Make an edit that was kept back pending again if nothing is in the way now, else open the run's wait.

    The state's row is locked meanwhile, so whoever changes the state either is seen here, or sees the wait.
    """
    context, run = claim.context, claim.run
    pause, refusal = None, None
    with context.store.read() as tx:
        if not _is_withheld(tx, run):
            return
    with context.store.begin() as tx:
        if not _is_withheld(tx, run):
            return
        known = manifest_states.hold(tx, repository)
        if not is_ours(tx, run):
            raise Stale
        why = closed_by(known, run, context.now(), opened=_opened(tx, run))
        kept = judgements.of_run(tx, run.id)
        if why is None and kept is not None and _by_commit(tx, run) and _closed_since(kept, context.now()):
            raise RetryableError("its gates are asked again first", code="edit-pending", retry_after=1.0)
        if why is None:
            edits.update(tx, run.id, state=EditState.PENDING, message="")
        elif (refusal := why.refusal) is not None:
            edits.update(tx, run.id, state=EditState.REFUSED, message=str(refusal), code=refusal.code)
        else:
            pause = _wait(context, run, repository, why)
            waits.open_wait(tx, pause.wait)
    if pause is not None:
        wake_earlier(context, run, pause.wait)
    if refusal is not None:
        raise PermanentError(refusal.message, code=refusal.code, hint=refusal.hint)
    if pause is not None:
        raise pause


def _opened(tx: Transaction, run: Run) -> frozenset[str]:
    """Name the gates that do not keep the run from writing where it is about to write."""
    gates = overrides.gates_open(overrides.of_runs(tx, [run]), run.id)
    return gates | shown_only(edits.branches_of(tx, [run.id]).get(run.id, ""))


def _by_commit(tx: Transaction, run: Run) -> bool:
    return not edits.branches_of(tx, [run.id]).get(run.id, "").startswith(PROMOTION_BRANCHES)


def _is_withheld(tx: Transaction, run: Run) -> bool:
    edit = edits.of_run(tx, run.id)
    return edit is not None and edit.state is EditState.WITHHELD


def _wait(context: Context, run: Run, repository: Repository, why: Closed) -> Pause:
    """Make the wait. It has no deadline; if an entry ends by itself, that is the time to look again."""
    subject = f"{run.application}/{run.environment}"
    wait = wait_for(context, run, WaitKind.GATE, key=repository.key, subject=subject, saw=why.words)
    return Pause(replace(wait, deadline=why.until), opened=True)
