"""Which source commit an image that stands in a values file was made of: asked of runs, of trailers, of registries.

Called by the order of promotions. Knows nothing of what is newer, and guesses nothing: an image of which nobody tells
it has no origin.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from service.core import trailers
from service.core.artifacts import named_in, told_in
from service.core.config import Target
from service.core.images import is_tag
from service.core.made_of import told_of
from service.core.models import version_of
from service.core.standing import Made, Standing
from service.core.words import Repository, Sha
from service.pipeline.context import Context
from service.pipeline.runs.claim import images_of
from service.ports import Commit, Manifests
from service.store import ancestry
from service.store.runs import Run

COMMITS_AT_HAND, COMMITS_READ = 50, 1_000
"""How many manifest commits are searched for an image's trailers: at first, and if nothing else tells its origin."""

_SHA = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, slots=True)
class Origin:
    """What an image was made of. `repository` is None if that is unknown; `words` say what is known instead."""

    commit: Sha | None
    repository: Repository | None = None
    words: str = ""


UNKNOWN = Origin(None)


def known_origin(context: Context, target: Target, image: Standing) -> Origin | None:
    """Give the origin of an image that runs of ours made of one commit; None if there are none, or they disagree.

    The version of a model tells it by itself.
    """
    if target.model is not None and version_of(image.commit):
        return Origin(Sha(image.commit), target.source)
    found = {(run.commit, run.repository) for run in _makers(context, target, image)}
    return Origin(*found.pop()) if len(found) == 1 else None


def asked_origin(context: Context, manifests: Manifests, tip: Sha, target: Target, image: Standing) -> Origin:
    """Ask trailers, our runs and the registry, in this order; UNKNOWN if none of them tells it.

    Trailers that are far back are asked last, since commits have to be fetched for them.
    """
    return (
        _of_trailers(manifests.history(tip, most=COMMITS_AT_HAND), target, image)
        or _of_runs(context, target, image)
        or _of_registry(context, target, image)
        or (Origin(Sha(image.commit)) if _SHA.fullmatch(image.commit) else None)
        or _of_trailers(manifests.history(tip, most=COMMITS_READ, deepen=True), target, image)
        or UNKNOWN
    )


def _makers(context: Context, target: Target, image: Standing) -> list[Run]:
    with context.store.read() as tx:
        found = ancestry.runs_naming(tx, target.application, image.digest or "")
    return [run for run in found if Made(run.commit, tuple(images_of(run).values())).has(image)]


def _of_runs(context: Context, target: Target, image: Standing) -> Origin | None:
    """Take the newest of several runs, preferring those that reached a manifest repository."""
    makers = _makers(context, target, image)
    promoted = [run for run in makers if run.manifest_commit is not None]
    return next((Origin(run.commit, run.repository) for run in promoted or makers), None)


def _of_trailers(history: Iterable[Commit], target: Target, image: Standing) -> Origin | None:
    """Read the trailers of the newest promotion of the image."""
    for commit in history:
        if target.application not in commit.message:
            continue
        told = told_in(trailers.parse(commit.message))
        if told is None or (told.application, told.environment) != (target.application, target.environment):
            continue
        if Made(told.commit, told.references).has(image):
            return Origin(told.commit, named_in(told.repository))
    return None


def _of_registry(context: Context, target: Target, image: Standing) -> Origin | None:
    """Read the revision label of the image in the registry, under the repositories of the application."""
    name = image.digest or image.tag
    if not (image.digest or is_tag(name)):
        return None
    for one in target.images:
        if image.name and one.name != image.name:
            continue
        found = context.outside.images.registry(one).find(one.repository, name)
        if found is None:
            continue
        told = told_of(found, target.source)
        if told.whole is None:
            short = f"it says {told.commit}, which is the beginning of a commit" if told.commit else told.words
            return Origin(None, words=f"{found.digest}: {short}")
        return Origin(told.whole, None if found.source is None else target.source, words=found.source or "")
    return None
