"""Where a target's desired state is, and what it should say there: shared by commits, pull requests and checks."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from service.core.carry import Carried
from service.core.changes import PROMOTION_BRANCHES
from service.core.config import Target
from service.core.edits import images_alone, resolve_values
from service.core.step_back import StepBack
from service.core.values import FileEdit, Rewrite, rewrite
from service.core.words import Repository, Sha
from service.errors import MergeportError, RetryableError
from service.pipeline.context import Context
from service.pipeline.runs.claim import images_of
from service.ports import Manifests
from service.store.runs import Run

GROUP_SUFFIX = ".group"
DIFF_LIMIT = 200_000
"""Characters of an edit's diff that are kept; a promotion's is a hundredth of it."""


@dataclass(frozen=True, slots=True)
class Place:
    """A branch of a manifest repository."""

    repository: Repository
    branch: str

    @property
    def lease(self) -> str:
        """Name the lease under which the branch is written."""
        return f"manifest:{self.repository.key}:{self.branch}"


def place_of(context: Context, target: Target) -> Place:
    """Give where the target's values files are."""
    repository = target.manifest_repository or context.configuration_repository
    if target.manifest_branch is not None:
        return Place(repository, target.manifest_branch)
    if repository == context.configuration_repository:
        return Place(repository, context.configurations.branch())
    return Place(repository, context.configurations.default_branch(repository))


def targets_at(context: Context, place: Place) -> list[Target]:
    """Give the targets whose values are on a branch. Raises as the configuration does."""
    return [target for target in context.configurations.current().targets() if _is_at(context, target, place)]


def _is_at(context: Context, target: Target, place: Place) -> bool:
    try:
        return place_of(context, target) == place
    except MergeportError:
        return False


def renamed(context: Context, target: Target, place: Place) -> RetryableError | None:
    """Make the error that says that the target's values files moved, because the default branch was renamed.

    The default branch is asked for again; whoever gets the error begins anew with `place_of`. None if nothing moved.
    """
    context.configurations.ask_again(place.repository)
    now_at = place_of(context, target)
    if now_at == place:
        return None
    return RetryableError(
        f"{place.repository} has no branch {place.branch} any more, and {now_at.branch} is the default branch now",
        code="manifest-branch-renamed",
        retry_after=0.0,
    )


def promotion_branch(target: Target) -> str:
    """Name the branch of the target's pull requests: derived from environment and application, so there is only one."""
    return f"{PROMOTION_BRANCHES}{target.environment}/{target.application}"


def shared_branch(target: Target) -> str:
    """Name the branch of the pull request that a group's members share; empty where each has its own."""
    return f"{PROMOTION_BRANCHES}{target.environment}/{target.group}{GROUP_SUFFIX}" if target.group else ""


def head_branch(run: Run, target: Target) -> str:
    """Name the branch of the run's pull request. One that goes back waits for no group."""
    return promotion_branch(target) if run.rollback is not None else shared_branch(target) or promotion_branch(target)


def is_shared(branch: str) -> bool:
    """Tell whether several applications share a promotion branch. No application's name ends like it."""
    return branch.endswith(GROUP_SUFFIX)


def wanted_edits(run: Run, target: Target) -> tuple[FileEdit, ...]:
    """Give what each values file should say once the run is promoted, with what goes along with it."""
    carried = Carried.read(run.carried)
    return (*release_edits(run, target), *(carried.edits if carried is not None else ()))


def release_edits(run: Run, target: Target) -> tuple[FileEdit, ...]:
    """Give what tells that the run's release is there. A carried value may be changed by hand afterwards."""
    wanted = resolve_values(target, images_of(run), commit=run.commit, branch=run.branch)
    back = StepBack.read(run.rollback)
    return images_alone(target, wanted) if back is not None and back.images_only else wanted


def rewrite_at(manifests: Manifests, commit: Sha, wanted: Iterable[FileEdit]) -> Rewrite:
    """Compute the wanted edits on a commit; raises ValuesEditError or PermanentError where one is refused."""
    return rewrite(lambda file: manifests.read(commit, file), wanted, diff_limit=DIFF_LIMIT)


def has_images(manifests: Manifests, commit: Sha, wanted: tuple[FileEdit, ...]) -> bool:
    """Tell whether the values files at a commit already say what is wanted."""
    return not rewrite_at(manifests, commit, wanted).files
