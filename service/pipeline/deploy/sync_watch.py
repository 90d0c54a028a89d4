"""Looks at Argo CD for the runs that wait to be live: one look for all of them, each judged by itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import structlog

from service.core.deployment import (
    Expected,
    Observation,
    Pods,
    Standing,
    Verdict,
    VerdictKind,
    decide,
    judge_with_children,
    past_from,
    past_text,
)
from service.core.words import RunId, Sha, WaitKind
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.deploy.deploy_stage import answer_of
from service.pipeline.deploy.standings import Standings
from service.pipeline.manifest.place import place_of
from service.pipeline.runs.claim import Claim, images_of, read_claim
from service.pipeline.runs.looks import Answers, Isolated, saw
from service.ports import Deployer
from service.store import edits, sightings, waits
from service.store.waits import Wait

PODS_PER_LOOK = 5
"""How many trees one look reads of applications that are only waited for; before one fails it is always read."""
_DEEPEST_FAMILY = 3
_MOST_WORDS = 5
_LONGEST_WORDS = 500

_WAITING = frozenset({VerdictKind.WAITING, VerdictKind.DOUBTFUL, VerdictKind.ASK})

log = structlog.get_logger()


def look_at_deployer(context: Context, key: str) -> Answers:
    """Answer the waits whose revision is live, overtaken or failed."""
    deployer = context.outside.deployer
    if deployer is None:
        return {}
    with context.store.read() as tx:
        waiting = waits.open_at(tx, WaitKind.SYNC, key)
        pasts = sightings.of_runs(tx, [wait.run_id for wait in waiting])
    look = _Look(context, deployer, _observe(deployer, waiting), pasts)
    answers: dict[Wait, str] = {}
    with Isolated(context) as isolated:
        for wait in _by_turns(context, waiting):
            if wait.subject not in look.observed:
                saw(context, wait, f"Argo CD does not list {wait.subject}, or its token may not see it")
                continue
            with isolated.one(wait, {}):
                verdict = look.at(wait)
                if verdict is None or verdict.kind in _WAITING:
                    words = verdict.words(most=_MOST_WORDS, longest=_LONGEST_WORDS) if verdict else wait.last_seen
                    saw(context, wait, words)
                else:
                    answers[wait] = answer_of(verdict)
    return answers


def _observe(deployer: Deployer, waiting: list[Wait]) -> dict[str, Observation]:
    """Observe what is waited for, and what applications of applications consist of."""
    observed = dict(deployer.look({wait.subject for wait in waiting}))
    newest = dict(observed)
    for _ in range(_DEEPEST_FAMILY):
        children = {child for seen in newest.values() for child in seen.children} - observed.keys()
        if not children:
            break
        newest = dict(deployer.look(children))
        observed.update(newest)
    return observed


def _by_turns(context: Context, waiting: list[Wait]) -> list[Wait]:
    """Let another wait be the first each second, so that the few trees that a look reads are not always the same."""
    first = int(context.now().timestamp()) % max(1, len(waiting))
    return [*waiting[first:], *waiting[:first]]


class _Look:
    """One look: what was observed, and what git and the trees told of it."""

    def __init__(
        self,
        context: Context,
        deployer: Deployer,
        observed: Mapping[str, Observation],
        pasts: Mapping[RunId, str],
    ) -> None:
        self.observed = observed
        self._context = context
        self._deployer = deployer
        self._pasts = pasts
        self._standings = Standings(context)
        self._pods: dict[str, Pods | None] = {}

    def at(self, wait: Wait) -> Verdict | None:
        """Judge one wait, and keep what must last."""
        claim = read_claim(self._context, wait.run_id)
        if claim is None or claim.run.manifest_commit is None:
            return None
        expected = _expected(claim, claim.run.manifest_commit)
        known: dict[Sha, Standing] = {}
        verdict = self._judged(claim, wait.subject, expected, known)
        text = self._pasts.get(wait.run_id)
        past, patience = past_from(text), expected.patience
        decided, kept = decide(verdict, past, patience, self._context.now())
        if verdict.ask_pods:
            pods = self._pods_of(verdict.about or wait.subject, decided)
            if pods is not None and pods.jobs:
                verdict = self._judged(claim, wait.subject, expected, known, pods.jobs)
                decided, kept = decide(verdict, past, patience, self._context.now())
            words = past.pods if pods is None else tuple(one[:_LONGEST_WORDS] for one in pods.messages[:_MOST_WORDS])
            kept = replace(kept, pods=words)
            decided = replace(decided, messages=tuple(dict.fromkeys((*words, *decided.messages))))
        if (new := past_text(kept)) != text:
            with self._context.store.begin() as tx:
                sightings.keep(tx, wait.run_id, new)
        return decided

    def _judged(
        self,
        claim: Claim,
        application: str,
        expected: Expected,
        known: dict[Sha, Standing],
        jobs: frozenset[str] = frozenset(),
    ) -> Verdict:
        """Judge an application with what git knows of its revisions; each question is asked once."""
        seen = self.observed[application]
        children = {name: self.observed.get(name) for name in self._family(application)}
        while True:
            verdict = judge_with_children(seen, children, expected, known, jobs=jobs)
            if verdict.kind is not VerdictKind.ASK or verdict.revision is None:
                return verdict
            known[verdict.revision] = self._standings.of(claim, expected.commit, verdict.revision)

    def _family(self, application: str) -> set[str]:
        """Name all applications below one."""
        below: set[str] = set()
        newest = {application}
        while newest:
            newest = {child for one in newest if (seen := self.observed.get(one)) for child in seen.children} - below
            below |= newest
        return below

    def _pods_of(self, application: str, decided: Verdict) -> Pods | None:
        """Read an application's tree where that is worth it; what is not to be had is no reason to know less."""
        if application in self._pods:
            return self._pods[application]
        if decided.kind is VerdictKind.WAITING and len(self._pods) >= PODS_PER_LOOK:
            return None
        try:
            self._pods[application] = self._deployer.pods(application)
        except MergeportError as error:
            log.warning("Argo CD's resource tree is not to be had", application=application, error=str(error))
            self._pods[application] = None
        return self._pods[application]


def _expected(claim: Claim, commit: Sha) -> Expected:
    with claim.context.store.read() as tx:
        edit = edits.of_run(tx, claim.run.id)
    return Expected(
        commit,
        tuple(images_of(claim.run).values()),
        changed=claim.run.pull_request is not None or bool(edit and edit.diff),
        repository=place_of(claim.context, claim.target).repository,
        patience=claim.target.patience,
    )
