"""A run's log, in pieces: its jobs and steps with their times as they end, then the log of the job that tells most.

Called by the builder. The place after a piece is written as JSON: the attempt, the steps of each job that were told,
and whether the job's own log was.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from service.adapters.builders.github_actions.run_shapes import Job, short
from service.core.visible import unstyled
from service.logs import redact


@dataclass(frozen=True, slots=True)
class Place:
    """How far the log was told."""

    attempt: int = 0
    steps: Mapping[str, int] = field(default_factory=dict)
    ended: frozenset[str] = frozenset()
    whole: bool = False

    @classmethod
    def read(cls, text: str) -> Place:
        """Read a place that `written` gave; anything else is the beginning."""
        try:
            attempt, steps, ended, whole = json.loads(text)
            return cls(
                int(attempt), {str(one): int(told) for one, told in steps.items()}, frozenset(ended), bool(whole)
            )
        except (ValueError, TypeError, AttributeError):
            return cls()

    def written(self) -> str:
        """Give the place as text."""
        return json.dumps([self.attempt, self.steps, sorted(self.ended), self.whole], separators=(",", ":"))


def tell(place: Place, jobs: Sequence[Job], url: str) -> tuple[str, Place]:
    """Give what has ended since, as lines, and the place after it."""
    attempt = max((job.run_attempt for job in jobs), default=0)
    if not attempt:
        return "", place
    before, lines = place, []
    if place.attempt != attempt:
        before = Place(attempt)
        lines.append(url if attempt == 1 else f"{url} (attempt {attempt})")
    steps, ended = dict(before.steps), set(before.ended)
    for job in jobs:
        key = str(job.id)
        told = [step for step in job.steps if step.ended and step.number > steps.get(key, 0)]
        for step in told:
            took = _took(step.started_at, step.completed_at)
            lines.append(f"{short(job.name)}: {short(step.name)}: {step.conclusion or 'ended'}{took}")
            steps[key] = step.number
        if job.ended and key not in ended:
            ended.add(key)
            lines.append(f"{short(job.name)}: {job.conclusion or 'ended'}{_took(job.started_at, job.completed_at)}")
    return "".join(f"{one}\n" for one in lines), Place(attempt, steps, frozenset(ended), before.whole)


def shown(job: Job, text: str) -> str:
    """Give a job's own log as it is kept: without colours, and without what looks like a secret."""
    return "".join(_lines(f"--- the log of {short(job.name)}", text))


def _lines(heading: str, text: str) -> Iterator[str]:
    yield f"{heading}\n"
    for one in redact(unstyled(text.removeprefix("\ufeff"))).splitlines():
        yield f"{one}\n"


def _took(begin: datetime | None, end: datetime | None) -> str:
    if begin is None or end is None or end < begin:
        return ""
    return f" after {(end - begin).total_seconds():.0f} s"
