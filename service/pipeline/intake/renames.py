"""Knows repositories again that were renamed or went to another owner, by the forge's ids in what sources tell.

Called by intake before an event is worked. `mergeport.yaml` has the old name until a person changes it: the event is
worked under that name, which the forge still leads to the repository.
"""

from __future__ import annotations

from dataclasses import replace

import structlog

from service.core.changes import BuildHint, Commented, Event, GateHint, Hint, PullRequestMerged, Push
from service.core.words import Repository
from service.errors import PermanentError
from service.pipeline.context import Context
from service.store import repositories
from service.store.repositories import Known

log = structlog.get_logger()

Named = Push | PullRequestMerged | Hint | BuildHint | GateHint | Commented
"""The events that name a repository."""


def under_known_name(context: Context, event: Event) -> Event:
    """Give the event with the repository's name as we know it; the event itself if the name is the same."""
    if not isinstance(event, Named) or not event.repository_id:
        return event
    with context.store.read() as tx:
        known = repositories.of_id(tx, event.repository_id)
    if known == Known(event.repository, event.repository):
        return event
    named = _named(context)
    if event.repository in named:
        _keep(context, event.repository_id, Known(event.repository, event.repository))
        return event
    if known is None or known.name not in named:
        return event
    if known.called != event.repository:
        log.warning("a repository was renamed", repository=known.name, called=event.repository)
        _keep(context, event.repository_id, Known(known.name, event.repository))
    return _renamed(event, known.name)


def _named(context: Context) -> frozenset[Repository]:
    """Give the names of repositories that the configuration in force has."""
    own = context.configuration_repository
    try:
        configuration = context.configurations.current()
    except PermanentError:
        return frozenset({own})
    return configuration.sources() | configuration.manifest_repositories(own) | {own}


def _keep(context: Context, forge_id: str, known: Known) -> None:
    with context.store.begin() as tx:
        repositories.keep(tx, forge_id, known)


def _renamed(event: Named, name: Repository) -> Event:
    match event:
        case Push() | BuildHint() | GateHint() | Commented():
            return replace(event, repository=name)
        case PullRequestMerged():
            return _merged(event, name)
        case Hint():
            return replace(event, repository=name, merge=_merged(event.merge, name) if event.merge else None)


def _merged(merged: PullRequestMerged, name: Repository) -> PullRequestMerged:
    head = name if merged.head_repository == merged.repository else merged.head_repository
    return replace(merged, repository=name, head_repository=head)
