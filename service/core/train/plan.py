"""The plan of a train: of each application what would move, or the one reason why not. Values, and how two differ."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeAlias

from service.core.carry import Carried
from service.core.foreign_text import cut
from service.core.train.eligible import Lived
from service.core.train.reasons import Reason
from service.core.values import Changes, ScalarChange
from service.core.words import Publish, RunId, Sha

ID_LENGTH = 12
_DIGEST = "sha256:"
_SHORT_DIGEST = len(_DIGEST) + 12


@dataclass(frozen=True, slots=True)
class SourceChange:
    """A change of the source that moves with a release; `number` is its pull request's, 0 without one."""

    commit: Sha
    title: str
    author: str
    number: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True)
class Offer:
    """A release that could move, and what it would change in the values files as they are now."""

    lived: Lived
    changes: Changes
    carried: Carried | None = None

    @property
    def telling(self) -> tuple[ScalarChange, ...]:
        """The changes that tell releases apart; where an image is kept does not, and what goes along does not."""
        images = self.lived.images.values()
        where = {text for image in images for text in (image.registry, image.repository, image.name)}
        own = [change for file, change in self.changes if (file, change.path) not in self._paths]
        return tuple(change for change in own if change.after not in where) or tuple(own)

    @property
    def along(self) -> tuple[ScalarChange, ...]:
        """The changes of values that go along with the release."""
        return tuple(change for file, change in self.changes if (file, change.path) in self._paths)

    @property
    def _paths(self) -> frozenset[tuple[str, str]]:
        return self.carried.paths if self.carried is not None else frozenset()


@dataclass(frozen=True, slots=True)
class Move:
    """What would move: the release, its changes of values files, and the source changes that come with it.

    `previous` is the source commit that is in the values files now, None if nobody knows it. `goes_on` is the run that
    has the release there already and waits. `overrides` names the gates that are overridden with it, not those before.
    """

    application: str
    offer: Offer
    publish: Publish
    previous: Sha | None = None
    brings: tuple[SourceChange, ...] = ()
    notes: tuple[str, ...] = ()
    lifts_hold: bool = False
    overrides: tuple[str, ...] = ()
    goes_on: RunId | None = None

    @property
    def before(self) -> tuple[str, ...]:
        """The tags and digests that are replaced, short: what the values files say now."""
        return _texts(change.before for change in self.offer.telling)

    @property
    def after(self) -> tuple[str, ...]:
        """The tags and digests that replace them, short."""
        return _texts(change.after for change in self.offer.telling)

    def facts(self) -> dict[str, Any]:
        """Give what makes this move the same one when it is done."""
        return {
            "release": sorted(str(digest) for digest in self.offer.lived.digests),
            "commit": self.offer.lived.commit,
            "changes": [[file, change.path, change.before, change.after] for file, change in self.offer.changes],
            "lifts_hold": self.lifts_hold,
            "overrides": sorted(self.overrides),
        }


@dataclass(frozen=True, slots=True)
class Stays:
    """What does not move, and why; `until` is when the clock alone may change that."""

    application: str
    reason: Reason
    words: str
    until: datetime | None = None
    commit: Sha | None = None
    hint: str = ""


Line: TypeAlias = Move | Stays
Facts: TypeAlias = Mapping[str, Mapping[str, Any]]
"""What moves, by application: what a plan is compared by."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a train to an environment would do at a moment, by a configuration."""

    environment: str
    at: datetime
    configuration: Sha
    lines: tuple[Line, ...]

    @property
    def moves(self) -> tuple[Move, ...]:
        """What would move."""
        return tuple(line for line in self.lines if isinstance(line, Move))

    @property
    def stays(self) -> tuple[Stays, ...]:
        """What would not."""
        return tuple(line for line in self.lines if isinstance(line, Stays))

    def facts(self) -> dict[str, dict[str, Any]]:
        """Give what the plan is compared by: what moves, and from what to what."""
        return {move.application: move.facts() for move in self.moves}

    @property
    def id(self) -> str:
        """Name the plan by what it would do: two plans that would do the same have the same name."""
        return plan_id(self.environment, self.facts())


def plan_id(environment: str, facts: Facts) -> str:
    """Name what moves to an environment."""
    text = json.dumps([environment, facts], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:ID_LENGTH]


def what_changed(planned: Facts, now: Plan) -> Iterator[str]:
    """Say how a plan differs from what was planned before, an application a line."""
    facts, stays = now.facts(), {line.application: line for line in now.stays}
    for name in sorted({*planned, *facts}):
        then, there = planned.get(name), facts.get(name)
        if then == there:
            continue
        if there is None:
            why = f": {stays[name].reason}: {stays[name].words}" if name in stays else ""
            yield f"{name} does not move any more{why}"
        elif then is None:
            yield f"{name} moves now, too: {there['commit'][:12]}"
        elif then["release"] != there["release"]:
            yield f"{name}: {there['commit'][:12]} moves now, and not {then['commit'][:12]}"
        elif then["changes"] != there["changes"]:
            yield f"{name}: its values files say something else now"
        else:
            yield f"{name}: other gates are overridden, or a hold is lifted"


def _texts(values: Iterable[str | None]) -> tuple[str, ...]:
    texts = (value for value in values if value)
    return tuple(dict.fromkeys(cut(text, _SHORT_DIGEST if text.startswith(_DIGEST) else 60) for text in texts))
