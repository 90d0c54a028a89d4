"""Looks at Argo CD for the runs that wait to be live: one look for all of them, each judged by itself.

It also looks at git, because images that a person removed from the branch will never be live.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

import structlog

from service.core.deployment import (
    Observation,
    Pods,
    Progress,
    Standing,
    Verdict,
    VerdictKind,
    decide,
    past_from,
    past_text,
)
from service.core.words import RunId, Sha, WaitKind
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.deploy.automatic_rollback import consider
from service.pipeline.deploy.deploy_stage import answer_of
from service.pipeline.deploy.deployments import keep
from service.pipeline.deploy.expecting import expected_of, health_in, judged
from service.pipeline.deploy.observing import observe
from service.pipeline.deploy.refreshes import again
from service.pipeline.deploy.standings import Standings
from service.pipeline.deploy.taken_back import taken_back
from service.pipeline.manifest.place import place_of
from service.pipeline.runs.claim import Claim, read_claim
from service.pipeline.runs.looks import Answers, Isolated, saw
from service.ports import Deployer
from service.store import refreshes, sightings, waits
from service.store.waits import Wait

PODS_PER_LOOK = 5
"""How many trees of applications that still wait one look reads; before a run fails its tree is always read."""
WINDOWS_PER_LOOK = 5
_WINDOWS_AFTER = timedelta(seconds=10)
"""How long a sync may not begin before its windows are asked for; one that nothing holds begins within two seconds."""
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
    try:
        observed = observe(deployer, {wait.subject for wait in waiting})
    except MergeportError:
        if answers := _of_branches(context, waiting):
            return answers
        raise
    look = _Look(context, deployer, observed, pasts)
    answers = {}
    behind: set[str] = set()
    with Isolated(context) as isolated:
        for wait in _by_turns(context, waiting):
            if wait.subject not in look.observed:
                saw(context, wait, f"Argo CD does not list {wait.subject}, or its token may not see it")
                answers |= _of_branches(context, [wait], look.standings)
                behind.add(wait.subject)
                continue
            with isolated.one(wait, {}):
                verdict = look.at(wait)
                if verdict is not None and verdict.progress is Progress.BEHIND and verdict.kind in _WAITING:
                    behind.add(verdict.about or wait.subject)
                if verdict is None or verdict.kind in _WAITING:
                    words = verdict.words(most=_MOST_WORDS, longest=_LONGEST_WORDS) if verdict else wait.last_seen
                    saw(context, wait, words)
                else:
                    answers[wait] = answer_of(verdict)
    if behind:
        with context.store.read() as tx:
            told = refreshes.of(tx, behind)
        again(context, behind, told)
    return answers


def _of_branches(context: Context, waiting: list[Wait], standings: Standings | None = None) -> dict[Wait, str]:
    """Answer the waits whose images were taken away on their branch; used if the deployer tells nothing of them."""
    standings = standings or Standings(context)
    answers: dict[Wait, str] = {}
    with Isolated(context) as isolated:
        for wait in waiting:
            with isolated.one(wait, {}):
                claim = read_claim(context, wait.run_id)
                taken = _taken_back(claim, standings) if claim is not None else None
                if taken is not None:
                    answers[wait] = answer_of(taken)
    return answers


def _taken_back(claim: Claim, standings: Standings, *, known: str = "") -> Verdict | None:
    """Give the verdict on a run whose images a person took away, else None; at the tip `known` they are still there."""
    tip = standings.tip(place_of(claim.context, claim.target))
    taker = taken_back(claim, tip) if tip is not None and tip != known else None
    return None if taker is None or taker.by_us else Verdict(VerdictKind.TAKEN_BACK, taker.words, revision=tip)


def _by_turns(context: Context, waiting: list[Wait]) -> list[Wait]:
    """Begin with another wait each second, so that the few trees that a look reads are not always the same."""
    first = int(context.now().timestamp()) % max(1, len(waiting))
    return [*waiting[first:], *waiting[:first]]


class _Look:
    """One look: the observations, and what git and the trees add to them."""

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
        self.standings = Standings(context)
        self._pods: dict[str, Pods | None] = {}
        self._windows: dict[str, tuple[str, ...]] = {}

    def at(self, wait: Wait) -> Verdict | None:
        """Judge one wait, and store since when its state lasts."""
        claim = read_claim(self._context, wait.run_id)
        if claim is None or claim.run.manifest_commit is None:
            return None
        expected = expected_of(claim, claim.run.manifest_commit)
        seen = self.observed[wait.subject]
        known: dict[Sha, Standing] = {}
        verdict = judged(claim, seen, self.observed, expected, self.standings, known)
        text = self._pasts.get(wait.run_id)
        past, patience = past_from(text), expected.patience
        decided, kept = decide(verdict, past, patience, self._context.now())
        if verdict.ask_pods:
            pods = self._pods_of(verdict.about or wait.subject, decided)
            if pods is not None and pods.jobs:
                verdict = judged(claim, seen, self.observed, expected, self.standings, known, jobs=pods.jobs)
                decided, kept = decide(verdict, past, patience, self._context.now())
            words = past.pods if pods is None else tuple(one[:_LONGEST_WORDS] for one in pods.messages[:_MOST_WORDS])
            kept = replace(kept, pods=words)
            decided = replace(decided, messages=tuple(dict.fromkeys((*words, *decided.messages))))
        if verdict.ask_windows and kept.apart_since is not None:
            long_apart = self._context.now() - kept.apart_since >= _WINDOWS_AFTER
            closed = self._closed_windows(verdict.about or wait.subject) if long_apart else ()
            if closed:
                reason = f"{decided.reason}; a sync window of its project is why: {', '.join(closed)}"
                decided = replace(decided, reason=reason)
        keep(claim, verdict, health_in(verdict, seen, self.observed))
        if consider(claim, decided.words(most=_MOST_WORDS, longest=_LONGEST_WORDS)) is not None:
            return None
        decided, tip = self._held_against_branch(claim, decided, past.tip)
        kept = replace(kept, url=seen.url, tip=tip)
        if (new := past_text(kept)) != text:
            with self._context.store.begin() as tx:
                sightings.keep(tx, wait.run_id, new)
        return decided

    def _held_against_branch(self, claim: Claim, decided: Verdict, known: str) -> tuple[Verdict, str]:
        """End a run that waits for what a person has taken back; also give the newest tip that still has its images.

        If the branch cannot be read now, the deployer's verdict stays as it is.
        """
        try:
            if decided.kind is VerdictKind.OVERTAKEN and decided.revision is not None:
                taker = taken_back(claim, decided.revision)
                if taker is not None and not taker.by_us:
                    return replace(decided, kind=VerdictKind.TAKEN_BACK, reason=taker.words), known
            elif decided.kind in _WAITING:
                taken = _taken_back(claim, self.standings, known=known)
                tip = self.standings.tip(place_of(self._context, claim.target))
                return (taken, known) if taken is not None else (decided, tip or known)
        except MergeportError as error:
            log.warning(
                "a branch could not be compared with the run that waits for it", run=claim.run.id, error=str(error)
            )
        return decided, known

    def _closed_windows(self, application: str) -> tuple[str, ...]:
        """Ask which sync windows hold an application; each look asks for only a few applications."""
        if len(self._windows) < WINDOWS_PER_LOOK and application not in self._windows:
            try:
                self._windows[application] = self._deployer.closed_windows(application)
            except MergeportError as error:
                log.warning("Argo CD's sync windows could not be read", application=application, error=str(error))
                self._windows[application] = ()
        return self._windows.get(application, ())

    def _pods_of(self, application: str, decided: Verdict) -> Pods | None:
        """Read an application's tree if that is worth a call. Without the tree the run is judged as before."""
        if application in self._pods:
            return self._pods[application]
        if decided.kind is VerdictKind.WAITING and len(self._pods) >= PODS_PER_LOOK:
            return None
        try:
            self._pods[application] = self._deployer.pods(application)
        except MergeportError as error:
            log.warning("Argo CD's resource tree could not be read", application=application, error=str(error))
            self._pods[application] = None
        return self._pods[application]
