"""Tells commits that Mergeport made itself from those of people, so that its own work starts nothing and goes on.

Called by intake and by promotions. Commits that we pushed are known by their id, and after the loss of the database by
what they are. What GitHub made of a promotion's pull request when it was merged is known by that pull request: its
branch, and that our own account opened it.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from service.core import trailers
from service.core.artifacts import told_in
from service.core.changes import PROMOTION_BRANCHES, PullRequestMerged, Push
from service.core.config import Configuration, Target
from service.core.edits import resolve_values
from service.core.standing import Made
from service.core.values import FileEdit
from service.core.words import Sha
from service.errors import MergeportError, RetryableError
from service.pipeline.context import Context
from service.pipeline.manifest.place import rewrite_at
from service.ports import Manifests
from service.store import edits

_MOST_ASKED = 10
MOST_ANSWERS, LOOP_WINDOW = 5, timedelta(hours=1)
"""How many commits of ours, in how long, may follow pushes to their own branch that touch only values files.

One round takes a build and whatever pushes after it, which may be many minutes.
"""


def is_own(context: Context, push: Push) -> bool:
    """Tell whether a push brings only commits that we made.

    They are recognised by their ids in any repository, or by the trailers in their messages. So it matters neither how
    a name is written nor who the committer is, and the database may be lost.
    """
    with context.store.read() as tx:
        ours = edits.any_own(tx, {push.after, *push.commits})
    return push.after in ours or set(push.commits) <= push.promotions | ours


def is_loop(context: Context, configuration: Configuration, push: Push) -> bool:
    """Tell whether our commits and pushes like this one have followed each other too often: the fuse against loops.

    It does not ask who made the commits. It counts how often a push that touched only values files made us write to
    that same branch, and stops the loop after some of these in an hour.
    """
    written = {file.file for target in configuration.targets() for file in target.values}
    if not push.touched or not push.touched <= written:
        return False
    since = context.now() - LOOP_WINDOW
    with context.store.read() as tx:
        return edits.answered_changes(tx, push.repository, push.branch, since=since) >= MOST_ANSWERS


def is_promotions(context: Context, merged: PullRequestMerged) -> bool:
    """Tell whether a pull request from a branch that is named as ours are is one of ours.

    It is not ours in a repository that we do not write to, nor if another account opened it and we did not push its
    branch.
    """
    with context.store.read() as tx:
        if edits.promotion_tip(tx, merged.repository, merged.head_branch) is not None:
            return True
    ours = context.configurations.current().manifest_repositories(context.configuration_repository)
    return merged.repository in ours and merged.author == context.outside.manifest_forge.identity()


def is_merged_promotion(context: Context, configuration: Configuration, push: Push) -> bool:
    """Tell whether a push brings only merged promotions; asked only if sources and manifests share a repository."""
    ours = configuration.manifest_repositories(context.configuration_repository)
    if push.repository not in ours and not push.promotions:
        return False
    brought = dict.fromkeys((*push.commits, push.after))
    return len(brought) <= _MOST_ASKED and all(
        _is_of_promotion(context, configuration, push, commit) for commit in brought
    )


def _is_of_promotion(context: Context, configuration: Configuration, push: Push, commit: Sha) -> bool:
    with context.store.read() as tx:
        if commit in push.promotions or edits.any_own(tx, {commit}):
            return True
    forge = context.outside.manifest_forge
    if push.sender == forge.identity() and _is_forgotten(context, configuration, push, commit):
        return True
    ours = [
        pull_request
        for pull_request in forge.pull_requests_of(push.repository, commit)
        if pull_request.head.startswith(PROMOTION_BRANCHES)
    ]
    return bool(ours) and all(pull_request.author == forge.identity() for pull_request in ours)


def _is_forgotten(context: Context, configuration: Configuration, push: Push, commit: Sha) -> bool:
    """Tell whether a commit that our own account pushed is a promotion that the store has lost."""
    manifests = context.outside.manifests.open(push.repository)
    pairs = trailers.parse(manifests.describe(commit).message)
    place = trailers.value_of(pairs, trailers.APPLICATION), trailers.value_of(pairs, trailers.ENVIRONMENT)
    for target in configuration.targets():
        if (target.application, target.environment) == place:
            return is_of_ours(context, manifests, target, commit, base=push.after)
    return False


def is_of_ours(context: Context, manifests: Manifests, target: Target, commit: Sha, *, base: Sha) -> bool:
    """Tell whether a commit is a promotion of ours for the target that the store has lost."""
    return promoted_by(context, manifests, target, commit, base=base) is not None


def promoted_by(
    context: Context, manifests: Manifests, target: Target, commit: Sha, *, base: Sha
) -> tuple[FileEdit, ...] | None:
    """Give what a promotion of ours wrote that the store has lost; None for any other commit.

    Its committer is ours, its trailers are whole, its only parent is on the base, and it has exactly the files that our
    edit of that parent has. So replacing it loses no work of a person: whoever amends or cherry-picks a commit becomes
    its committer, and whoever changes a file makes it differ from our edit.
    """
    told = manifests.describe(commit)
    promotion = _promotion_of(trailers.parse(told.message), target)
    if promotion is None or told.committer != context.committer or len(told.parents) != 1:
        return None
    parent = told.parents[0]
    if parent not in manifests.ancestors(base, {parent}):
        return None
    images = {
        one.name: image for one in target.artifacts for image in promotion.images if image.repository == one.repository
    }
    if len(images) != len(target.artifacts):
        return None
    try:
        wanted = resolve_values(target, images, commit=promotion.commit, branch=target.branch)
        done = rewrite_at(manifests, parent, wanted)
        again = manifests.commit(
            parent, done.files, told.message, author=told.author, committer=told.committer, at=told.at
        )
    except RetryableError:
        raise
    except MergeportError:
        return None
    return wanted if done.files and manifests.describe(again).tree == told.tree else None


def _promotion_of(pairs: Sequence[tuple[str, str]], target: Target) -> Made | None:
    """Read from a complete set of our trailers what was promoted; None if one is missing or of another target."""
    told = told_in(pairs)
    if told is None or not told.whole:
        return None
    if (told.application, told.environment, told.repository) != (target.application, target.environment, target.source):
        return None
    return Made(told.commit, told.references)
