"""Collects what is known of one run, from the store alone: why it is not live, and the way that it has gone so far.

Called by the page of a run and by `mergeport why-not`. It asks nobody outside and changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from service.core.asked import Answer, BuildFacts, Case, GateRow, LiveFacts, Other, RunFacts, WaitFacts, why_not
from service.core.deployment import Doubt, Past, Progress, past_from
from service.core.order import Relation
from service.core.state import Block, Entry, in_the_way
from service.core.words import BuildState, Repository, RunState, WaitKind
from service.pipeline.manifest.state.remembered import in_force
from service.pipeline.runs.claim import candidate_of
from service.store import (
    Transaction,
    ancestry,
    builds,
    deployments,
    edits,
    judgements,
    manifest_states,
    overrides,
    runs,
    sightings,
    steps,
    successions,
    waits,
)
from service.store.builds import Build
from service.store.deployments import Deployment
from service.store.runs import Run
from service.store.waits import Wait

_CONTAINS = frozenset({Relation.AHEAD, Relation.IDENTICAL})
_UNDER_WAY = frozenset({"running", "waiting", "retrying"})
_STATE_KEY = "/"
"""What the key of a wait for a repository's state contains, and the key of one for gates does not."""


@dataclass(frozen=True, slots=True)
class Passed:
    """One thing that happened to a run, with when."""

    at: datetime
    words: str


def answer_of(tx: Transaction, run: Run, now: datetime, *, manifests: Repository | None = None) -> Answer:
    """Tell why a run's release is not live; `manifests` is where its values files are, if that is known."""
    return why_not(case_of(tx, run, now, manifests=manifests))


def case_of(
    tx: Transaction, run: Run, now: datetime, *, manifests: Repository | None = None, follow: bool = True
) -> Case:
    """Collect what is known of a run; with `follow`, also of the run that superseded it."""
    wait = waits.open_of_run(tx, run.id)
    kept = judgements.of_run(tx, run.id)
    past = past_from(sightings.of_runs(tx, [run.id]).get(run.id))
    entries, doubt = _state(tx, run, wait, now, manifests)
    deployment = next(iter(deployments.of_run(tx, run.id)), None)
    return Case(
        now=now,
        run=_run(run),
        wait=_wait(wait),
        builds=tuple(_build(build) for build in builds.of_run(tx, run.id)),
        step=_step(tx, run),
        gates=tuple(GateRow(*row) for row in kept.gates) if kept is not None else (),
        entries=entries,
        doubt=doubt,
        live=_live(deployment),
        instead=_instead(tx, run, deployment),
        successor=_successor(tx, run, now) if follow and run.state is RunState.SUPERSEDED else None,
        degraded=_is_degraded(past),
        gives_up_at=past.gives_up_at,
        proposed_since=_proposed_since(tx, run),
    )


def way_of(tx: Transaction, run: Run) -> list[Passed]:
    """Tell what happened to a run so far, oldest first."""
    return sorted(_passed(tx, run), key=lambda one: one.at)


def _passed(tx: Transaction, run: Run) -> Iterator[Passed]:
    yield Passed(run.created_at, f"run {run.id} was accepted for {run.commit[:12]} on {run.branch}")
    for step in steps.of_run(tx, run.id):
        said = f": {step.message}" if step.message else ""
        yield Passed(step.ended_at or step.started_at, f"{step.stage}: {step.name} {step.state}{said}")
    for one in deployments.of_run(tx, run.id):
        yield Passed(one.since, "it became live")
        if one.until is not None:
            yield Passed(one.until, f"it was no longer live: {one.ended_by}")
    if run.ended_at is not None:
        yield Passed(run.ended_at, f"the run ended: {run.state}{': ' + run.message if run.message else ''}")


def _run(run: Run) -> RunFacts:
    return RunFacts(
        id=run.id, application=run.application, environment=run.environment, commit=run.commit, state=run.state,
        stage=run.stage, code=run.code, message=run.message, accepted=run.created_at, ended=run.ended_at,
        pull_request=run.pull_request, pull_request_url=run.pull_request_url, manifest_commit=run.manifest_commit,
        cancelled_by=run.cancel_requested_by,
    )  # fmt: skip


