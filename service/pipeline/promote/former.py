"""Finds a former release of an application in an environment: the one before the present, or one that is named.

Called by the rollback. What was live is in the deployments; after the loss of the database it is read from the trailers
of the manifest repository's history. Writes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from service.core import trailers
from service.core.artifacts import kept_from, reference_from, told_in
from service.core.config import Target
from service.core.edits import resolve_values
from service.core.image_origin import handed_on
from service.core.images import ImageReference
from service.core.models import ModelReference, version_of
from service.core.words import ChangeId, Repository, RunId, Sha
from service.errors import MergeportError, NotFoundError, PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.place import rewrite_at
from service.pipeline.runs.claim import images_of
from service.ports import Commit, Manifests
from service.store import deployments, runs
from service.store.deployments import Deployment
from service.store.runs import Run

MOST_STAYS, MOST_RUNS, MOST_COMMITS = 200, 1_000, 1_000
"""How far back deployments, runs and manifest commits are searched."""

_COMMIT, _DIGEST = re.compile(r"[0-9a-f]{7,40}"), re.compile(r"sha256:[0-9a-f]{64}")
_IMAGE = re.compile(
    r"(?P<name>[^@\s]+?)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]*))?(?:@(?P<digest>sha256:[0-9a-f]{64}))?"
)


@dataclass(frozen=True, slots=True)
class Release:
    """What was promoted once. `change_id` is None if the database has lost it; `back` if it came as a step back."""

    repository: Repository
    branch: str
    commit: Sha
    images: Mapping[str, Mapping[str, Any]]
    change_id: ChangeId | None = None
    run_id: RunId | None = None
    manifest_commit: Sha | None = None
    back: bool = False
    subject: str = ""

    @property
    def digests(self) -> frozenset[tuple[str, str]]:
        """Give what makes a release the same one."""
        return frozenset((name, str(image.get("digest") or "")) for name, image in self.images.items())

    @property
    def references(self) -> dict[str, ImageReference]:
        """Give its images by name."""
        return {name: reference_from(one) for name, one in self.images.items()}


@dataclass(frozen=True, slots=True)
class Branch:
    """Where an application's values are: its target, and the tip of the branch that is written."""

    target: Target
    manifests: Manifests
    tip: Sha

    def stands(self, release: Release) -> bool:
        """Tell whether the values files say what the release wrote."""
        if not fits(release, self.target):
            return False
        wanted = resolve_values(self.target, release.references, commit=release.commit, branch=release.branch)
        try:
            return not rewrite_at(self.manifests, self.tip, wanted).files
        except RetryableError:
            raise
        except MergeportError:
            return False


def fits(release: Release, target: Target) -> bool:
    """Tell whether a release has just the images that the target has now."""
    return set(release.images) == {one.name for one in target.artifacts} and all(
        image.get("digest") for image in release.images.values()
    )


def present(context: Context, branch: Branch) -> Release | None:
    """Give the release that stands on the branch; None if a person wrote what is there."""
    return next(filter(branch.stands, (*_of_runs(context, branch.target), *of_history(branch))), None)


def before(context: Context, branch: Branch) -> Release:
    """Give the release that was live before the present one; PermanentError `no-former-release` if there is none.

    What the present one was a return to does not count as before it.
    """
    found = _before_in(_of_deployments(context, branch.target), branch.stands) or _before_in(
        [(one, one.back) for one in of_history(branch)], branch.stands
    )
    if found is None:
        raise PermanentError(
            f"{branch.target.application} had no other release in {branch.target.environment} before the present one",
            code="no-former-release",
            hint="`--to` names a release that was promoted there once",
        )
    return found


def _before_in(stays: Sequence[tuple[Release, bool]], stands: Callable[[Release], bool]) -> Release | None:
    """Search releases, newest first, each with whether it was a return to an earlier one."""
    at = next((number for number, (one, _) in enumerate(stays) if stands(one)), None)
    if at is None:
        return stays[0][0] if stays else None
    digests = stays[at][0].digests
    while stays[at][1]:
        again = next((n for n, (one, _) in enumerate(stays) if n > at and one.digests == digests), None)
        if again is None:
            break
        at = again
    return next((one for one, _ in stays[at + 1 :] if one.digests != digests), None)


def named(context: Context, branch: Branch, text: str) -> Release:
    """Give the release that a run, commit, image or digest names; it must have been promoted here once.

    NotFoundError `release-unknown`; PermanentError `release-ambiguous`.
    """
    said = text.strip()
    found = {one.digests: one for one in reversed(_of_runs(context, branch.target)) if _is_named(one, said)}
    if not found:
        found = {one.digests: one for one in reversed(list(of_history(branch))) if _is_named(one, said)}
    place = f"{branch.target.application} in {branch.target.environment}"
    if not found:
        raise NotFoundError(
            f"{said[:100]} was never promoted as a release of {place}",
            code="release-unknown",
            hint="name a run, a source or manifest commit, an image or a digest; `mergeport runs list` shows runs",
        )
    if len(found) > 1:
        several = ", ".join(sorted(one.commit[:12] for one in found.values()))
        raise PermanentError(
            f"{said[:100]} names several releases of {place}: {several}",
            code="release-ambiguous",
            hint="name a digest or a run",
        )
    return next(iter(found.values()))


