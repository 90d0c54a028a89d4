"""Thousands of runs that wait for their pull requests to be merged: memory, idle processor time, and from hint to end.

The rows are written as runs leave them that opened a pull request; the pull requests are there, open, on the double.
A hint is GitHub's event that one was closed: the worker reads it, and its run ends. Against the same worker with few
runs waiting, in the same world.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from benchmarks.databases import postgresql
from benchmarks.findings import Bar, Finding
from benchmarks.installation import MANIFESTS, Installation, installation, until
from benchmarks.load import Post, send
from benchmarks.measuring import Samples
from benchmarks.repositories import BRANCH, make_commits
from benchmarks.scale import Scale
from devstack.github import payloads
from devstack.github.state import Pull
from devstack.stack import WEBHOOK_SECRET
from service.core.words import DeliveryId, Repository, RunId, RunState, Sha, Stage, WaitKind
from service.store import deliveries, edits, runs, tables
from service.store.ids import new_id

NAME = "waiting"
TITLE = "Thousands of runs that wait"
MEMORY_BAR = Bar(150, "MB")
IDLE_BAR = Bar(3, "%")
HINT_BAR = Bar(0.5, "s")
SLOWEST = 0.99
_TICKS = os.sysconf("SC_CLK_TCK")
_STEPS = ("find image", "check order", "open pull request", "await merge")


@dataclass(frozen=True, slots=True)
class Measured:
    """What the worker needs with a number of waiting runs."""

    count: int
    megabytes: float
    idle: float
    hints: Samples


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Measure on SQLite, and on PostgreSQL where there is one."""
    found = _on(scale, say, "SQLite")
    with postgresql(say) as server:
        if server is not None:
            found += _on(scale, say, "PostgreSQL", server.url("waiting"))
    return found


def _on(scale: Scale, say: Callable[[str], None], store: str, database: str = "") -> list[Finding]:
    """Measure the worker with only the waiting runs that get a hint, and with thousands more."""
    with (
        tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder,
        installation(Path(folder), applications=1, files=0, database=database) as ours,
    ):
        repo = ours.stack.github.repository(f"acme/{ours.applications[0]}")
        commits = iter(make_commits(repo.bare, scale.waiting + scale.hints)[1:])
        ours.start("web", "worker")
        few = _measure(ours, list(itertools.islice(commits, scale.hints)), scale, say)
        many = _measure(ours, list(commits), scale, say)
    what, against = f"{many.count:,} runs waiting, {store}", f"{few.count:,} runs waiting"
    medians = f"their median is {_milliseconds(many)}, with few runs waiting {_milliseconds(few)}"
    note = f"{store}: {scale.hints} hints; {medians}."
    rows = (
        ("memory of the worker at its most", many.megabytes, few.megabytes, MEMORY_BAR),
        ("processor of the worker while nothing happens", many.idle, few.idle, IDLE_BAR),
        ("hint to end of the run, p99", many.hints.at(SLOWEST), few.hints.at(SLOWEST), HINT_BAR),
    )
    return [
        Finding(
            NAME, f"{what}: {name}", mine, against, theirs, mine, bar, bar.unit, measured=bar.unit, note=note,
        )
        for name, mine, theirs, bar in rows
    ]  # fmt: skip


def _milliseconds(measured: Measured) -> str:
    return f"{measured.hints.median * 1000:.0f} ms"


