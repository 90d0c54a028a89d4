"""How long a run waits for a build: `deadlines.build` from the moment at which the build's turn came.

Called by the build stage. Waiting for a turn is a time of its own, a day at most: those before it each have their own
deadline, so it is only longer if no worker builds at all. The wait says how many builds are before it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NoReturn

from service.errors import PermanentError
from service.pipeline.build.finish import awaited_at
from service.pipeline.runs.claim import Claim
from service.pipeline.runs.steps import Pause, expired, first_wait, wait_until
from service.store.builds import Build

LONGEST_LINE = timedelta(days=1)


def pause_for(claim: Claim, build: Build, saw: str) -> NoReturn:
    """Pause until the build has ended; PermanentError `build-deadline` if its time is over.

    While it has no turn, the wait ends now and then, so that a turn which came meanwhile is counted from its beginning.
    """
    context, run, now = claim.context, claim.run, claim.context.now()
    kind, key = awaited_at(build)
    first = first_wait(context, run.id, kind, build.id)
    since = min(first.created_at, now) if first else now
    within = claim.target.deadlines.build
    ends = _ends_at(build, since, within, now)
    if ends <= now and expired(context, run.id, kind, build.id):
        raise _too_late(build)
    until = ends if build.turn_at is not None else min(ends, now + within)
    raise Pause(wait_until(run, kind, key=key, subject=build.id, saw=saw, at=now, deadline=until))


def _ends_at(build: Build, since: datetime, within: timedelta, now: datetime) -> datetime:
    """Give the end of a run's time, which waits since then; a turn that a clock ahead of ours wrote came just now."""
    if build.turn_at is None:
        return since + max(LONGEST_LINE, within)
    return max(since, min(build.turn_at, now)) + within


def _too_late(build: Build) -> PermanentError:
    """Say what a build had come to at its deadline."""
    had = str(build.state)
    match build.builder, build.turn_at:
        case "", None:
            why = "check whether MERGEPORT_BUILD_CONCURRENCY allows enough builds at a time"
        case _, None:
            had = f"waiting ({build.message or build.state})"
            why = "`at_once` and MERGEPORT_ELSEWHERE_CONCURRENCY set how many builds are under way at once"
        case "", _:
            why = "`mergeport runs logs` shows how far it came"
        case _:
            why = f"look at {build.builder}"
    line = "" if build.turn_at else f"; nothing waits longer than {LONGEST_LINE.days} day for its turn"
    return PermanentError(
        f"the build of {build.reference} was still {had} at its deadline{line}",
        code="build-deadline",
        hint=f"`deadlines.build` sets how long a build may take once its turn has come; {why}",
    )
