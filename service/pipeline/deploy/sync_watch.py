"""Looks at Argo CD for the runs that wait to be live: one list call for all of them, each judged by itself."""

from __future__ import annotations

from service.core.deployment import Standing, Verdict, VerdictKind, judge
from service.core.words import Sha, WaitKind
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.deploy.deploy_stage import answer_of
from service.pipeline.manifest.place import Place, has_images, place_of, wanted_edits
from service.pipeline.runs.claim import Claim, images_of, read_claim
from service.pipeline.runs.looks import Answers, Isolated, saw
from service.ports import Observation
from service.store import edits, waits
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
    claim = read_claim(context, wait.run_id)
    if claim is None or claim.run.manifest_commit is None:
        return None
    run = claim.run
    with context.store.read() as tx:
        edit = edits.of_run(tx, run.id)
        since = next(one.created_at for one in waits.of_run(tx, run.id) if one.kind is WaitKind.SYNC)
    changed = run.pull_request is not None or bool(edit and edit.diff)
    waited = (context.now() - since).total_seconds()
    standings: dict[Sha, Standing] = {}
    for _ in range(_MOST_STANDINGS):
        verdict = judge(
            observation,
            commit=claim.run.manifest_commit,
            standings=standings,
            waited=waited,
            changed=changed,
            images=tuple(images_of(run).values()),
        )
        if verdict.kind is not VerdictKind.ASK or verdict.revision is None:
            return verdict
        standings[verdict.revision] = _standing(claim, verdict.revision, tips)
    return verdict


def _standing(claim: Claim, revision: Sha, tips: _Tips) -> Standing:
    """Tell where a live revision stands towards the run's manifest commit, as git has it."""
    commit = claim.run.manifest_commit
    place = place_of(claim.context, claim.target)
    manifests = claim.context.outside.manifests.open(place.repository)
    tip = tips.of(place)
    if commit is None or tip is None or revision not in manifests.ancestors(tip, {revision}):
        return Standing.BEFORE
    if commit not in manifests.ancestors(revision, {commit}):
        return Standing.BEFORE
    wanted = wanted_edits(claim.run, claim.target)
    return Standing.KEEPS if has_images(manifests, revision, wanted) else Standing.REPLACES
