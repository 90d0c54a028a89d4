"""A worker killed with -9 in the middle of its work and started again at once: how long until the run has finished.

Less the work itself, which an undisturbed worker does from the same point in the same world: what is left is the
start of the process, finding what the dead one left, and doing again what was half done. With two workers on a
PostgreSQL one is killed for good, and the other takes over when its lease is over.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.databases import postgresql
from benchmarks.findings import Bar, Finding
from benchmarks.installation import TAG_LENGTH, Installation, installation, until
from benchmarks.load import send
from benchmarks.measuring import Samples
from benchmarks.scale import Scale
from devstack.faults import Gate
from service.core.words import RunState
from service.engine.worker import LEASE_SECONDS
from service.store import runs, waits
from service.store.runs import Run

NAME = "recovery"
TITLE = "A worker killed with -9: until its run has finished, less the work itself"
RESTARTED_BAR = Bar(5, "s")
TAKEN_OVER_BAR = Bar(LEASE_SECONDS + 5, "s")
BUILT, EXTERNAL = 0, 1
"""The applications by their numbers: one is built here, the image of the other comes from elsewhere."""
PUSH = "acme/manifests.*git-receive-pack"


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Kill the worker at each point, several times; then again with a second worker that takes over."""
    with (
        tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder,
        installation(Path(folder), applications=2, files=0, built=1) as ours,
    ):
        ours.start("web", "worker")
        found = [_restarted(ours, point, scale, say) for point in POINTS]
    if scale.take_over:
        found += _with_another(say)
    return found


def _with_another(say: Callable[[str], None]) -> list[Finding]:
    with postgresql(say) as server, tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder:
        if server is None:
            return []
        database = server.url("recovery")
        with installation(Path(folder), applications=2, files=0, built=1, database=database) as ours:
            ours.start("web", "worker")
            return [_taken_over(ours, POINTS[0], say)]


@dataclass(frozen=True, slots=True)
class Point:
    """Where the worker is killed: `reach` brings a run there and gives the function that lets the outside go on."""

    name: str
    reach: Callable[[Installation], Reached]


@dataclass(frozen=True, slots=True)
class Reached:
    """A run at its point."""

    commit: str
    go_on: Callable[[], None]


def _building(ours: Installation) -> Reached:
    return _held(ours, ours.stack.ecr.faults.hang(method="POST", path="/blobs/uploads/"), BUILT)


def _pushing(ours: Installation) -> Reached:
    return _held(ours, ours.stack.git.faults.hang(method="POST", path=PUSH, after=True), EXTERNAL)


def _held(ours: Installation, gate: Gate, application: int) -> Reached:
    commit = _merge(ours, application, image=application == EXTERNAL)
    gate.wait_arrived(60)
    return Reached(commit, gate.release)


def _waiting(ours: Installation) -> Reached:
    commit = _merge(ours, EXTERNAL, image=False)

    def waits_now() -> bool:
        found = _run_of(ours, commit)
        if found is None:
            return False
        with ours.store.read() as tx:
            return waits.open_of_run(tx, found.id) is not None

    until(waits_now, what="the wait for the image")
    return Reached(commit, lambda: ours.tag(commit[:TAG_LENGTH]))


POINTS = (Point("in its build", _building), Point("in its push", _pushing), Point("while its run waits", _waiting))


def _restarted(ours: Installation, point: Point, scale: Scale, say: Callable[[str], None]) -> Finding:
    say(f"killed {point.name} and started again")
    undisturbed, killed = [], []
    for _ in range(scale.recoveries):
        undisturbed.append(_undisturbed(ours, point))
        reached = point.reach(ours)
        ours.kill(ours.workers[0])
        reached.go_on()
        began = time.monotonic()
        ours.start("worker")
        killed.append(_finished(ours, reached.commit, began))
    return _finding(f"killed {point.name}, started again", killed, undisturbed, RESTARTED_BAR)


def _taken_over(ours: Installation, point: Point, say: Callable[[str], None]) -> Finding:
    say(f"killed {point.name}, the other of two takes over")
    undisturbed = _undisturbed(ours, point)
    reached = point.reach(ours)
    ours.start("worker")
    until(lambda: len(ours.workers) == ours.live_workers(), what="the second worker")
    ours.kill(ours.workers[0])
    reached.go_on()
    killed = _finished(ours, reached.commit, time.monotonic())
    return _finding(f"killed {point.name}, another takes over, PostgreSQL", [killed], [undisturbed], TAKEN_OVER_BAR)


def _undisturbed(ours: Installation, point: Point) -> float:
    reached = point.reach(ours)
    began = time.monotonic()
    reached.go_on()
    return _finished(ours, reached.commit, began)


def _finished(ours: Installation, commit: str, began: float) -> float:
    """Wait for the run's end and check that it made exactly one commit; give the seconds since it began."""

    def ended() -> bool:
        found = _run_of(ours, commit)
        return found is not None and found.state.ended

    until(ended, what=f"the run of {commit[:TAG_LENGTH]}")
    seconds = time.monotonic() - began
    found = _run_of(ours, commit)
    assert found is not None
    if found.state is not RunState.SUCCEEDED:
        raise AssertionError(f"the run ended as {found.state}: {found.message}")
    log = ours.stack.git.open("acme/manifests").git("log", "--format=%(trailers:key=Source-Commit,valueonly)", "main")
    if log.split().count(commit) != 1:
        raise AssertionError(f"{log.split().count(commit)} manifest commits for {commit}")
    return seconds


def _merge(ours: Installation, application: int, *, image: bool) -> str:
    name = ours.applications[application]
    (answer,) = send([ours.merge(name, image=image)], clients=1)
    if answer.status // 100 != 2:  # noqa: PLR2004 - HTTP's own number
        raise AssertionError(f"the delivery was answered by {answer.status}")
    return ours.stack.github.repository(f"acme/{name}").bare.tip("main")


def _run_of(ours: Installation, commit: str) -> Run | None:
    with ours.store.read() as tx:
        return next((one for one in runs.newest(tx, limit=5) if one.commit == commit), None)


def _finding(what: str, killed: list[float], undisturbed: list[float], bar: Bar) -> Finding:
    extra = Samples(tuple(one - other for one, other in zip(killed, undisturbed, strict=True)))
    mine, theirs = Samples(tuple(killed)).median, Samples(tuple(undisturbed)).median
    return Finding(
        NAME, what, mine, "the work, undisturbed", theirs, extra.median, bar, "s",
        spread=(extra.at(0.25), extra.at(0.75)), rounds=len(killed),
    )  # fmt: skip
