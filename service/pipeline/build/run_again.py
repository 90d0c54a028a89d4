"""Follows an image's workflow that a person runs again after its run has failed: the run's next generation begins.

Called by intake with a hint, and by the look for those that no web hook told of. A hint is believed of nothing: the
builder is asked whether its build goes on or went well, and where another pipeline pushes, the registry whether the
image is there. An ended run stays ended.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta

import structlog

from service.core.changes import BuildHint
from service.core.words import BuildState
from service.errors import PermanentError, RetryableError
from service.pipeline.build.elsewhere import builder_elsewhere
from service.pipeline.build.wanted_build import reference_of
from service.pipeline.context import Context
from service.pipeline.runs import transitions
from service.pipeline.runs.claim import claim_of
from service.ports import Progress
from service.store import Transaction, builds, configurations, run_order, runs
from service.store.builds import Build
from service.store.runs import Run

REMEMBERED = timedelta(days=30)
"""For so long GitHub lets people run a workflow again."""
NOBODY_PUSHED = frozenset({"image-pipeline-ended", "image-not-pushed"})
"""Codes of runs whose image did not come from the pipeline of another."""

_GOES_ON = frozenset({Progress.RUNNING, Progress.SUCCEEDED})

log = structlog.get_logger()


def follow_again(context: Context, hint: BuildHint) -> tuple[list[Run], str]:
    """Accept the next generation of the runs that failed for what the hint tells of; give them, and words about it."""
    build, failed = _failed_by(context, hint)
    if build is not None and failed:
        return follow_builds(context, build.builder, [(build, failed)])
    waited = _waited_in_vain(context, hint)
    return follow_images(context, waited) if waited else ([], "")


def _failed_by(context: Context, hint: BuildHint) -> tuple[Build | None, list[Run]]:
    if not hint.build:
        return None, []
    with context.store.read() as tx:
        build = builds.failed_as(tx, hint.builder, hint.build, since=context.now() - REMEMBERED)
        return build, failed_with(tx, build) if build else []


def failed_with(tx: Transaction, build: Build) -> list[Run]:
    """List the runs that failed because the build did."""
    needed = runs.some(tx, builds.runs_of(tx, build.id))
    return [run for run in needed.values() if run.code and run.code == build.code]


def _waited_in_vain(context: Context, hint: BuildHint) -> list[Run]:
    if not (hint.went_well and hint.commit):
        return []
    with context.store.read() as tx:
        found = runs.failed_of_commit(tx, hint.repository, hint.commit)
    return [run for run in found if run.code in NOBODY_PUSHED]


def follow_builds(context: Context, kind: str, failed: Collection[tuple[Build, list[Run]]]) -> tuple[list[Run], str]:
    """Ask a builder about builds that failed; accept the next generation of the runs whose build goes on or is done."""
    builder = builder_elsewhere(context, kind)
    ids = [build.external_id for build, _ in failed if build.external_id is not None]
    newer = builder.repeated(ids)
    standings = builder.states([newer.get(one, one) for one in ids])
    accepted: list[Run] = []
    words: list[str] = []
    for build, some in failed:
        now_as = newer.get(build.external_id or "", build.external_id or "")
        standing = standings.get(now_as)
        if standing is None or not standing.heard or standing.progress not in _GOES_ON:
            words.append(f"the build of {build.reference} has failed, and its runs with it")
        elif _is_still(context, build, now_as):
            again, said = _accept(context, some, f"the build of {build.reference} was run again")
            accepted += again
            words.append(said)
    return accepted, "; ".join(words)


def _is_still(context: Context, build: Build, now_as: str) -> bool:
    """Store as what the build goes on there; False if it does not count as failed any more."""
    with context.store.begin() as tx:
        now_at = builds.hold(tx, build.id)
        if now_at is None or (now_at.attempt, now_at.state) != (build.attempt, BuildState.FAILED):
            return False
        if now_as != now_at.external_id:
            builds.update(tx, build.id, at=context.now(), external_id=now_as)
    return True


def follow_images(context: Context, failed: Iterable[Run]) -> tuple[list[Run], str]:
    """Accept the next generation of the runs whose images are in their registries by now."""
    there = [run for run in failed if _has_images(context, run)]
    if not there:
        return [], "the image that a failed run waited for is not there"
    return _accept(context, there, "the image that a failed run waited for is there now")


def _has_images(context: Context, run: Run) -> bool:
    try:
        images = [image.made for image in claim_of(context, run).target.images]
        references = [(context.outside.images.registry(image), reference_of(run, image)) for image in images]
        return all(registry.find(one.repository, one.tag) is not None for registry, one in references)
    except RetryableError:
        raise
    except PermanentError as error:
        log.warning("the images of a failed run cannot be looked for", run=run.id, error=str(error))
        return False


def _accept(context: Context, some: Iterable[Run], why: str) -> tuple[list[Run], str]:
    accepted: list[Run] = []
    outdated: list[Run] = []
    for run in some:
        with context.store.begin() as tx:
            if runs.next_generation(tx, run) != run.generation + 1:
                continue
            if run_order.later(tx, run) is not None:
                outdated.append(run)
                continue
            good = configurations.last(tx, good=True)
            new = transitions.accept_anew(
                tx, run, configuration_commit=good.commit if good else run.configuration_commit, at=context.now()
            )
        if new is not None:
            log.info("a failed run goes on, because its build was run again", run=run.id, new=new.id)
            accepted.append(new)
    words = [f"run {run.id} is not followed, because a later one counts" for run in outdated]
    words += [f"{run.application} goes on to {run.environment} in run {run.id}" for run in accepted]
    return accepted, "; ".join([why, *words])
