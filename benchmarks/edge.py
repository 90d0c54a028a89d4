"""Gates: from the edge of a freeze to the commit, and what runs that wait at gates cost while nothing happens.

Each application has a freeze that ends at a time of its own. Its run waits at the gate before that; the clock starts
when the freeze ends and stops when the git server has taken the push. Then rows are written as runs leave them that
wait at a gate, and the idle worker is measured with few and with many of them.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from benchmarks.findings import Bar, Finding
from benchmarks.installation import CONFIGURATION, MANIFESTS, Installation, installation, until
from benchmarks.load import send
from benchmarks.measuring import Samples
from benchmarks.repositories import BRANCH
from benchmarks.scale import Scale
from service.core.words import RunId, RunState, Stage, WaitKind
from service.store import runs, tables
from service.store.ids import new_id

NAME = "edge"
TITLE = "A gate's edge, and runs that wait at gates"
EDGE_BAR = Bar(1.0, "s")
IDLE_BAR = Bar(1.25)
FEW = 40
_AHEAD, _APART = timedelta(seconds=25), timedelta(seconds=2)
"""When the first freeze ends: all runs wait by then. The next ends so much later, so that none waits for another."""
_TICKS = os.sysconf("SC_CLK_TCK")


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Measure the edges one after the other, then the idle worker."""
    with (
        tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder,
        installation(Path(folder), applications=scale.deliveries, files=0) as ours,
    ):
        first = datetime.now(UTC).replace(microsecond=0) + _AHEAD
        edges = {name: first + _APART * at for at, name in enumerate(ours.applications)}
        _freeze(ours, edges)
        ours.start("web", "worker")
        say(f"{len(edges)} runs wait for the end of their freezes")
        late = _late(ours, edges)
        count = scale.waiting // 5
        fewer = min(FEW, count // 2)
        few = _idle(ours, fewer, scale, say)
        many = _idle(ours, count - fewer, scale, say)
    note = f"{len(edges)} freezes, median {late.median * 1000:.0f} ms."
    return [
        Finding(NAME, "the end of a freeze to the push, p99", late.at(0.99), "the end", 0.0, late.at(0.99), EDGE_BAR,
                "s", note=note),
        Finding(NAME, f"{count:,} runs wait at gates: idle processor", many, f"{fewer} runs wait", few, many / few,
                IDLE_BAR, measured="%"),
    ]  # fmt: skip


def _freeze(ours: Installation, edges: dict[str, datetime]) -> None:
    """Give each application a freeze that ends at its own time."""
    kept = "".join(
        f"  {name}:\n    source: acme/{name}\n    environments: {{dev: {{gates: {{freeze: [{{from: '2020-01-01', "
        f"until: '{at:%Y-%m-%d %H:%M:%S}'}}]}}}}}}\n"
        for name, at in edges.items()
    )
    bare = ours.stack.github.repository(MANIFESTS).bare
    bare.commit_files(BRANCH, {"mergeport.yaml": CONFIGURATION + kept})


def _late(ours: Installation, edges: dict[str, datetime]) -> Samples:
    """Let all runs wait, and give for each push how long after its edge it came."""
    send([ours.merge(name) for name in edges], clients=4)

    def waiting() -> bool:
        with ours.store.read() as tx:
            return runs.counts(tx).get(RunState.WAITING, 0) >= len(edges)

    until(waiting, what="all runs at their gates")
    if datetime.now(UTC) >= min(edges.values()):
        raise AssertionError("the machine is too slow: the first freeze ended before its run waited")
    before = len(ours.pushes)
    until(lambda: len(ours.pushes) >= before + len(edges), what="the pushes after the freezes")
    times = [at for _, at in ours.pushes[before:]]
    return Samples(tuple((at - edge).total_seconds() for at, edge in zip(times, edges.values(), strict=True)))


def _idle(ours: Installation, count: int, scale: Scale, say: Callable[[str], None]) -> float:
    """Write so many runs more that wait at gates; give the percentage of a core that the worker takes."""
    say(f"{count:,} runs more at gates, then {scale.idle_seconds:.0f} s of nothing")
    _let_wait(ours, count)
    worker = ours.workers[0].pid
    time.sleep(scale.settle_seconds)
    before, began = _processor_seconds(worker), time.monotonic()
    time.sleep(scale.idle_seconds)
    return (_processor_seconds(worker) - before) / (time.monotonic() - began) * 100


def _let_wait(ours: Installation, count: int) -> None:
    tip, at, name = ours.stack.github.repository(MANIFESTS).bare.tip(BRANCH), datetime.now(UTC), ours.applications[0]
    made = [RunId(new_id()) for _ in range(count)]
    shared = {"application": name, "environment": "dev"}
    with ours.store.begin() as tx:
        tx.execute(sa.insert(tables.runs), [
            {**shared, "id": one, "change_id": one, "repository": f"acme/{name}", "branch": "main", "commit": one,
             "configuration_commit": tip, "state": RunState.WAITING, "stage": Stage.PROMOTE, "images": {},
             "workflow_id": f"run:{one}", "created_at": at, "updated_at": at} for one in made
        ])  # fmt: skip
        tx.execute(sa.insert(tables.waits), [
            {"id": new_id(), "run_id": one, "kind": WaitKind.GATE, "key": "gates", "subject": f"{name}/dev",
             "created_at": at, "last_seen": "freeze: frozen"} for one in made
        ])  # fmt: skip
        tx.execute(sa.insert(tables.judgements), [
            {**shared, "run_id": one, "outcome": "wait", "ready": True, "gates": [], "judged_at": at,
             "next_at": at + timedelta(minutes=45)} for one in made
        ])  # fmt: skip


def _processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return sum(int(fields[place]) for place in (11, 12, 13, 14)) / _TICKS
