"""Brings the newest eligible release once the hold of a step back is gone: by `unhold`, by hand, or by its time.

Called by a loop of the worker. A release that waits by itself is woken by the state's own change; this starts the one
that ended when it was gone back from. Releases that were missed in between do not come.
"""

from __future__ import annotations

import structlog

from service.core.words import RunState, Sha
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.deploy.taken_back import has_release
from service.pipeline.manifest.place import place_of
from service.pipeline.manifest.state.remembered import state_of
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.transitions import Wish
from service.store import Transaction, manifest_states, runs, step_backs
from service.store.runs import Run
from service.store.step_backs import KnownStepBack

MOST_RUNS = 200
"""How many of a place's newest runs are searched."""
REVERTED = "reverted"

log = structlog.get_logger()


def bring_back(context: Context) -> None:
    """Start the newest eligible release of each place whose hold is gone."""
    with context.store.read() as tx:
        lifted = [(one, place) for one in step_backs.listed(tx) if (place := _lifted(tx, context, one)) is not None]
    for one, held_anew in lifted:
        try:
            run = None if held_anew else _newest(context, one)
            if run is not None and _stands(context, run):
                run = None
        except MergeportError as error:
            log.warning("a release could not be brought back yet", application=one.application, error=str(error))
            continue
        with context.store.begin() as tx:
            again = _again(tx, context, run) if step_backs.forget(tx, one) and run is not None else None
        if again is not None:
            context.queue.enqueue_run(again)


def _lifted(tx: Transaction, context: Context, one: KnownStepBack) -> bool | None:
    """Tell whether the place is held by another hold now that this one is gone; None while it is there, or in doubt."""
    state = manifest_states.get(tx, one.repository)
    if state is not None and state.trouble:
        return None
    entries = state_of(state.text).entries if state is not None else ()
    in_force = [entry for entry in entries if not entry.placed.over(context.now())]
    if any(entry.placed.id == one.hold_id for entry in in_force):
        return None
    return any(entry.subject == ("hold", one.application, one.environment) for entry in in_force)


def _newest(context: Context, one: KnownStepBack) -> Run | None:
    """Give the newest release that may come again; None if it is under way.

    What failed by itself is not eligible, nor what a person cancelled, nor what something else has superseded.
    """
    with context.store.read() as tx:
        found = runs.newest(tx, limit=MOST_RUNS, application=one.application, environment=one.environment)
    backs = {run.id for run in found if run.rollback is not None}
    for run in found:
        if run.rollback is not None:
            continue
        if not run.state.ended:
            return None
        superseded = run.state is RunState.SUPERSEDED and run.superseded_by in backs
        reverted = run.state is RunState.CANCELLED and run.code == REVERTED
        if run.state is RunState.SUCCEEDED or superseded or reverted:
            return run
    return None


def _stands(context: Context, run: Run) -> bool:
    """Tell whether the values files have the release now; True as well if nothing comes there by itself."""
    target = context.configurations.current().target(run.application, run.environment)
    if target is None or (target.upstream is not None and not target.upstream.automatic):
        return True
    if not is_whole(run):
        return False
    place = place_of(context, target)
    manifests = context.outside.manifests.open(place.repository)
    tip = manifests.fetch(place.branch)
    return tip is None or has_release(manifests, tip, Claim(context, run, target))


def is_whole(run: Run) -> bool:
    """Tell whether all images of a run are known to the digest."""
    return bool(run.images) and all(image.get("digest") for image in run.images.values())


def _again(tx: Transaction, context: Context, old: Run) -> Run | None:
    """Queue the next generation of a release: with its images if it has them, else from its beginning."""
    try:
        configuration = Sha(context.configurations.current().commit)
    except MergeportError:
        configuration = old.configuration_commit
    if not is_whole(old):
        return transitions.accept_anew(tx, old, configuration_commit=configuration, at=context.now())
    wish = Wish(
        change_id=old.change_id, repository=old.repository, branch=old.branch, commit=old.commit,
        application=old.application, environment=old.environment, generation=runs.next_generation(tx, old),
        configuration_commit=configuration,
    )  # fmt: skip
    return transitions.accept_released(tx, old, wish, carried=old.carried, at=context.now())
