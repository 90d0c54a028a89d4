"""How two source commits stand to each other, for the order of promotions: known from pushes, else asked once and kept.

Called by the order of promotions, and by what tells what one brings. Decides nothing: the judgement is core.order's.
"""

from __future__ import annotations

from service.core.config import OrderPolicy
from service.core.models import is_model
from service.core.order import Answer, CommitTimes, Judgement, Relation, judge, relation_of_versions
from service.core.words import Repository, Sha
from service.errors import DoubtfulError
from service.pipeline.context import Context
from service.store import ancestry
from service.store.runs import Run


def judge_commit(context: Context, run: Run, policy: OrderPolicy, deployed: Sha, *, ask: bool) -> Judgement:
    """Judge a run against a deployed commit by what is stored; with `ask` also by what the forge says."""
    judgement = judge(policy, run.commit, deployed)
    if judgement.answer is not Answer.ASK_RELATION:
        return judgement
    relation = relation_of(context, run.repository, deployed, run.commit, ask=ask)
    if relation is Relation.GONE and not is_model(run.repository):
        _look_for(context, run)
    judgement = judge(policy, run.commit, deployed, relation=relation)
    if judgement.answer is not Answer.ASK_TIMES:
        return judgement
    times = _times(context, run.repository, deployed, run.commit, ask=ask)
    return judge(policy, run.commit, deployed, relation=relation, times=times)


def _look_for(context: Context, run: Run) -> None:
    """Raise DoubtfulError if the forge does not show the run's own commit, because it may lag behind the push.

    Until it shows the commit, a missing relation does not prove that history was rewritten.
    """
    if context.outside.forge.commit_time(run.repository, run.commit) is None:
        raise DoubtfulError(
            f"the forge does not show {run.commit[:12]} of {run.repository}",
            code="commit-not-seen-yet",
            hint="it comes within seconds, or the commit is gone from the repository",
            repository=run.repository,
        )


def relation_of(context: Context, repository: Repository, base: Sha, head: Sha, *, ask: bool = True) -> Relation | None:
    """Tell how `head` stands to `base`, by what is stored; with `ask` the forge is asked and its answer stored."""
    if is_model(repository):
        return relation_of_versions(base, head)
    with context.store.read() as tx:
        known = ancestry.relation(tx, repository, base, head)
    if known is not None or not ask:
        return known
    told = context.outside.forge.relation(repository, base, head)
    if told is not Relation.GONE:
        with context.store.begin() as tx:
            ancestry.remember(tx, repository, base, head, told)
    return told


def _times(context: Context, repository: Repository, deployed: Sha, new: Sha, *, ask: bool) -> CommitTimes | None:
    with context.store.read() as tx:
        known = {commit: ancestry.time(tx, repository, commit) for commit in (new, deployed)}
    for commit in [commit for commit, at in known.items() if at is None]:
        if not ask:
            return None
        at = known[commit] = context.outside.forge.commit_time(repository, commit)
        if at is not None:
            with context.store.begin() as tx:
                ancestry.remember_time(tx, repository, commit, at)
    return CommitTimes(known[new], known[deployed])
