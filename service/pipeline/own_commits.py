"""Tells pushes that Mergeport made itself from those of people, so that its own work starts nothing.

Called by intake. Commits that we pushed are known by their id. What GitHub made of a promotion's pull request when it
was merged is known by that pull request: its branch, and that our own account opened it.
"""

from __future__ import annotations

from service.core.config import Configuration
from service.core.events import PROMOTION_BRANCHES, Push
from service.core.words import Sha
from service.pipeline.context import Context
from service.store import edits

_MOST_ASKED = 10


def is_own(context: Context, push: Push) -> bool:
    """Tell whether the head of a push is a commit that we made."""
    with context.store.read() as tx:
        return edits.is_own(tx, push.repository, push.after)


def is_merged_promotion(context: Context, configuration: Configuration, push: Push) -> bool:
    """Tell whether a push brings nothing but merged promotions; it is asked only where sources and manifests share."""
    if push.repository not in configuration.manifest_repositories(context.configuration_repository):
        return False
    brought = dict.fromkeys((*push.commits, push.after))
    return len(brought) <= _MOST_ASKED and all(_is_of_promotion(context, push, commit) for commit in brought)


def _is_of_promotion(context: Context, push: Push, commit: Sha) -> bool:
    with context.store.read() as tx:
        if edits.is_own(tx, push.repository, commit):
            return True
    forge = context.outside.manifest_forge
    ours = [
        pull_request
        for pull_request in forge.pull_requests_of(push.repository, commit)
        if pull_request.head.startswith(PROMOTION_BRANCHES)
    ]
    return bool(ours) and all(pull_request.author == forge.identity() for pull_request in ours)
