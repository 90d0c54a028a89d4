"""Looks at Argo CD for the runs that wait to be live: one list call for all of them, each judged by itself."""

from __future__ import annotations

from service.core.deployment import Standing, Verdict, VerdictKind, judge
from service.core.words import Sha, WaitKind
from service.errors import MergeportError
from service.pipeline.build.build_stage import images_of
from service.pipeline.context import Context
from service.pipeline.deploy.deploy_stage import answer_of
from service.pipeline.manifest.place import Place, has_images, place_of, wanted_edits
from service.pipeline.runs.looks import Answers, Isolated, run_of, saw
from service.ports import Observation
from service.store import edits, waits
from service.store.runs import Run
from service.store.waits import Wait

_MOST_STANDINGS = 4


def look_at_deployer(context: Context, key: str) -> Answers:
    """Answer the waits whose revision is live, overtaken or failed."""
    deployer = context.outside.deployer
    if deployer is None:
        return {}
    with context.store.read() as tx:
        waiting = waits.open_at(tx, WaitKind.SYNC, key)
    observed = deployer.look({wait.subject for wait in waiting})
    answers: dict[Wait, str] = {}
    tips = _Tips(context)
    with Isolated(context) as isolated:
        for wait in waiting:
            observation = observed.get(wait.subject)
            if observation is None:
                saw(context, wait, f"Argo CD does not list {wait.subject}")
                continue
            with isolated.one(wait, {}):
                verdict = _judge(context, wait, observation, tips)
                if verdict is None or verdict.kind in {VerdictKind.WAITING, VerdictKind.ASK}:
                    saw(context, wait, verdict.reason if verdict else wait.last_seen)
                else:
                    answers[wait] = answer_of(verdict)
    return answers


class _Tips:
    """The tips of manifest branches, asked once a look: also that one could not be had, so that it hangs once."""

    def __init__(self, context: Context) -> None:
        self._context = context
        self._known: dict[Place, Sha | MergeportError | None] = {}

    def of(self, place: Place) -> Sha | None:
        if place not in self._known:
            try:
                self._known[place] = self._context.outside.manifests.open(place.repository).fetch(place.branch)
            except MergeportError as error:
                self._known[place] = error
        known = self._known[place]
        if isinstance(known, MergeportError):
            raise known
        return known


def _judge(context: Context, wait: Wait, observation: Observation, tips: _Tips) -> Verdict | None:
    run = run_of(context, wait.run_id)
    if run is None or run.manifest_commit is None:
        return None
    with context.store.read() as tx:
        edit = edits.of_run(tx, run.id)
        since = next(one.created_at for one in waits.of_run(tx, run.id) if one.kind is WaitKind.SYNC)
    changed = run.pull_request is not None or bool(edit and edit.diff)
    waited = (context.now() - since).total_seconds()
    standings: dict[Sha, Standing] = {}
    for _ in range(_MOST_STANDINGS):
        verdict = judge(
            observation,
            commit=run.manifest_commit,
            standings=standings,
            waited=waited,
            changed=changed,
            images=tuple(images_of(run).values()),
        )
        if verdict.kind is not VerdictKind.ASK or verdict.revision is None:
            return verdict
        standings[verdict.revision] = _standing(context, run, verdict.revision, tips)
    return verdict


def _standing(context: Context, run: Run, revision: Sha, tips: _Tips) -> Standing:
    """Tell where a live revision stands towards the run's manifest commit, as git has it."""
    target = context.configurations.at(run.configuration_commit).target(run.application, run.environment)
    if target is None or run.manifest_commit is None:
        return Standing.BEFORE
    place = place_of(context, target)
    manifests = context.outside.manifests.open(place.repository)
    tip = tips.of(place)
    if tip is None or revision not in manifests.ancestors(tip, {revision}):
        return Standing.BEFORE
    if run.manifest_commit not in manifests.ancestors(revision, {run.manifest_commit}):
        return Standing.BEFORE
    return Standing.KEEPS if has_images(manifests, revision, wanted_edits(run, target)) else Standing.REPLACES