def _wait(wait: Wait | None) -> WaitFacts | None:
    if wait is None:
        return None
    until = wait.not_before if wait.kind is WaitKind.RETRY else wait.deadline
    on_state = wait.kind is WaitKind.GATE and _STATE_KEY in wait.key
    return WaitFacts(wait.kind, wait.last_seen, wait.created_at, until, wait.subject, on_state)


def _build(build: Build) -> BuildFacts:
    asked = build.state is not BuildState.STARTED or build.asked_at is not None
    return BuildFacts(build.reference, build.state, build.message, build.started_at or build.created_at, asked)


def _step(tx: Transaction, run: Run) -> str:
    found = [one for one in steps.of_run(tx, run.id) if one.state in _UNDER_WAY]
    return found[-1].name if found and not run.state.ended else ""


def _live(deployment: Deployment | None) -> LiveFacts | None:
    if deployment is None:
        return None
    return LiveFacts(
        deployment.since, deployment.healthy_since, deployment.health, deployment.argocd_application is not None,
        deployment.until, deployment.ended_by, deployment.by_us,
    )  # fmt: skip


def _instead(tx: Transaction, run: Run, deployment: Deployment | None) -> Other | None:
    """Give what is live in the run's place; for a run that was never seen live, only what was accepted later."""
    live = deployments.live(tx, run.application, run.environment)
    other = runs.get(tx, live.run_id) if live is not None and live.run_id != run.id else None
    if live is None or other is None or (deployment is None and other.sequence < run.sequence):
        return None
    return Other(other.id, other.commit, _contains(tx, run, other), live.since)


def _contains(tx: Transaction, run: Run, other: Run) -> bool | None:
    if other.repository != run.repository:
        return None
    relation = ancestry.relation(tx, run.repository, run.commit, other.commit)
    return None if relation is None else relation in _CONTAINS


def _successor(tx: Transaction, run: Run, now: datetime) -> Other | None:
    last = successions.last_of_chain(tx, run, {})
    if last is None:
        last = runs.get(tx, run.superseded_by) if run.superseded_by else None
    if last is None:
        return None
    live = next((one for one in deployments.of_run(tx, last.id) if one.until is None), None)
    words = why_not(case_of(tx, last, now, follow=False)).words
    return Other(last.id, last.commit, _contains(tx, run, last), live.since if live else None, words)


def _state(
    tx: Transaction, run: Run, wait: Wait | None, now: datetime, manifests: Repository | None
) -> tuple[tuple[Entry, ...], str]:
    """Give what of mergeport/state is in the run's way, and what is wrong with the state itself, as last read."""
    edit = edits.of_run(tx, run.id)
    where = manifests or (edit.repository if edit is not None else None)
    if where is None and wait is not None and wait.kind is WaitKind.GATE and _STATE_KEY in wait.key:
        where = Repository(wait.key)
    candidate = candidate_of(run)
    opened = {one.gate for one in overrides.of_run(tx, run)}
    entries: dict[tuple[str, ...], Entry] = {}
    doubt = ""
    for known in manifest_states.all_known(tx):
        if where is not None and known.repository != where:
            continue
        doubt = doubt or (known.words if known.trouble else "")
        there = in_the_way(in_force(known), candidate, now)
        entries |= {one.subject: one for one in there if isinstance(one, Block) or one.subject[0] not in opened}
    return tuple(entries.values()), doubt


def _is_degraded(past: Past) -> bool:
    return past.doubt is Doubt.DEGRADED or past.progress is Progress.LIVE


def _proposed_since(tx: Transaction, run: Run) -> datetime | None:
    opened = (wait.created_at for wait in waits.of_run(tx, run.id) if wait.kind is WaitKind.PULL_REQUEST)
    return min(opened, default=None)
