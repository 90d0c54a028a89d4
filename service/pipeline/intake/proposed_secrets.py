"""Searches what is proposed for plain secrets: a push to another branch of a manifest repository.

Called by intake. It looks at the values files and at `apps/`, as far as they differ from the branch that is deployed,
so that a secret of an earlier push is found as well. What comes of it is the status `mergeport/secrets` on the pushed
commit. It says so when the search did not end well; Mergeport's own promotions are not searched, and wait for nothing.
"""

from __future__ import annotations

import structlog

from service.core.changes import PROMOTION_BRANCHES, STATE_BRANCH, Push
from service.core.config import Target
from service.core.plain_secrets import Scope, allowed_words, chosen, faults_of, in_scope, tell_in_short
from service.errors import PermanentError
from service.pipeline.configurations import FILE
from service.pipeline.context import Context
from service.pipeline.manifest.place import Place, place_of
from service.ports import CommitState, Manifests
from service.store import reports

SECRETS_CONTEXT = "mergeport/secrets"

log = structlog.get_logger()


def search_proposed(context: Context, push: Push) -> str:
    """Set the status of a pushed commit that changes values files; give the words, empty if nothing was to search."""
    configuration = context.configurations.known()
    if configuration is None or push.branch.startswith(PROMOTION_BRANCHES) or push.branch == STATE_BRANCH:
        return ""
    targets = [target for target in configuration.targets() if _repository(context, target) == push.repository]
    places = {place_of(context, target) for target in targets}
    if not places or Place(push.repository, push.branch) in places:
        return ""
    manifests = context.outside.manifests.open(push.repository)
    try:
        scope = _proposed(context, manifests, push, targets, sorted(place.branch for place in places))
        if scope is None:
            return ""
        state, words = _judge(context, scope)
    except PermanentError as error:
        log.warning("a proposal was not searched for plain secrets", commit=push.after, error=error.code)
        state, words = CommitState.ERROR, error.message
    with context.store.begin() as tx:
        reports.want(
            tx,
            repository=push.repository,
            commit=push.after,
            context=SECRETS_CONTEXT,
            run_id="",
            state=state,
            description=words,
            url="",
        )
    return f"{push.after[:12]} was searched for plain secrets: {words}"


def _proposed(
    context: Context, manifests: Manifests, push: Push, targets: list[Target], branches: list[str]
) -> Scope | None:
    """Read what differs from every branch that is deployed; None if that is nothing, or the branch has moved on."""
    head, *tips = manifests.fetch_all([push.branch, *branches])
    if head != push.after:
        return None
    changes = [manifests.changed(tip, push.after) for tip in tips if tip is not None]
    changed = frozenset.intersection(*changes) if changes else frozenset()
    if FILE in changed and push.repository == context.configuration_repository:
        targets = [*targets, *_proposed_targets(context, push)]
    names = in_scope(targets, changed)
    found = manifests.read_all(push.after, names) if names else {}
    return chosen({name: found.get(name) for name in names}) if found else None


def _proposed_targets(context: Context, push: Push) -> list[Target]:
    """Give the targets whose values files only the proposed configuration names."""
    proposed = context.configurations.proposed(push.after)
    configuration = proposed[0] if proposed is not None else None
    targets = configuration.targets() if configuration is not None else ()
    return [target for target in targets if _repository(context, target) == push.repository]


def _judge(context: Context, scope: Scope) -> tuple[CommitState, str]:
    found = context.outside.secrets.search(scope.files)
    faults, allowed = faults_of(found), allowed_words(found)
    words = tell_in_short(faults, allowed, scope.left)
    if faults:
        return CommitState.FAILURE, words
    return CommitState.ERROR if scope.left else CommitState.SUCCESS, words


def _repository(context: Context, target: Target) -> str:
    return target.manifest_repository or context.configuration_repository