def _measure(ours: Installation, commits: Sequence[str], scale: Scale, say: Callable[[str], None]) -> Measured:
    say(f"{len(commits):,} runs waiting: writing the rows, then {scale.idle_seconds:.0f} s of nothing")
    pulls = _let_wait(ours, commits)
    worker = ours.workers[0].pid
    time.sleep(scale.settle_seconds)  # a new wait is looked at more often
    before, began = _processor_seconds(worker), time.monotonic()
    time.sleep(scale.idle_seconds)
    idle = (_processor_seconds(worker) - before) / (time.monotonic() - began) * 100
    say(f"{len(commits):,} runs waiting: {scale.hints} hints")
    chosen = list(pulls)[:: max(1, len(pulls) // scale.hints)][: scale.hints]
    hints = Samples(tuple(_hint(ours, number, pulls[number]) for number in chosen))
    return Measured(len(commits), _peak_megabytes(worker), idle, hints)


def _let_wait(ours: Installation, commits: Sequence[str]) -> dict[int, RunId]:
    """Write for each commit a run that waits for its own pull request; give the runs by its number."""
    manifests = ours.stack.github.repository(MANIFESTS)
    tip, at = Sha(manifests.bare.tip(BRANCH)), datetime.now(UTC)
    first = max(manifests.pulls, default=0) + 1
    made = {number: (RunId(new_id()), commit) for number, commit in enumerate(commits, start=first)}
    for number in made:
        manifests.pulls[number] = _pull(ours, number, tip, at - timedelta(seconds=len(made) + first - number))
    repository, application = f"acme/{ours.applications[0]}", ours.applications[0]
    with ours.store.begin() as tx:
        edits.own(tx, Repository(MANIFESTS), tip, RunId(""))
        for number, (run_id, commit) in made.items():
            tx.execute(
                sa.insert(tables.runs).values(
                    id=run_id, change_id=new_id(), repository=repository, branch="release", commit=commit,
                    application=application, environment="prod", configuration_commit=tip, state=RunState.WAITING,
                    stage=Stage.PROMOTE, images={}, pull_request=number, pull_request_url="",
                    workflow_id=f"run:{run_id}", created_at=at, updated_at=at,
                )
            )  # fmt: skip
            tx.execute(
                sa.insert(tables.waits).values(
                    id=new_id(), run_id=run_id, kind=WaitKind.PULL_REQUEST, key=f"{MANIFESTS}:{BRANCH}",
                    subject=f"{MANIFESTS}#{number}", created_at=at, deadline=at + timedelta(days=30),
                    last_seen=f"waiting for pull request #{number} to be merged",
                )
            )  # fmt: skip
        tx.execute(sa.insert(tables.steps), [
            {"run_id": run_id, "name": name, "stage": Stage.PROMOTE, "position": position, "attempts": 1,
             "state": "waiting" if name == _STEPS[-1] else "succeeded", "started_at": at,
             "ended_at": None if name == _STEPS[-1] else at}
            for run_id, _commit in made.values() for position, name in enumerate(_STEPS)
        ])  # fmt: skip
    return {number: run_id for number, (run_id, _commit) in made.items()}


def _pull(ours: Installation, number: int, tip: Sha, at: datetime) -> Pull:
    user, told = ours.stack.github.state.user("alice"), f"{at:%Y-%m-%dT%H:%M:%SZ}"
    head = f"mergeport/promotion/prod/{number}"
    return Pull(number, number, f"Promote {number}", "", user, head, BRANCH, tip, tip, told, told)


def _hint(ours: Installation, number: int, run_id: RunId) -> float:
    """Close a pull request, send the webhook, and give the seconds from the accepted delivery to the run's end."""
    github = ours.stack.github
    repo, user = github.repository(MANIFESTS), github.state.user("alice")
    pull, told = repo.pulls[number], f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
    pull.state, pull.closed_at, pull.updated_at = "closed", told, told
    payload = payloads.pull_request(github.state, repo, pull, "closed", user)
    post = Post.signed(ours.hook, payload, WEBHOOK_SECRET, "pull_request")
    (answer,) = send([post], clients=1)
    if answer.status // 100 != 2:  # noqa: PLR2004 - HTTP's own number
        raise AssertionError(f"the hint was answered by {answer.status}")

    def ended() -> bool:
        with ours.store.read() as tx:
            found = runs.get(tx, run_id)
        return found is not None and found.state.ended

    until(ended, what=f"the end of the run of pull request #{number}")
    with ours.store.read() as tx:
        row, found = deliveries.get(tx, DeliveryId(post.id)), runs.get(tx, run_id)
    assert row is not None
    assert found is not None
    assert found.ended_at is not None
    return (found.ended_at - row.received_at).total_seconds()


def _processor_seconds(pid: int) -> float:
    """Give the processor time of a process and of the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(int(fields[place]) for place in (11, 12, 13, 14)) / _TICKS


def _peak_megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024 / 1_000_000
    raise AssertionError("the kernel does not tell the worker's memory")
