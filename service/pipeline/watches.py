"""Watches: one look at an outside system for all runs that wait there; those that are ready are queued.

Called by the worker on a schedule, and at once by a hint. A look never acts: it answers waits, or keeps
what it saw. A system that does not answer is told on the waits, and looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import structlog

from service.core.deployment import Standing, Verdict, VerdictKind, judge
from service.core.words import BuildId, BuildState, Repository, RunId, Sha, WaitKind
from service.errors import MergeportError
from service.pipeline.build_stage import images_of, reference_of
from service.pipeline.context import Context
from service.pipeline.deploy_stage import answer_of
from service.pipeline.manifest_place import has_images, place_of, wanted_edits
from service.pipeline.writing import enqueue, wake_next
from service.ports import Observation, PullRequest
from service.store import builds, edits, leases, runs, waits
from service.store.runs import Run
from service.store.waits import Wait

_MOST_STANDINGS = 4

log = structlog.get_logger()

Answers = Mapping[Wait, str]


def look(context: Context, kind: WaitKind, key: str) -> None:
    """Look once at what runs wait for there; queue those that are ready."""
    with context.store.read() as tx:
        waiting = waits.open_at(tx, kind, key)
    if not waiting:
        return
    try:
        answers = _LOOKS[kind](context, key, waiting)
    except MergeportError as error:
        log.warning("a watch could not look", kind=kind, key=key, error=str(error))
        with context.store.begin() as tx:
            for wait in waiting:
                waits.saw(tx, wait.id, f"{error}")
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


def _run_of(context: Context, run_id: RunId) -> Run | None:
    with context.store.read() as tx:
        return runs.get(tx, run_id)


def _look_at_build(context: Context, key: str, waiting: Sequence[Wait]) -> Answers:
    with context.store.read() as tx:
        build = builds.get(tx, BuildId(key))
    if build is None or build.state not in {BuildState.QUEUED, BuildState.RUNNING}:
        return dict.fromkeys(waiting, "ended")
    for wait in waiting:
        _saw(context, wait, f"build of {build.reference} is {build.state}")
    return {}


def _look_at_images(context: Context, key: str, waiting: Sequence[Wait]) -> Answers:  # noqa: ARG001 - a look's signature
    found: dict[str, bool] = {}
    for wait in waiting:
        run = _run_of(context, wait.run_id)
        target = None
        if run is not None:
            target = context.configurations.at(run.configuration_commit).target(run.application, run.environment)
        if run is None or target is None:
            found[wait.subject] = True
            continue
        image = next((one for one in target.images if str(reference_of(run, one)) == wait.subject), None)
        if image is None or wait.subject in found:
            found.setdefault(wait.subject, True)
            continue
        reference = reference_of(run, image)
        registry = context.outside.images.registry(image)
        found[wait.subject] = registry.find(reference.repository, reference.tag) is not None
    for wait in waiting:
        if not found[wait.subject]:
            _saw(context, wait, f"waiting for {wait.subject} to be pushed")
    return {wait: "there" for wait in waiting if found[wait.subject]}


def _look_at_push(context: Context, key: str, waiting: Sequence[Wait]) -> Answers:  # noqa: ARG001 - a look's signature
    """Wake the oldest waiter when nobody writes to the branch any more: its writer may have died."""
    with context.store.begin() as tx:
        if leases.holders(tx, key, now=context.now()):
            return {}
        woken = wake_next(tx, context, key)
    if woken is not None:
        enqueue(context, woken)
    return {}


def _look_at_pull_requests(context: Context, key: str, waiting: Sequence[Wait]) -> Answers:
    repository, _, base = key.partition(":")
    listed = context.outside.manifest_forge.recent_pull_requests(Repository(repository), base=base)
    by_number = {pull_request.number: pull_request for pull_request in listed}
    answers: dict[Wait, str] = {}
    for wait in waiting:
        number = int(wait.subject.rpartition("#")[2])
        pull_request = by_number.get(number) or context.outside.manifest_forge.pull_request(
            Repository(repository), number
        )
        if _is_ready(context, Repository(repository), pull_request):
            answers[wait] = "merged" if pull_request.merged else "changed"
        else:
            _saw(context, wait, f"waiting for pull request #{number} to be merged")
    return answers


def _is_ready(context: Context, repository: Repository, pull_request: PullRequest) -> bool:
    if not pull_request.open:
        return True
    with context.store.read() as tx:
        return not edits.is_own(tx, repository, pull_request.head_sha)


def _look_at_deployer(context: Context, key: str, waiting: Sequence[Wait]) -> Answers:  # noqa: ARG001 - a look's signature
    deployer = context.outside.deployer
    if deployer is None:
        return {}
    observed = deployer.look({wait.subject for wait in waiting})
    answers: dict[Wait, str] = {}
    for wait in waiting:
        observation = observed.get(wait.subject)
        if observation is None:
            _saw(context, wait, f"Argo CD does not list {wait.subject}")
            continue
        verdict = _judge(context, wait, observation)
        if verdict is None or verdict.kind in {VerdictKind.WAITING, VerdictKind.ASK}:
            _saw(context, wait, verdict.reason if verdict else wait.last_seen)
        else:
            answers[wait] = answer_of(verdict)
    return answers


def _judge(context: Context, wait: Wait, observation: Observation) -> Verdict | None:
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
        standings[verdict.revision] = _standing(context, run, verdict.revision)
    return verdict


def _standing(context: Context, run: Run, revision: Sha) -> Standing:
    """Tell where a live revision stands towards the run's manifest commit, as git has it."""
    target = context.configurations.at(run.configuration_commit).target(run.application, run.environment)
    if target is None or run.manifest_commit is None:
        return Standing.BEFORE
    place = place_of(context, target)
    manifests = context.outside.manifests.open(place.repository)
    tip = manifests.fetch(place.branch)
    if tip is None or revision not in manifests.ancestors(tip, {revision}):
        return Standing.BEFORE
    if run.manifest_commit not in manifests.ancestors(revision, {run.manifest_commit}):
        return Standing.BEFORE
    return Standing.KEEPS if has_images(manifests, revision, wanted_edits(run, target)) else Standing.REPLACES


def _nothing(context: Context, key: str, waiting: Sequence[Wait]) -> Answers:  # noqa: ARG001 - a look's signature
    return {}


_LOOKS: Mapping[WaitKind, Callable[[Context, str, Sequence[Wait]], Answers]] = {
    WaitKind.BUILD: _look_at_build,
    WaitKind.IMAGE: _look_at_images,
    WaitKind.PUSH: _look_at_push,
    WaitKind.PULL_REQUEST: _look_at_pull_requests,
    WaitKind.SYNC: _look_at_deployer,
    WaitKind.RETRY: _nothing,
}
