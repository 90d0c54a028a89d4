"""Checks a configuration that is proposed: pushed to another branch than the one that is read, as for a pull request.

Called by intake. What comes of it is the status `mergeport/config` on the pushed commit, which a pull request shows;
nothing is kept as a configuration, and nothing comes into force.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from service.core.changes import PROMOTION_BRANCHES, Push
from service.core.config import Configuration
from service.core.config.telling import in_short
from service.core.values_check import check_values
from service.core.words import Sha
from service.errors import Fault, PermanentError
from service.pipeline.configurations import FILE
from service.pipeline.context import Context
from service.pipeline.manifest.place import Place, place_of
from service.ports import CommitState, Manifests
from service.store import reports
from service.store.configurations import STATUS_CONTEXT

_MISSING = "values-file-missing"


def check_proposed(context: Context, push: Push) -> str:
    """Set the status of a pushed commit whose mergeport.yaml differs from the newest that was read; give the words."""
    if (
        push.repository != context.configuration_repository
        or push.branch == context.configurations.branch()
        or push.branch.startswith(PROMOTION_BRANCHES)
    ):
        return ""
    proposed = context.configurations.proposed(push.after)
    if proposed is None:
        return ""
    configuration, faults = proposed
    if configuration is not None:
        faults = _values_faults(context, push, configuration)
    with context.store.begin() as tx:
        reports.want(
            tx,
            repository=context.configuration_repository,
            commit=push.after,
            context=STATUS_CONTEXT,
            run_id="",
            state=CommitState.FAILURE if faults else CommitState.SUCCESS,
            description=in_short(faults) if faults else f"{FILE} has no faults",
            url="",
        )
    return f"{FILE} at {push.after[:12]} was checked: {in_short(faults)}"


def _values_faults(context: Context, push: Push, configuration: Configuration) -> list[Fault]:
    """Check the values files that are in the pushed commit itself, and no others."""
    read = Place(context.configuration_repository, context.configurations.branch())
    targets = [target for target in configuration.targets() if place_of(context, target) == read]
    manifests = context.outside.manifests.open(context.configuration_repository)
    if not targets or manifests.fetch(push.branch) != push.after:
        return []  # the branch has moved on: its next push is checked
    return check_values(configuration, targets, _Commit(manifests, push.after), file=FILE)


@dataclass(frozen=True, slots=True)
class _Commit:
    """The files of a commit in the mirror, which does not list them."""

    manifests: Manifests
    commit: Sha

    def read(self, file: str) -> bytes | None:
        try:
            return self.manifests.read(self.commit, file)
        except PermanentError as error:
            if error.code == _MISSING:
                return None
            raise

    def names(self, folder: str) -> Collection[str]:  # noqa: ARG002 - the tree's
        return ()
