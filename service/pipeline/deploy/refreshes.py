"""Refreshes: a row asks the deployer to look at an application, again and again until it compares our commit.

Stage deploy and looks write the rows; the worker's refresher sends many of them at once. So a deployer that answers
slowly delays no run, no push and no look. A lost refresh does no harm: the next look sees that the deployer is behind,
and wants it again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import timedelta

import structlog

from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.deploy.live_watch import look_at_one
from service.pipeline.manifest.place import place_of
from service.ports import Deployer
from service.store import refreshes
from service.store.refreshes import Refresh

_FIRST_PAUSE_SECONDS = 3.0
_GROWTH = 1.6
_LONGEST_PAUSE_SECONDS = 30.0
_MOST_FOLLOWED = 6
"""How often an application that still changes is refreshed again, only to see its final state."""

log = structlog.get_logger()


def take_due(context: Context, *, limit: int) -> list[Refresh]:
    """Take the refreshes that are due, at most so many."""
    with context.store.read() as tx:
        due = refreshes.due(tx, context.now(), limit=limit) if limit else []
    if not due:
        return []
    with context.store.begin() as tx:
        return [refresh for refresh in due if refreshes.take(tx, refresh, now=context.now())]


def tell(context: Context, refresh: Refresh) -> None:
    """Send one refresh to the deployer. An error ends no run, because the look will find what is wrong."""
    deployer = context.outside.deployer
    if deployer is None:
        return
    try:
        seen = deployer.refresh(refresh.application)
    except MergeportError as error:
        if error.code == "argocd-application-unknown":
            _announce(context, deployer, refresh.application)
        log.info(
            "the deployer was not refreshed", application=refresh.application, reason=error.message, code=error.code
        )
        return
    if seen is None or not look_at_one(context, refresh.application, seen) or refresh.times >= _MOST_FOLLOWED:
        return
    with context.store.begin() as tx:
        told = refreshes.of(tx, [refresh.application])[refresh.application]
        refreshes.want_again(tx, told, at=context.now() + _pause(told))


def _announce(context: Context, deployer: Deployer, application: str) -> None:
    """Announce the branch to what creates applications, as one does not exist.

    This may not help: its name may be misspelt.
    """
    try:
        targets = [one for one in context.configurations.current().targets() if one.argocd_application == application]
        for place in dict.fromkeys(place_of(context, target) for target in targets):
            deployer.announce(context.outside.manifest_forge.web_url(place.repository), place.branch)
    except MergeportError as error:
        log.warning(
            "a new application was not announced", application=application, reason=error.message, code=error.code
        )


def again(context: Context, behind: Collection[str], known: Mapping[str, Refresh]) -> None:
    """Want another refresh of applications that do not compare our commit, each after a growing pause."""
    late = [one for name in behind if (one := known.get(name)) is not None and _is_late(context, one)]
    unknown = [name for name in behind if name not in known]
    if not late and not unknown:
        return
    with context.store.begin() as tx:
        for refresh in late:
            refreshes.want_again(tx, refresh, at=context.now())
        for name in unknown:
            refreshes.want(tx, name, at=context.now())


def _is_late(context: Context, refresh: Refresh) -> bool:
    if refresh.wanted_at is not None or refresh.told_at is None:
        return False
    return context.now() >= refresh.told_at + _pause(refresh)


def _pause(refresh: Refresh) -> timedelta:
    return timedelta(seconds=min(_FIRST_PAUSE_SECONDS * _GROWTH ** max(0, refresh.times - 1), _LONGEST_PAUSE_SECONDS))
