"""The soak: a release must have been healthy in another environment for a while, without a break.

Degraded makes the time begin anew. A completed stretch still counts after a newer release replaced this one there.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from pydantic import Field

from service.core.config.surroundings import Misplaced, Surroundings
from service.core.gates.facts import Facts
from service.core.gates.gate_keys import GateKeys, Length
from service.core.gates.gate_verdict import Allow, Evidence, Traits, Verdict, Wait
from service.core.gates.moments import length, moment
from service.core.gates.stays import Stay, stays_of
from service.core.gates.unknown import Unknown, wait_for

TRAITS = Traits(frozenset({Evidence.UPSTREAM}), of_release=True)


class Options(GateKeys):
    """The release must have been healthy elsewhere for a while, without a break."""

    environment: str = Field(description="The environment in which it must have been healthy.")
    healthy_for: Length = Field(description="How long without a break: 90s, 30m, 12h.")

    def misplaced(self, around: Surroundings) -> Iterator[Misplaced]:
        """Give what is wrong with the environment that is named, for one application in its own environment."""
        name = self.environment
        if name not in around.environments:
            yield Misplaced(("environment",), f'there is no environment "{name}"', around.nearest(name))
        elif name == around.environment:
            hint = "name the environment that comes before"
            yield Misplaced(("environment",), f"{name} would wait for itself", hint)
        elif name not in around.watched:
            yield Misplaced(
                ("environment",), f"{around.application} is not in {name}, so it never runs there",
                "name another environment, or turn the gate off for the application: soak: false",
            )  # fmt: skip
        elif not around.watched[name]:
            yield Misplaced(
                ("environment",), f"{name} does not tell when {around.application} is healthy: argocd is false",
                f"name its Argo CD application in {name}, or turn the gate off: soak: false",
            )  # fmt: skip


class _Segment(NamedTuple):
    """Healthy time that counts; `lasts` if it goes on now."""

    since: datetime
    until: datetime
    lasts: bool

    @property
    def span(self) -> timedelta:
        return max(self.until - self.since, timedelta(0))


def judge(options: Options, facts: Facts) -> Verdict:
    """Look for enough healthy time after the last moment at which the release was degraded there."""
    place, wanted = options.environment, options.healthy_for
    if isinstance(facts.upstream, Unknown):
        return wait_for(f"how long the release was healthy in {place}", facts.upstream)
    stays, by = stays_of(facts.release, place, facts.upstream)
    if not stays:
        return Wait(f"never ran in {place}; it must have been healthy there for {length(wanted)}")
    degraded = max((at for stay in stays for at in stay.degraded if at <= facts.now), default=None)
    segments = _joined(_segments(stays, degraded, facts.now))
    longest = max(segments, key=lambda one: one.span, default=None)
    if longest and longest.span >= wanted:
        since = f"since {moment(longest.since)}" if longest.lasts else f"from {moment(longest.since)}"
        return Allow(f"healthy in {place} for {length(longest.span)} {since} (same {by}); {length(wanted)} wanted")
    if segments and segments[-1].lasts:
        last = segments[-1]
        return Wait(
            f"healthy in {place} since {moment(last.since)}: {length(last.span)} of {length(wanted)} (same {by})",
            last.since + wanted,
        )
    return Wait(_why_not(place, wanted, longest, degraded, stays, facts.now))


def _why_not(
    place: str,
    wanted: timedelta,
    longest: _Segment | None,
    degraded: datetime | None,
    stays: Sequence[Stay],
    now: datetime,
) -> str:
    there = any(stay.until is None or stay.until > now for stay in stays)
    end = "it is not healthy there now" if there else "another release has replaced it there"
    if longest and longest.span:
        return f"was healthy in {place} for only {length(longest.span)} of {length(wanted)}, and {end}"
    if degraded:
        return f"was degraded in {place} at {moment(degraded)}, so its healthy time starts anew, and {end}"
    return f"was never healthy in {place}, and {end}; {length(wanted)} wanted"


def _segments(stays: Iterable[Stay], degraded: datetime | None, now: datetime) -> Iterator[_Segment]:
    """Give the healthy time up to now, without what lies before the last degraded moment."""
    for stay in stays:
        for stretch in stay.healthy:
            ends = [at for at in (stretch.until, stay.until) if at is not None and at <= now]
            until = min(ends, default=now)
            if degraded is None or until > degraded or not ends:
                since = stretch.since if degraded is None else max(stretch.since, degraded)
                yield _Segment(since, until, not ends)


def _joined(segments: Iterable[_Segment]) -> list[_Segment]:
    """Join stretches that touch or overlap, in their order."""
    joined: list[_Segment] = []
    for one in sorted(segments):
        last = joined[-1] if joined else None
        if last and one.since <= last.until:
            joined[-1] = _Segment(last.since, max(last.until, one.until), last.lasts or one.lasts)
        else:
            joined.append(one)
    return joined
