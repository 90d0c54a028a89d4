"""What GitHub is asked for a run, counted: one run alone, and a hundred at once; built here, and in GitHub Actions.

GitHub's double refuses what is too much, as GitHub does. It counts from the first delivery until every run is written
and every commit has its status. Against GitHub's numbers for one installation.
https://docs.github.com/en/rest/using-the-rest-api/rate-limits-for-the-rest-api
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

from benchmarks.cost import send_all
from benchmarks.findings import Bar, Finding
from benchmarks.installation import Installation, installation, until
from benchmarks.runners import runners
from benchmarks.scale import Scale
from devstack.github.limits import Mode
from service.core.words import RunState
from service.store import reports, runs

NAME = "requests"
TITLE = "Requests to GitHub"
BUILDERS = ("docker", "github-actions")
HOUR_BAR, POINTS_BAR = Bar(5000, "calls"), Bar(900, "points")
MADE_BAR, CONTENT_BAR = Bar(500, "calls"), Bar(80, "calls")
LIMIT_SECONDS = 600.0
LATER = timedelta(hours=2)


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Count each number of runs with each builder."""
    return [one for builder in BUILDERS for one in _with(builder, scale, say)]


def _with(builder: str, scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    most = max(scale.asking)
    say(f"{builder}: making {most} source repositories")
    found: list[Finding] = []
    with (
        tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder,
        installation(Path(folder), applications=most, files=20, built=most, builder=builder) as ours,
        ExitStack() as stack,
    ):
        ours.start("web", "worker")
        if builder == "github-actions":
            stack.enter_context(runners(ours))
        for count in scale.asking:
            say(f"{builder}: {count} at once")
            found += _count(ours, builder, ours.applications[:count], scale.clients)
    return found


def _count(ours: Installation, builder: str, names: Sequence[str], clients: int) -> list[Finding]:
    github, count = ours.stack.github, len(names)
    github.limits.mode = Mode.NONE
    posts = [ours.merge(name, image=False) for name in names]
    before = _written(ours)
    github.limits.on()
    begun = len(github.faults.log)
    send_all(posts, clients)
    until(lambda: _written(ours) >= before + count, what="the last manifest commit", seconds=LIMIT_SECONDS)
    until(lambda: _all_sent(ours), what="the last status", seconds=LIMIT_SECONDS)
    calls = github.faults.log[begun:]
    made = sum(1 for one in calls if one.method != "GET")
    points, content = github.limits.most_in_a_minute()
    seconds = max(one.at for one in calls) - min(one.at for one in calls)
    who = f"{builder}, {count} {'run' if count == 1 else 'runs at once'}"
    note = (
        f"{who}: {len(calls) / count:.1f} calls a run, of which {made / count:.1f} make content; "
        f"{github.limits.refused} refused; {seconds:.0f} s until the last status."
    )
    rows = (
        ("calls", len(calls), "an hour", HOUR_BAR),
        ("calls that make content", made, "an hour", MADE_BAR),
        ("calls that make content, most in a minute", content, "a minute", CONTENT_BAR),
        ("points, most in a minute", points, "a minute", POINTS_BAR),
    )
    return [
        Finding(
            NAME, f"{who}: {what}", number, f"GitHub's limit {span}", bar.limit, number, bar, bar.unit,
            measured=bar.unit, note=note,
        )
        for what, number, span, bar in rows
    ]  # fmt: skip


def _written(ours: Installation) -> int:
    with ours.store.read() as tx:
        found = runs.counts(tx)
    if found.get(RunState.FAILED, 0):
        raise AssertionError(f"{found[RunState.FAILED]} runs failed")
    return found.get(RunState.SUCCEEDED, 0)


def _all_sent(ours: Installation) -> bool:
    """Tell whether every commit shows what it should; also those count that are to be sent later."""
    with ours.store.read() as tx:
        return not reports.unsent(tx, datetime.now(UTC) + LATER, limit=1)
