"""Lets a run share the build of its image: a new one, the one under way, or an ended one that is tried again.

Called by the build stage. Never makes anything: it keeps the build's row and hands it to the engine.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from datetime import datetime, timedelta

from service.core.config import ImageTarget
from service.core.images import ImageReference, tag_for
from service.core.words import BuilderPlace, BuildId, BuildState, Rebuild
from service.pipeline.runs.claim import Claim
from service.ports import Builder
from service.store import Transaction, builds, waits
from service.store.builds import Build
from service.store.ids import new_id
from service.store.pauses import from_ahead
from service.store.runs import Run

REGISTRY_LAG = timedelta(seconds=60)
"""How long after a build succeeded its image may still be invisible, because the registry replicates it."""


def reference_of(one: Run | Build, image: ImageTarget) -> ImageReference:
    """Give the reference that the configuration wants for the commit; without a digest."""
    return ImageReference(
        image.registry_host, image.repository, tag_for(image.tag, commit=one.commit, branch=one.branch)
    )


def is_fresh(build: Build, image: ImageTarget) -> bool:
    """Tell whether the build uses nothing of earlier ones, so that newer base images and packages are in its image."""
    return build.anew or image.rebuild is not Rebuild.NEVER


def key_of(run: Run, image: ImageTarget) -> str:
    """Give what the requests for one build share."""
    options = image.builder_options.model_dump_json()
    said = json.dumps([run.repository, run.commit, str(reference_of(run, image)), image.builder_kind, options])
    return hashlib.sha256(said.encode()).hexdigest()


def want_build(claim: Claim, image: ImageTarget, builder: Builder, tree: str = "") -> Build:
    """Let the run share the build of its image, and queue the build unless it is under way or done.

    `tree` is what a new build is made of, for the image's label; empty if that is not known. If a build of that tree is
    under way for another commit, the run shares that one.
    """
    context, run = claim.context, claim.run
    wish = replace(_wish(claim, image, builder), tree=tree)
    now = context.now()
    with context.store.begin() as tx:
        other = None if run.rebuild else _of_same_tree(tx, wish, image)
        if other is not None:
            builds.share(tx, other.id, run.id)
            return other
        shares = any(one.key == wish.key for one in builds.of_run(tx, run.id))
        kept = builds.want(tx, wish, run.id)
        made_before = run.rebuild and not shares and kept.state is BuildState.SUCCEEDED
        if made_before or _must_start_again(tx, kept, run, now):
            kept = builds.start_attempt(tx, kept, at=now, anew=run.rebuild)
    if kept.state is BuildState.QUEUED:
        context.queue.enqueue_build(kept)
    return kept


def _wish(claim: Claim, image: ImageTarget, builder: Builder) -> Build:
    run, now = claim.run, claim.context.now()
    reference = reference_of(run, image)
    return Build(
        id=BuildId(new_id()),
        key=key_of(run, image),
        repository=run.repository,
        branch=run.branch,
        commit=run.commit,
        reference=str(reference),
        configuration_commit=run.configuration_commit,
        application=run.application,
        environment=run.environment,
        image=image.name,
        attempt=1,
        resumes=0,
        state=BuildState.QUEUED,
        message="",
        code="",
        retry_after=None,
        created_at=now,
        updated_at=now,
        started_at=None,
        ended_at=None,
        builder=image.builder_kind if builder.place is BuilderPlace.ELSEWHERE else "",
        anew=run.rebuild,
    )


def _of_same_tree(tx: Transaction, wish: Build, image: ImageTarget) -> Build | None:
    """Give the build of the tree that is under way for another commit; nobody else decides so until the end of `tx`."""
    if not wish.tree or image.rebuild is Rebuild.ALWAYS:
        return None
    place = f"{image.full_name}:"
    builds.hold_tree(tx, place, wish.tree)
    found = builds.of_tree(tx, place, wish.tree)
    return None if any(one.key == wish.key for one in found) else next(iter(found), None)


def _must_start_again(tx: Transaction, kept: Build, run: Run, now: datetime) -> bool:
    """Tell whether an ended build is tried again: its image is gone, it may work later, or a person retries."""
    match kept.state:
        case BuildState.SUCCEEDED:
            return not just_ended(kept, now) and not _awaited(tx, kept, run)
        case BuildState.CANCELLED:
            return True
        case BuildState.FAILED:
            newer = kept.ended_at is not None and run.created_at > kept.ended_at
            return newer or (kept.retry_after is not None and pause_left(kept, now) <= 0.0)
        case _:
            return False


def _awaited(tx: Transaction, kept: Build, run: Run) -> bool:
    """Tell whether the run waited for the end of this attempt: then it uses its result and starts no other."""
    return any(
        wait.subject == kept.id and wait.answered_at and kept.ended_at and wait.answered_at >= kept.ended_at
        for wait in waits.of_run(tx, run.id)
    )


def just_ended(build: Build, now: datetime) -> bool:
    """Tell whether the build ended so recently that its image may not be visible yet."""
    return build.ended_at is not None and abs(now - build.ended_at) < REGISTRY_LAG


def pause_left(build: Build, now: datetime) -> float:
    """Give the seconds until an ended build that may work later is tried again; 0 if the clock went back."""
    if build.ended_at is None or from_ahead(build.ended_at, now):
        return 0.0
    pause = build.retry_after or 0.0
    return min(pause, max(0.0, pause - (now - build.ended_at).total_seconds()))