def _is_named(release: Release, said: str) -> bool:
    if said == release.run_id:
        return True
    if any(said in {str(one), one.tag} for one in release.references.values() if isinstance(one, ModelReference)):
        return True
    if version_of(said):
        return release.commit == said
    if _COMMIT.fullmatch(said.lower()):
        return release.commit.startswith(said.lower()) or (release.manifest_commit or "").startswith(said.lower())
    digests = {digest for _, digest in release.digests}
    if _DIGEST.fullmatch(said):
        parts = {part["digest"] for image in release.images.values() for part in image.get("parts", ())}
        return said in digests | parts
    image = _IMAGE.fullmatch(said)
    if image is None or not (image["tag"] or image["digest"]):
        return False
    return any(
        image["name"] in {one.name, one.repository}
        and image["tag"] in {None, one.tag}
        and image["digest"] in {None, one.digest}
        for one in release.references.values()
    )


# --- what the database knows ----------------------------------------------------------------------


def release_of(run: Run) -> Release | None:
    """Give what a run promoted; None if its images are not known to the digest."""
    if not run.images or not all(reference.digest for reference in images_of(run).values()):
        return None
    return Release(
        run.repository, run.branch, run.commit, handed_on(run.images, run.id), run.change_id, run.id,
        run.manifest_commit, back=run.rollback is not None,
    )  # fmt: skip


def _of_runs(context: Context, target: Target) -> list[Release]:
    """List what reached the manifest repository, newest first."""
    with context.store.read() as tx:
        found = runs.newest(tx, limit=MOST_RUNS, application=target.application, environment=target.environment)
    written = [release_of(run) for run in found if run.manifest_commit is not None]
    return [one for one in written if one is not None]


def _of_deployments(context: Context, target: Target) -> list[tuple[Release, bool]]:
    """List what was live, newest first, each with whether it was a return to an earlier release."""
    with context.store.read() as tx:
        stays = deployments.of_place(tx, target.application, target.environment, limit=MOST_STAYS)
        known = runs.some(tx, {one.run_id for one in stays})
    found = []
    for number, stay in enumerate(stays):
        run = known.get(stay.run_id)
        release = release_of(run) if run is not None else None
        if release is not None:
            found.append((release, release.back or _is_return(stays, number)))
    return found


def _is_return(stays: Sequence[Deployment], number: int) -> bool:
    """Tell whether a person took away what came before it, so that it was live again."""
    earlier = stays[number + 1 :]
    return bool(earlier) and earlier[0].by_us is False and any(one.run_id == stays[number].run_id for one in earlier)


# --- what git knows -------------------------------------------------------------------------------


def of_history(branch: Branch) -> Iterator[Release]:
    """Give the releases that commits of ours on the branch tell of, newest first."""
    for commit in branch.manifests.history(branch.tip, most=MOST_COMMITS, deepen=True):
        if branch.target.application in commit.message and (found := _of_commit(commit, branch.target)) is not None:
            yield found


def went_back_from(branch: Branch, refused: str) -> bool:
    """Tell whether a commit of ours on the branch went back from a release before."""
    place = (branch.target.application, branch.target.environment)
    for commit in branch.manifests.history(branch.tip, most=MOST_COMMITS, deepen=True):
        pairs = trailers.parse(commit.message) if refused in commit.message else ()
        told = trailers.value_of(pairs, trailers.APPLICATION), trailers.value_of(pairs, trailers.ENVIRONMENT)
        if told == place and trailers.value_of(pairs, trailers.ROLLBACK) == refused:
            return True
    return False


def _of_commit(commit: Commit, target: Target) -> Release | None:
    pairs = trailers.parse(commit.message)
    told = told_in(pairs)
    if told is None or (told.application, told.environment) != (target.application, target.environment):
        return None
    images = _by_name(told.references, target)
    if not images:
        return None
    return Release(
        Repository(told.repository or target.source), target.branch, told.commit,
        images, run_id=RunId(told.run), manifest_commit=commit.id,
        back=trailers.value_of(pairs, trailers.ROLLBACK) is not None,
        subject=trailers.value_of(pairs, trailers.REFERENCE_SUBJECT) or "",
    )  # fmt: skip


def _by_name(told: Iterable[ImageReference], target: Target) -> dict[str, dict[str, Any]]:
    references = list(told)
    found: dict[str, dict[str, Any]] = {}
    for image in target.artifacts:
        one = next((one for one in references if one.repository == image.repository and one.digest), None)
        if one is not None:
            found[image.name] = kept_from(one)
    return found
