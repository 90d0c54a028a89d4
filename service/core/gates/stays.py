"""Where a release was, and when it was healthy there: what the soak gate reads. Values and the matching of releases."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from service.core.words import Digest, Sha


@dataclass(frozen=True, slots=True)
class ReleaseIdentity:
    """What makes two releases the same one: the digests of the images, else the source tree, else the commit.

    `digests` is empty if not all of them are known, `tree` is None if it is not known.
    """

    digests: frozenset[Digest]
    tree: str | None
    commit: Sha


@dataclass(frozen=True, slots=True)
class Stretch:
    """Healthy without a break from `since`; `until` is None as long as it lasts."""

    since: datetime
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class Stay:
    """A release being live in an environment; `until` is None as long as it is.

    `degraded` has the moments at which Argo CD called it degraded; each ends a stretch that goes over it.
    """

    environment: str
    release: ReleaseIdentity
    healthy: tuple[Stretch, ...] = ()
    degraded: tuple[datetime, ...] = ()
    until: datetime | None = None


def stays_of(release: ReleaseIdentity, environment: str, stays: Sequence[Stay]) -> tuple[tuple[Stay, ...], str]:
    """Give the stays of a release in an environment and by what they are its own; nothing if it never ran there.

    The strongest identity that any stay shares decides alone: a stay of the same commit proves nothing beside one of
    the same digest.
    """
    here = [stay for stay in stays if stay.environment == environment]
    for by, same in (
        ("digest", [stay for stay in here if release.digests and stay.release.digests == release.digests]),
        ("source tree", [stay for stay in here if release.tree and stay.release.tree == release.tree]),
        ("source commit", [stay for stay in here if stay.release.commit == release.commit]),
    ):
        if same:
            return tuple(same), by
    return (), ""
