"""Finds the paths that a change touched. If they cannot be found, all paths count, and the reason is kept.

Called by intake. It asks the forge first, which takes one request, and git itself if that answer is not complete.
"""

from __future__ import annotations

from dataclasses import dataclass

import structlog

from service.core.config import Configuration
from service.core.routing import route, switched_off
from service.core.words import Repository, Sha
from service.errors import DoubtfulError, PermanentError
from service.pipeline.context import Context

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Touched:
    """The touched paths. None means that all count as touched; `words` say why, if a filter would have asked."""

    paths: list[str] | None
    words: str = ""


def touched(
    context: Context, configuration: Configuration, repository: Repository, branch: str, before: Sha | None, after: Sha
) -> Touched:
    """Look up the changed paths, if any target of the branch, switched off or not, filters by paths."""
    fed = route(configuration, repository, branch, None).targets
    if not any(target.paths for target in (*fed, *switched_off(configuration, repository, branch))):
        return Touched(None)
    if before is None:
        return Touched(None, "every path counts as touched: the branch is new")
    found = context.outside.forge.changed_paths(repository, before, after)
    if found is not None:
        return Touched(sorted(found))
    try:
        found = context.outside.trees.changed_paths(repository, before, after)
    except (PermanentError, DoubtfulError) as error:
        log.warning("git cannot list the changed paths", error=str(error), code=error.code)
        return Touched(
            None,
            f"every path counts as touched: there are too many for the API, and git cannot list them ({error.code})",
        )
    if found is None:
        return Touched(None, f"every path counts as touched: {before[:12]} is gone, so nothing can be compared with it")
    return Touched(sorted(found))
