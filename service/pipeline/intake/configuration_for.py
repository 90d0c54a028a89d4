"""The configuration that routes a delivery: the one in force, read again where only a newer one may start something.

Called by intake. A push that brings a broken file is a change like any other: the last good one routes it.
"""

from __future__ import annotations

import structlog

from service.core.changes import Push
from service.core.config import Configuration, Target
from service.core.config.telling import in_short
from service.core.routing import route
from service.core.words import Repository
from service.errors import PermanentError, RetryableError
from service.pipeline.context import Context
from service.pipeline.intake.runs_of_change import Note, Outcome, Part, mark_alone

log = structlog.get_logger()


def read_again(context: Context, push: Push) -> Note:
    """Read the configuration again after a push to its branch; give the result, also if it was read before."""
    context.configurations.heard(push.repository, push.default_branch)
    if push.repository != context.configuration_repository or push.branch != context.configurations.branch():
        return Note()
    stored = context.configurations.reload() or context.configurations.newest_if_at(push.after)
    if stored is None:
        return Note()
    if stored.good:
        return Note(f"mergeport.yaml at {stored.commit[:12]} is in force")
    what_now = (
        "the last good one stays in force" if context.configurations.has_good() else "and there is no valid one yet"
    )
    told = f"mergeport.yaml at {stored.commit[:12]} is refused, {what_now}: {in_short(stored.faults)}"
    return Note(f"{told}; all: {context.url}/configurations/{stored.commit}", refused=True)


def configuration_for(
    context: Context, part: Part, repository: Repository, branch: str, *, note: Note
) -> Configuration | None:
    """Give the configuration if the repository is a source in it; otherwise mark the delivery as done.

    A push that brings a broken file is a change like any other: the last good one routes it.
    """
    try:
        configuration = context.configurations.current()
    except PermanentError:
        if not note.words:
            raise
        mark_alone(context, part, Outcome(note.state, note.words))
        return None
    if _fed(configuration, repository, branch):
        return configuration
    configuration, told = _caught_up(context, part, configuration, repository)
    if repository in configuration.sources():
        return configuration
    if repository in configuration.manifest_repositories(context.configuration_repository):
        reason = f"{repository} is a manifest repository: its commits start no runs{told}"
    else:
        reason = f"{repository} is no source in mergeport.yaml{told}"
    mark_alone(context, part, Outcome(note.state, note.words or reason))
    return None


def _caught_up(
    context: Context, part: Part, configuration: Configuration, repository: Repository
) -> tuple[Configuration, str]:
    """Give the newest configuration, because only a newer one may let the delivery start something; and words about it.

    It may have been pushed just before the delivery, to a repository without a webhook. If the forge does not answer
    now, a known source goes on without it: most of its pushes go to branches that feed nothing, and other deliveries
    wait behind them.
    """
    try:
        if context.configurations.catch_up(part.delivery.received_at):
            return context.configurations.current(), ""
    except (PermanentError, RetryableError) as error:
        if repository not in configuration.sources():
            raise
        log.warning("the configuration cannot be read again", error=str(error))
    return configuration, "; it was not read again for this delivery"


def _fed(configuration: Configuration, repository: Repository, branch: str) -> tuple[Target, ...]:
    """Give the targets that the branch feeds, without those that are switched off."""
    return route(configuration, repository, branch, None).targets
