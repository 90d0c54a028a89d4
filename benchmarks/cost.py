"""Processor time of one worker for a run: delivery to commit, the image there; one after the other, and at once.

SQLite, one worker, one application a run, so that no run gives way to another. Each application has a run before the
first that counts, since finding out about a repository happens once. Ours is the worker's own time and that of its git
children. Against the processor time of a clone, edit, rebase and push of the same file.
"""

from __future__ import annotations

import os
import resource
import statistics
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.findings import Bar, Finding
from benchmarks.installation import MANIFESTS, Installation, installation, until
from benchmarks.load import Post, send
from benchmarks.plain_git import clone_edit_rebase_push
from benchmarks.scale import Scale
from benchmarks.served import TOKEN
from benchmarks.values_files import part_name
from devstack.git_http import GitAccess
from service.core.words import RunState
from service.store import runs

NAME = "cost"
TITLE = "Processor time of the worker for a run, SQLite"
BAR = Bar(0.03, "s")
_TICKS = os.sysconf("SC_CLK_TCK")
_LOST = frozenset({RunState.FAILED, RunState.CANCELLED, RunState.SUPERSEDED})


@dataclass(frozen=True, slots=True)
class Spent:
    """Seconds of processor time: the worker's own, and that of its ended children."""

    own: float
    children: float

    def since(self, before: Spent) -> Spent:
        """Give what was spent since then."""
        return Spent(self.own - before.own, self.children - before.children)


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Measure runs one after the other, then as many at once."""
    with (
        tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder,
        installation(Path(folder), applications=scale.applications, files=scale.crowd_files) as ours,
    ):
        ours.start("web", "worker")
        names = list(ours.applications)
        _at_once(ours, [ours.merge(name) for name in names], scale.clients)
        say(f"{len(names)} runs one after the other")
        alone = _spend(ours, lambda: _one_by_one(ours, names))
        say(f"{len(names)} runs at once")
        posts = [ours.merge(name) for name in names]
        together = _spend(ours, lambda: _at_once(ours, posts, scale.clients))
        theirs = _clone(ours, scale)
    count = len(names)
    return [_finding("one after the other", alone, count, theirs), _finding("at once", together, count, theirs)]


def _finding(how: str, spent: Spent, count: int, theirs: float) -> Finding:
    own, children = spent.own / count, spent.children / count
    note = f"{how}: {count} runs, {own * 1000:.1f} ms of the worker and {children * 1000:.1f} ms of its children each."
    return Finding(NAME, f"a run, {how}", own, "clone, edit, rebase, push", theirs, own, BAR, "s", note=note)


def _spend(ours: Installation, work: Callable[[], None]) -> Spent:
    before = spent_by(ours.workers[0].pid)
    work()
    return spent_by(ours.workers[0].pid).since(before)


def spent_by(pid: int) -> Spent:
    """Read what a process and its ended children have spent."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    user, system, children_user, children_system = (int(fields[at]) / _TICKS for at in (11, 12, 13, 14))
    return Spent(user + system, children_user + children_system)


def _one_by_one(ours: Installation, names: Sequence[str]) -> None:
    for name in names:
        _at_once(ours, [ours.merge(name)], 1)


def _at_once(ours: Installation, posts: list[Post], clients: int) -> None:
    """Send all, and wait until all are written."""
    wanted = _written(ours) + len(posts)
    send_all(posts, clients)
    until(lambda: _written(ours) >= wanted, what="the last manifest commit")


def send_all(posts: list[Post], clients: int) -> None:
    """Send all deliveries; AssertionError where one is refused."""
    if any(answer.status // 100 != 2 for answer in send(posts, clients=clients)):  # noqa: PLR2004 - HTTP's own
        raise AssertionError("a delivery was refused")


def _written(ours: Installation) -> int:
    with ours.store.read() as tx:
        found = runs.counts(tx)
    lost = [f"{count} {state}" for state, count in found.items() if RunState(state) in _LOST]
    if lost:
        raise AssertionError(f"runs ended otherwise: {', '.join(lost)}")
    return found.get(RunState.SUCCEEDED, 0)


def _clone(ours: Installation, scale: Scale) -> float:
    """Give the median processor time of a clone, edit, rebase and push, all in children of this process."""
    ours.stack.git.tokens[TOKEN] = GitAccess("benchmark")
    took: list[float] = []
    for number in range(max(1, scale.clones)):
        file = f"apps/{ours.applications[number]}/values-dev.yaml"
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        clone_edit_rebase_push(ours.stack.git.remote(MANIFESTS), file, part_name(0), f"{number:012x}")
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        took.append(after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)
    return statistics.median(took)
