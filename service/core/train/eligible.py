"""Which releases upstream may go on, the newest first, and why the newer ones may not. Pure.

What is live and healthy counts, and what was healthy until a newer release of ours replaced it. What somebody went
back behind does not count any more, unless a person names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from service.core.gates.moments import moment
from service.core.images import ImageReference
from service.core.train.reasons import Reason
from service.core.words import ChangeId, Digest, RunId, Sha


@dataclass(frozen=True, slots=True)
class Lived:
    """A release being live upstream, now or once; `watched` tells whether anybody says how healthy it is.

    `change` orders releases of one source: changes are numbered as they come in.
    """

    run: RunId
    environment: str
    commit: Sha
    change: ChangeId
    images: Mapping[str, ImageReference]
    since: datetime
    healthy_since: datetime | None
    watched: bool = True
    health: str = ""
    until: datetime | None = None
    by_us: bool = False
    ended_by: str = ""
    image_gone_since: datetime | None = None

    @property
    def digests(self) -> frozenset[Digest | None]:
        """What makes it the same release as another one."""
        return frozenset(image.digest for image in self.images.values())

    @property
    def healthy(self) -> bool:
        """Whether it is healthy, or was when it ended."""
        return self.healthy_since is not None or not self.watched


@dataclass(frozen=True, slots=True)
class Named:
    """The release that a person names: by a digest of its images, a run, or the source commit."""

    digest: str = ""
    run: str = ""
    commit: str = ""

    def means(self, lived: Lived) -> bool:
        """Tell whether a release is the named one; a commit may be written short."""
        if self.digest:
            return self.digest in lived.digests
        return lived.run == self.run if self.run else lived.commit.startswith(self.commit)

    def __str__(self) -> str:
        return self.digest or self.run or self.commit


@dataclass(frozen=True, slots=True)
class Passed:
    """A release that may not go on, and why."""

    lived: Lived
    reason: Reason
    words: str


@dataclass(frozen=True, slots=True)
class Eligible:
    """The releases that may go on, the newest first, and those that may not."""

    releases: tuple[Lived, ...] = ()
    passed: tuple[Passed, ...] = ()

    def why_not(self, environments: Sequence[str]) -> tuple[Reason, str]:
        """Say why nothing may go on: what is wrong with the newest release, or that there never was one."""
        if self.passed:
            return self.passed[0].reason, self.passed[0].words
        return Reason.NEVER_RAN, f"it was never live in {' or '.join(environments)}"


def eligible(
    lived: Sequence[Lived], environments: Sequence[str], *, every: bool = False, named: Named | None = None
) -> Eligible:
    """Sort out the releases of one application; `lived` has those of each environment with the newest first.

    With `every` a release must be eligible in all of the environments, else in one.
    """
    wanted = [one for one in lived if named is None or named.means(one)]
    each = {name: list(_judged([one for one in wanted if one.environment == name], named)) for name in environments}
    good = [one for judged in each.values() for one, passed in judged if passed is None]
    bad = [passed for judged in each.values() for _, passed in judged if passed is not None]
    if every:
        good, missing = _everywhere(good, environments)
        bad += missing
    releases = _once(sorted(good, key=_age, reverse=True))
    newest_first = sorted(bad, key=lambda one: _age(one.lived), reverse=True)
    gone = {one.digests for one in releases}
    return Eligible(tuple(releases), tuple(one for one in newest_first if one.lived.digests not in gone))


def _age(lived: Lived) -> tuple[str, datetime]:
    return lived.change, lived.since


def _judged(place: Sequence[Lived], named: Named | None) -> Iterator[tuple[Lived, Passed | None]]:
    """Judge the releases of one environment, the newest first."""
    oldest: str | None = None
    for one in place:
        stepped_back = oldest is not None and one.change > oldest
        oldest = one.change if oldest is None else min(oldest, one.change)
        yield one, _why_passed(one, stepped_back=stepped_back and named is None, named=named)


def _why_passed(one: Lived, *, stepped_back: bool, named: Named | None) -> Passed | None:
    what, where = one.commit[:12], one.environment
    if one.image_gone_since is not None:
        words = f"an image of {what} is missing in its registry since {moment(one.image_gone_since)}"
        return Passed(one, Reason.IMAGE_GONE, words)
    if one.until is not None and named is None and (stepped_back or not one.by_us):
        words = f"{what} was taken back in {where} at {moment(one.until)}"
        return Passed(one, Reason.NOT_HEALTHY, f"{words}: {one.ended_by}" if one.ended_by else words)
    if not one.healthy:
        now = f"is {one.health or 'not healthy yet'}" if one.until is None else "was not healthy when it was replaced"
        return Passed(one, Reason.NOT_HEALTHY, f"{what} {now} in {where}, live since {moment(one.since)}")
    return None


def _everywhere(good: Sequence[Lived], environments: Sequence[str]) -> tuple[list[Lived], list[Passed]]:
    """Keep what is eligible in all environments."""
    kept, missing = [], []
    for one in good:
        there = {other.environment for other in good if other.digests == one.digests}
        lacking = [name for name in environments if name not in there]
        if lacking:
            words = f"{one.commit[:12]} is healthy in {one.environment}, but not in {' and '.join(lacking)}"
            missing.append(Passed(one, Reason.NOT_HEALTHY, words))
        else:
            kept.append(one)
    return kept, missing


def _once(some: Sequence[Lived]) -> list[Lived]:
    """Leave out what is the same release as one before."""
    return list({one.digests: one for one in reversed(some)}.values())[::-1]
