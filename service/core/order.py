"""Decides whether a source commit may replace the deployed one, so that no older commit replaces a newer one.

The promote stage asks, about one image that its edit would replace. Nothing here looks anything up: where the answer
depends on what is not known yet, it says what to ask for, and the caller judges again with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.core.config.targets import OrderPolicy
from service.core.models import version_of
from service.core.words import OrderBy, Rewritten, Sha


class Relation(StrEnum):
    """How a commit stands to another: it is the same, descends from it, is descended from, or neither."""

    IDENTICAL = "identical"
    AHEAD = "ahead"
    BEHIND = "behind"
    DIVERGED = "diverged"
    GONE = "gone"
    """One of the two no longer exists, or they have nothing in common."""

    @property
    def turned(self) -> Relation:
        """The relation as seen from the other commit."""
        return {Relation.AHEAD: Relation.BEHIND, Relation.BEHIND: Relation.AHEAD}.get(self, self)


def relation_of_versions(base: Sha, head: Sha) -> Relation:
    """Tell how a model's version stands to another: the greater number is newer."""
    first, second = version_of(base), version_of(head)
    if not first or not second:
        return Relation.GONE
    if int(first) == int(second):
        return Relation.IDENTICAL
    return Relation.AHEAD if int(second) > int(first) else Relation.BEHIND


class Answer(StrEnum):
    """What happens to a run, or what has to be looked up first."""

    GO_ON = "go-on"
    SUPERSEDED = "superseded"
    REFUSE = "refuse"
    ASK_RELATION = "ask-relation"
    ASK_TIMES = "ask-times"


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer and its words, if people should see any; `deployed` is the commit that it was judged against."""

    answer: Answer
    words: str = ""
    deployed: Sha | None = None


@dataclass(frozen=True, slots=True)
class CommitTimes:
    """The committer's dates of the new and of the deployed commit; None for a commit that is gone."""

    new: datetime | None
    deployed: datetime | None


def judge(
    policy: OrderPolicy,
    new: Sha,
    deployed: Sha | None,
    *,
    relation: Relation | None = None,
    times: CommitTimes | None = None,
) -> Judgement:
    """Judge whether the new commit's image may take the place of the deployed commit's.

    `deployed` None means that the source commit of the image is unknown: the run goes on and says so. `relation` is how
    `new` stands to `deployed`. Ancestry decides wherever it can, whatever the policy says, because clocks may be wrong
    and ancestry cannot.
    """
    if policy.by is OrderBy.OFF or deployed == new:
        return Judgement(Answer.GO_ON, deployed=deployed)
    if deployed is None:
        return Judgement(Answer.GO_ON, "order not checked: the source commit of the deployed image is not known")
    match relation:
        case None:
            return Judgement(Answer.ASK_RELATION, deployed=deployed)
        case Relation.IDENTICAL | Relation.AHEAD:
            return Judgement(Answer.GO_ON, deployed=deployed)
        case Relation.BEHIND:
            words = f"{_short(deployed)} is deployed, which contains {_short(new)} already"
            return Judgement(Answer.SUPERSEDED, words, deployed)
        case Relation.DIVERGED | Relation.GONE:
            if policy.by is OrderBy.COMMIT_TIME:
                return _by_time(policy, new, deployed, relation, times)
            return _rewritten(policy, new, deployed, relation)


def _by_time(policy: OrderPolicy, new: Sha, deployed: Sha, relation: Relation, times: CommitTimes | None) -> Judgement:
    if times is None:
        return Judgement(Answer.ASK_TIMES, deployed=deployed)
    if times.new is None or times.deployed is None:
        return _rewritten(policy, new, deployed, relation)
    if times.new < times.deployed:
        words = (
            f"{_short(deployed)} is deployed, of {times.deployed:%Y-%m-%d %H:%M:%S}, "
            f"and newer than {_short(new)}, of {times.new:%Y-%m-%d %H:%M:%S}"
        )
        return Judgement(Answer.SUPERSEDED, words, deployed)
    return Judgement(Answer.GO_ON, deployed=deployed)


def _rewritten(policy: OrderPolicy, new: Sha, deployed: Sha, relation: Relation) -> Judgement:
    words = (
        f"{_short(deployed)} is deployed, and {_short(new)} neither contains it nor is contained in it"
        if relation is Relation.DIVERGED
        else f"{_short(deployed)} is deployed, and has no history in common with {_short(new)} any more"
    )
    if policy.rewritten is Rewritten.ALLOW:
        return Judgement(Answer.GO_ON, f"{words}; allowed by `order`", deployed)
    return Judgement(Answer.REFUSE, words, deployed)


def _short(commit: Sha) -> str:
    return commit[:12]
