"""How a run's status shows it now: a run stays as it ended, but what it brought may be repaired or taken back.

Called where statuses are wanted, in the caller's transaction. Changes no run.
"""

from __future__ import annotations

from dataclasses import replace

from service.core.models import is_model
from service.core.order import Relation
from service.core.words import RunState
from service.store import Transaction, ancestry, deployments, successions
from service.store.deployments import IMAGE_GONE, Deployment
from service.store.runs import Run

_CONTAINS = frozenset({Relation.AHEAD, Relation.IDENTICAL})


def as_shown(tx: Transaction, run: Run, deployment: Deployment | None, known: successions.Known) -> Run:
    """Give a run with the state and the words that its commit status shows.

    A superseded run is a *success* only if the run that superseded it is live and contains its commit. Until then it
    has the state of that run: under way, failed, or cancelled.
    """
    if run.state is not RunState.SUPERSEDED:
        return _as_it_is_live(run, deployment)
    last = successions.last_of_chain(tx, run, known)
    if last is None:
        return replace(run, state=RunState.CANCELLED, message=f"not live by itself: {run.message}")
    short = last.commit[:12]
    last = _as_it_is_live(last, deployments.newest_of_runs(tx, [last.id]).get(last.id))
    if not last.state.ended:
        # The words stay the same while the newer one goes on or is superseded itself, because each change costs a
        # request.
        return replace(run, state=RunState.WAITING, message=f"the newer one is under way: {run.message}")
    if last.state is RunState.FAILED:
        return replace(run, state=RunState.FAILED, message=f"superseded by {short}, which failed: {last.message}")
    if last.state is RunState.CANCELLED:
        words = f"superseded by {short}, which is not live: {last.message}"
        return replace(run, state=RunState.CANCELLED, message=words)
    if is_model(run.repository):
        return replace(run, state=RunState.CANCELLED, message=f"not live: {short} took its place")
    relation = ancestry.relation(tx, run.repository, run.commit, last.commit)
    if last.repository == run.repository and relation in _CONTAINS:
        return replace(run, state=RunState.SUCCEEDED, message=f"live within {short}, which superseded it")
    how = "is not known to contain this commit" if relation is None else "does not contain this commit"
    return replace(run, state=RunState.CANCELLED, message=f"not live: superseded by {short}, which {how}")


def _as_it_is_live(run: Run, deployment: Deployment | None) -> Run:
    if deployment is None:
        return run
    if run.state is RunState.FAILED and deployment.until is None and deployment.healthy_since is not None:
        words = f"live and healthy since {deployment.healthy_since:%Y-%m-%d %H:%M} UTC, after the run had failed"
        return replace(run, state=RunState.SUCCEEDED, message=words)
    if run.state is RunState.SUCCEEDED and deployment.until is None and deployment.health == IMAGE_GONE:
        words = "broken: its image is not in the registry any more, so pods that start anew cannot pull it"
        return replace(run, state=RunState.FAILED, message=words)
    if run.state is RunState.SUCCEEDED and deployment.until is not None and is_model(run.repository):
        return replace(run, state=RunState.CANCELLED, message=f"not live any more: {deployment.ended_by}")
    if run.state is RunState.SUCCEEDED and deployment.by_us is False:
        return replace(run, state=RunState.CANCELLED, message=f"not live any more: {deployment.ended_by}")
    return run
