"""Watches: one look at an outside system for all runs that wait there; those that are ready are queued.

Called by the worker on a schedule, and at once by a hint. A look never acts: it answers waits, or keeps
what it saw. A system that does not answer is told on the waits, and looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Self

import structlog

from service.core.deployment import Standing, Verdict, VerdictKind, judge
from service.core.words import BuildId, Repository, RunId, Sha, WaitKind
from service.errors import MergeportError, RetryableError
from service.pipeline.build_stage import images_of, reference_of
from service.pipeline.context import Context
from service.pipeline.deploy_stage import answer_of
from service.pipeline.manifest_place import Place, has_images, place_of, wanted_edits
from service.pipeline.proposing import WAITS_FOR_MERGE, number_of, subject_of, words_of_wait
from service.pipeline.settling import enqueue
from service.pipeline.writing import wake_next
from service.ports import Observation
from service.store import builds, edits, leases, runs, waits
from service.store.runs import Run
from service.store.waits import Wait

_MOST_STANDINGS = 4
_MOST_FAILURES = 3
MOST_REWORDED = 200
"""Waits that get their own words back in one look, after GitHub was away."""
MOST_READ_ALONE = 5
"""Pull requests beyond the listed page that one look reads: GitHub counts every request, and what changes is listed."""

log = structlog.get_logger()

Answers = Mapping[Wait, str]


def look(context: Context, kind: WaitKind, key: str) -> None:
    """Look once at what runs wait for there; queue those that are ready."""
    with context.store.read() as tx:
        if not waits.any_at(tx, kind, key):
            return
    try:
        answers = _LOOKS[kind](context, key)
    except MergeportError as error:
        log.warning("a watch could not look", kind=kind, key=key, error=str(error))
        with context.store.begin() as tx:
            waits.all_saw(tx, kind, key, str(error))
        return
    for wait, text in answers.items():
        answer(context, wait, text)


def answer(context: Context, wait: Wait, text: str) -> None:
    """Answer a wait and hand its run to the engine."""
    with context.store.begin() as tx:
        answered = waits.answer(tx, wait.id, text, at=context.now())
    if answered:
        enqueue(context, wait.run_id)


def answer_due(context: Context) -> None:
    """Answer retries whose time has come, and whatever is past its deadline."""
    with context.store.read() as tx:
        due = waits.due(tx, context.now())
    for wait in due:
        answer(context, wait, "time to retry" if wait.kind is WaitKind.RETRY else "deadline")


def _saw(context: Context, wait: Wait, text: str) -> None:
    if wait.last_seen != text:
        with context.store.begin() as tx:
            waits.saw(tx, wait.id, text)


class _Isolated:
    """Keeps what is wrong with one run's thing from the others that wait at the same system.

    What is wrong for good answers the wait: the run's own step meets it and fails in words. What may work later is
    told on the wait; after some of that in one look the system itself is away, and the look ends.
    """

    def __init__(self, context: Context) -> None:
        self._context = context
        self._failed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> bool:
        return isinstance(error, _LookEnds)

    @contextmanager
    def one(self, wait: Wait, answers: dict[Wait, str]) -> Iterator[None]:
        try:
            yield
        except RetryableError as error:
            self._failed += 1
            _saw(self._context, wait, str(error))
            if self._failed >= _MOST_FAILURES:
                raise _LookEnds from error
        except MergeportError as error:
            _saw(self._context, wait, str(error))
            answers[wait] = "failed"


class _LookEnds(Exception):  # noqa: N818 - not an error: the rest is looked at next time
    """So much failed in this look that the system itself is away."""


def _run_of(context: Context, run_id: RunId) -> Run | None:
    with context.store.read() as tx:
        return runs.get(tx, run_id)


def _look_at_builds(context: Context, key: str) -> Answers:
    with context.store.read() as tx:
        waiting = waits.open_at(tx, WaitKind.BUILD, key)
        under_way = builds.under_way(tx)
    answers: dict[Wait, str] = {}
    for wait in waiting:
        build = under_way.get(BuildId(wait.subject))
        if build is None:
            answers[wait] = "ended"
        else:
            _saw(context, wait, f"build of {build.reference} is {build.state}")
    return answers


def _look_at_images(context: Context, key: str) -> Answers:
    with context.store.read() as tx:
        waiting = waits.open_at(tx, WaitKind.IMAGE, key)
    found: dict[str, bool] = {}
    answers: dict[Wait, str] = {}
    with _Isolated(context) as isolated:
        for wait in waiting:
            with isolated.one(wait, answers):
                if wait.subject not in found:
                    found[wait.subject] = _image_is_there(context, wait)
                if found[wait.subject]:
                    answers[wait] = "there"
                else:
                    _saw(context, wait, f"waiting for {wait.subject} to be pushed")
    return answers


def _image_is_there(context: Context, wait: Wait) -> bool:
    """Look for the wait's image; one that its run has no more is for the run's step to judge."""
    run = _run_of(context, wait.run_id)
    if run is None:
        return True
    target = context.configurations.at(run.configuration_commit).target(run.application, run.environment)
    images = target.images if target else ()
    image = next((one for one in images if str(reference_of(run, one)) == wait.subject), None)
    if image is None:
        return True
    reference = reference_of(run, image)
    return context.outside.images.registry(image).find(reference.repository, reference.tag) is not None


def _look_at_push(context: Context, key: str) -> Answers:
    """Wake the oldest waiter when nobody writes to the branch any more: its writer may have died."""
    with context.store.begin() as tx:
        if leases.holder(tx, key, now=context.now()) is not None:
            return {}
        woken = wake_next(tx, context, key)
    if woken is not None:
        enqueue(context, woken)
    return {}


def _look_at_pull_requests(context: Context, key: str) -> Answers:
    """Look at those on the page of what changed last, where all that changes comes up, and read a few others alone."""
    name, _, base = key.partition(":")
    repository, forge = Repository(name), context.outside.manifest_forge
    known = {subject_of(repository, one.number): one for one in forge.recent_pull_requests(repository, base=base)}
    with context.store.read() as tx:
        waiting = waits.some_at(tx, WaitKind.PULL_REQUEST, key, known, others=MOST_READ_ALONE)
        ours = edits.own_among(tx, repository, {one.head_sha for one in known.values()})
        usual = WAITS_FOR_MERGE.partition("{")[0]
        reworded = waits.worded_otherwise(tx, WaitKind.PULL_REQUEST, key, usual, limit=MOST_REWORDED)
    for wait in reworded:
        _saw(context, wait, words_of_wait(context, wait.run_id, number_of(wait.subject)))
    answers: dict[Wait, str] = {}
    with _Isolated(context) as isolated:
        for wait in waiting:
            with isolated.one(wait, answers):
                pull_request = known.get(wait.subject)
                if pull_request is None:
                    pull_request = forge.pull_request(repository, number_of(wait.subject))
                    with context.store.read() as tx:
                        ours |= edits.own_among(tx, repository, {pull_request.head_sha})
                if not pull_request.open or pull_request.base != base or pull_request.head_sha not in ours:
                    answers[wait] = "merged" if pull_request.merged else "changed"
    return answers


def _look_at_deployer(context: Context, key: str) -> Answers:
    deployer = context.outside.deployer
    if deployer is None:
        return {}
    with context.store.read() as tx:
        waiting = waits.open_at(tx, WaitKind.SYNC, key)
    observed = deployer.look({wait.subject for wait in waiting})
    answers: dict[Wait, str] = {}
    tips = _Tips(context)
    with _Isolated(context) as isolated:
        for wait in waiting:
            observation = observed.get(wait.subject)
            if observation is None:
                _saw(context, wait, f"Argo CD does not list {wait.subject}")
                continue
            with isolated.one(wait, {}):
                verdict = _judge(context, wait, observation, tips)
                if verdict is None or verdict.kind in {VerdictKind.WAITING, VerdictKind.ASK}:
                    _saw(context, wait, verdict.reason if verdict else wait.last_seen)
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
    run = _run_of(context, wait.run_id)
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


_LOOKS: Mapping[WaitKind, Callable[[Context, str], Answers]] = {
    WaitKind.BUILD: _look_at_builds,
    WaitKind.IMAGE: _look_at_images,
    WaitKind.PUSH: _look_at_push,
    WaitKind.PULL_REQUEST: _look_at_pull_requests,
    WaitKind.SYNC: _look_at_deployer,
    WaitKind.RETRY: lambda _context, _key: {},
}
