"""Commits per second into one manifest repository, with one, two and four workers on PostgreSQL, kept busy.

A run is one commit, its image is there. So many runs are under way at all times: when one is written, the next
delivery is sent. It is compared with bare pushes of ready commits, one push for each, with nothing else on the machine:
the best rate of a writer that pushes every commit alone.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.databases import postgresql
from benchmarks.delivered import bare_copy, push_once
from benchmarks.findings import Bar, Finding
from benchmarks.installation import MANIFESTS, Installation, installation, until
from benchmarks.load import Post, send
from benchmarks.measuring import Samples
from benchmarks.repositories import BRANCH
from benchmarks.scale import Scale
from devstack.bare import BareRepository
from service.core.words import RunState
from service.store import runs

NAME = "rate"
TITLE = "Commits per second into one manifest repository, PostgreSQL"
BAR = Bar(8, "commits/s", least=True)
MORE_BAR = Bar(1, least=True)
"""The bar for the ratio of most workers to one: adding workers must not make it slower."""
UNDER_WAY = 0.5
"""The share of applications with a run under way, so small that no merge supersedes a run under way."""
BARE_PUSHES = 10
PAUSE_SECONDS = 0.05


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Measure each number of workers in a world of its own; nothing without a PostgreSQL."""
    with postgresql(say) as server:
        if server is None:
            return []
        found = [_measure(scale, say, workers, server.url(f"rate_{workers}")) for workers in scale.worker_counts]
    one, most = found[0], found[-1]
    if not one.ours:  # so short a measurement, as at toy size, may see no commit at all
        return found
    against = Finding(
        NAME, f"most workers ({scale.worker_counts[-1]})", most.ours, f"{scale.worker_counts[0]}", one.ours,
        most.ours / one.ours, MORE_BAR, measured="commits/s",
    )  # fmt: skip
    return [*found, against]


def _measure(scale: Scale, say: Callable[[str], None], workers: int, database: str) -> Finding:
    with tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder:
        place = Path(folder)
        say(f"{workers} workers: making {scale.applications} source repositories, {scale.crowd_files:,} files")
        with installation(place, applications=scale.applications, files=scale.crowd_files, database=database) as ours:
            ready = bare_copy(ours, place)
            push_once(ours, ready)
            bare = Samples(tuple(push_once(ours, ready) for _ in range(min(BARE_PUSHES, scale.deliveries))))
            ours.start("web", *["worker"] * workers)
            until(lambda: ours.live_workers() == workers, what="every worker")
            say(f"{workers} workers: commits for {scale.rate_seconds:.0f} s")
            commits, seconds, pushes = _commits_for(ours, scale)
    rate = commits / seconds
    what = f"{workers} worker{'s' if workers > 1 else ''}, {seconds:.0f} s, {scale.crowd_files:,} files"
    note = f"{what}: {commits} commits in {pushes} pushes, each application's last one checked."
    return Finding(
        NAME, what, rate, "a bare push for each", 1 / bare.median, rate, BAR, "commits/s", measured="commits/s",
        note=note,
    )  # fmt: skip


def _commits_for(ours: Installation, scale: Scale) -> tuple[int, float, int]:
    """Keep the workers busy for a time after a warm-up; give the commits, seconds and pushes of that time."""
    feed = _Feed(ours, scale)
    repository = ours.stack.git.open(MANIFESTS)
    feed.keep_busy(scale.rate_seconds / 4)
    commits, pushes, began = _count(repository), ours.manifest_pushes(), time.monotonic()
    feed.keep_busy(scale.rate_seconds)
    made, pushed, seconds = _count(repository) - commits, ours.manifest_pushes() - pushes, time.monotonic() - began
    feed.see_all_written()
    return made, seconds, pushed


class _Feed:
    """Sends merges to one application after the other, so that the wanted number of runs is under way."""

    def __init__(self, ours: Installation, scale: Scale) -> None:
        self._ours = ours
        self._repository = ours.stack.git.open(MANIFESTS)
        self._names = list(ours.applications)
        self._wanted = max(1, int(len(self._names) * UNDER_WAY))
        self._clients = scale.clients
        self._sent = 0
        self._last: dict[str, str] = {}

    def keep_busy(self, seconds: float) -> None:
        until_then = time.monotonic() + seconds
        while time.monotonic() < until_then:
            missing = self._wanted - (self._sent - self._ended())
            if missing > 0:
                self._send(min(missing, self._clients))
            else:
                time.sleep(PAUSE_SECONDS)

    def see_all_written(self) -> None:
        """Wait for the last commit of every application; raise if one is lost."""
        until(lambda: self._ended() == self._sent, what="the last runs")
        for name, tag in self._last.items():
            if f'tag: "{tag}"' not in self._repository.text(BRANCH, f"apps/{name}/values-dev.yaml"):
                raise AssertionError(f"the last merge of {name} is lost")

    def _ended(self) -> int:
        """Count the runs that were written or were superseded by a later one of their application."""
        with self._ours.store.read() as tx:
            counted = runs.counts(tx)
        if lost := counted.get(RunState.FAILED, 0) + counted.get(RunState.CANCELLED, 0):
            raise AssertionError(f"{lost} runs failed")
        return counted.get(RunState.SUCCEEDED, 0) + counted.get(RunState.SUPERSEDED, 0)

    def _send(self, count: int) -> None:
        posts = [self._merge() for _ in range(count)]
        if any(answer.status // 100 != 2 for answer in send(posts, clients=count)):  # noqa: PLR2004 - HTTP's own
            raise AssertionError("a delivery was refused")

    def _merge(self) -> Post:
        name = self._names[self._sent % len(self._names)]
        self._sent += 1
        post = self._ours.merge(name)
        self._last[name] = self._ours.tip_tag(name)
        return post


def _count(repository: BareRepository) -> int:
    return int(repository.git("rev-list", "--count", BRANCH))
