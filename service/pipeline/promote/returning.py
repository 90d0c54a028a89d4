"""Brings the newest eligible release once the hold of a step back is gone: by `unhold`, by hand, or by its time.

Called by a loop of the worker. A release that waits by itself is woken by the state's own change; this starts the one
that ended when it was gone back from. Releases that were missed in between do not come.
"""

from __future__ import annotations

from service.core.words import RunState, Sha
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.manifest.state.state_reading import state_of
from service.pipeline.promote.downstream import digests_of
from service.pipeline.runs import transitions
from service.pipeline.runs.transitions import Wish
from service.store import Transaction, deployments, manifest_states, runs, step_backs
from service.store.runs import Run
from service.store.step_backs import KnownStepBack

MOST_RUNS = 200
"""How many of a place's newest runs are searched."""
REVERTED = "reverted"


def bring_back(context: Context) -> None:
    """Start the newest eligible release of each place whose hold is gone."""
    with context.store.read() as tx:
        known = step_backs.listed(tx)
    for one in known:
        with context.store.begin() as tx:
            run = _lifted(tx, context, one)
        if run is not None:
            context.queue.enqueue_run(run)


def _lifted(tx: Transaction, context: Context, one: KnownStepBack) -> Run | None:
    """Start the release if the hold is gone, and forget the step back; None while it is held or in doubt."""
    state = manifest_states.get(tx, one.repository)
    if state is not None and state.trouble:
        return None
    entries = state_of(state.text).entries if state is not None else ()
    if any(entry.placed.id == one.hold_id and not entry.placed.over(context.now()) for entry in entries):
        return None
    subject = ("hold", one.application, one.environment)
    held_anew = any(entry.subject == subject and not entry.placed.over(context.now()) for entry in entries)
    if not step_backs.forget(tx, one) or held_anew:
        return None
    newest = _newest(tx, one.application, one.environment)
    return None if newest is None else _again(tx, context, newest)


def _newest(tx: Transaction, application: str, environment: str) -> Run | None:
    """Give the newest release that may come again; None if it is under way, or there.

    What failed by itself is not eligible, nor what a person cancelled, nor what something else has superseded.
    """
    found = runs.newest(tx, limit=MOST_RUNS, application=application, environment=environment)
    backs = {run.id for run in found if run.rollback is not None}
    for run in found:
        if run.rollback is not None:
            continue
        if not run.state.ended:
            return None
        superseded = run.state is RunState.SUPERSEDED and run.superseded_by in backs
        reverted = run.state is RunState.CANCELLED and run.code == REVERTED
        if run.state is RunState.SUCCEEDED or superseded or reverted:
            live = deployments.live(tx, application, environment)
            there = runs.get(tx, live.run_id) if live is not None else None
            return None if there is not None and run.images and digests_of(there) == digests_of(run) else run
    return None


def _again(tx: Transaction, context: Context, old: Run) -> Run | None:
    """Queue the next generation of a release: with its images if it has them, else from its beginning."""
    try:
        configuration = Sha(context.configurations.current().commit)
    except MergeportError:
        configuration = old.configuration_commit
    if not old.images or not all(image.get("digest") for image in old.images.values()):
        return transitions.accept_anew(tx, old, configuration_commit=configuration, at=context.now())
    wish = Wish(
        change_id=old.change_id, repository=old.repository, branch=old.branch, commit=old.commit,
        application=old.application, environment=old.environment, generation=runs.next_generation(tx, old),
        configuration_commit=configuration,
    )  # fmt: skip
    return transitions.accept_released(tx, old, wish, at=context.now())
