"""Never backwards: whether a source commit may take the place of the one that is deployed.

The promote stage asks, about one image that its edit would replace. Nothing here looks anything up: where the answer
depends on what is not known yet, it says what to ask for, and the caller judges again with it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from service.core.config.targets import OrderPolicy
from service.core.images import ImageReference
from service.core.words import Digest, OrderBy, Rewritten, Sha

SHORTEST_COMMIT = 7
"""Characters of a commit that are taken for it where a values file has them instead of a tag."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_PLACEHOLDER = "sha256:" + "0" * 64
"""What people write where there is no image yet."""


class Relation(StrEnum):
    """How a commit stands to another: it is the same, descends from it, is descended from, or neither."""

    IDENTICAL = "identical"
    AHEAD = "ahead"
    BEHIND = "behind"
    DIVERGED = "diverged"
    GONE = "gone"
    """One of the two is not there any more, or they have nothing in common."""

    @property
    def turned(self) -> Relation:
        """The relation seen from the other commit."""
        return {Relation.AHEAD: Relation.BEHIND, Relation.BEHIND: Relation.AHEAD}.get(self, self)


class Answer(StrEnum):
    """What becomes of a run, or what has to be known first."""

    GO_ON = "go-on"
    SUPERSEDED = "superseded"
    REFUSE = "refuse"
    ASK_RELATION = "ask-relation"
    ASK_TIMES = "ask-times"

    @property
    def asks(self) -> bool:
        """Whether something has to be looked up, and judged again."""
        return self in {Answer.ASK_RELATION, Answer.ASK_TIMES}


@dataclass(frozen=True, slots=True)
class Judgement:
    """The answer and, where people should see any, its words; `deployed` is the commit that it was judged against."""

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

    `deployed` None means that nobody knows what the image was made of: allowed, and said. `relation` is how `new`
    stands to `deployed`. Ancestry decides wherever it can, whatever the policy: a clock may be wrong, and a commit
    that contains the other never is.
    """
    if policy.by is OrderBy.OFF or deployed == new:
        return Judgement(Answer.GO_ON, deployed=deployed)
    if deployed is None:
        return Judgement(Answer.GO_ON, "order not checked: what was deployed before is not known")
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


# --- which image stands in a values file ------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Made:
    """Images and the source commit that they were made of: by a run of ours, or by a manifest commit's trailers."""

    commit: Sha
    images: tuple[ImageReference, ...]

    def has(self, standing: str) -> bool:
        """Tell whether a text that stands in a values file names one of these images, or the commit."""
        if _DIGEST.fullmatch(standing):
            return any(image.digest == standing for image in self.images)
        return any(_named(image.tag, standing) for image in self.images) or any(
            len(word) >= SHORTEST_COMMIT and self.commit.startswith(word) for word in _words(standing)
        )


def standing_images(
    replaced: Iterable[tuple[str | None, str]], wanted: Iterable[str], commit: Sha, images: Collection[ImageReference]
) -> tuple[str, ...]:
    """Name the images that an edit would replace: digests where it writes any, else the texts with a tag in them.

    `replaced` are the scalars that it changes, as they are and as they will be; `wanted` is all that it writes.
    Nothing is named where the new image's digests stand there already, and where there is no image yet.
    """
    changes, digests = list(replaced), {image.digest for image in images}
    befores = [before for before, after in changes if _digest(after) in digests]
    if told := [digest for digest in map(_digest, befores) if digest is not None]:
        return tuple(dict.fromkeys(told))
    there_already = not befores and any(_digest(text) in digests for text in wanted)
    if there_already or any(_PLACEHOLDER in (before or "") for before in befores):
        return ()
    tags = {image.tag for image in images}
    texts = [
        before
        for before, after in changes
        if before and (any(_named(tag, after) for tag in tags) or commit[:SHORTEST_COMMIT] in after)
    ]
    return tuple(text for text in dict.fromkeys(texts) if not _digest(text))


def _digest(text: str | None) -> Digest | None:
    """Give the digest in a text, unless it only holds the place of one."""
    match = _DIGEST.search(text or "")
    return Digest(match[0]) if match and match[0] != _PLACEHOLDER else None


def _named(tag: str, text: str) -> bool:
    """Tell whether a tag stands in a text by itself: `1.2` is not in `1.2.3`."""
    return re.search(rf"(?<![\w.-]){re.escape(tag)}(?![\w.-])", text) is not None


def _words(text: str) -> list[str]:
    return re.findall(r"(?<![0-9A-Za-z])[0-9a-f]+(?![0-9A-Za-z])", text)
