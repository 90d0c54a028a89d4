"""From the accepted delivery to the pushed manifest commit, for a merge of a source tree whose image was made before.

The source goes back and forth between two trees that were built at the start. In one way the image has the new commit's
tag already when the delivery comes; in the other way it has to be found by its tree, tagged in the registry, and read.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.cost import send_all
from benchmarks.findings import Bar, Finding
from benchmarks.installation import TAG_LENGTH, Installation, installation, until
from benchmarks.measuring import interleave
from benchmarks.scale import Scale
from service.core.words import BuildState, DeliveryId
from service.store import builds, deliveries, runs

NAME = "reuse"
TITLE = "A merge of a known source tree, delivery accepted to manifest commit pushed"
BAR = Bar(1.2)
TREES = ("print('one')\n", "print('two')\n")
BUILDS = len(TREES)


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Merge known trees, with the image there and without, in turns."""
    with tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder:
        say("making the world, starting web and worker, and building two trees")
        with installation(Path(folder), applications=1, files=scale.crowd_files, built=1) as ours:
            ours.start("web", "worker")
            source = _Source(ours)
            for _ in TREES:
                source.merge(there=False)
            say(f"{scale.deliveries} merges with the image there, as many of a known tree")
            rounds = interleave(
                {"reuse": lambda: source.merge(there=False), "there": lambda: source.merge(there=True)},
                rounds=scale.deliveries,
                seconds=scale.seconds,
            )
            made = _builds(ours)
    if made != BUILDS:
        raise AssertionError(f"{made} images were built, not {BUILDS}")
    mine, there = rounds.ways["reuse"].median, rounds.ways["there"].median
    return [
        Finding(
            NAME, f"{scale.crowd_files:,} files", mine, "the image has its tag", there, rounds.ratio("reuse", "there"),
            BAR, spread=rounds.ratio_range("reuse", "there"), rounds=len(rounds.ways["reuse"]),
            note=f"{made} builds in all; unrest {rounds.unrest:.2f}.",
        )
    ]  # fmt: skip


class _Source:
    """Goes from one tree to the other with each merge."""

    def __init__(self, ours: Installation) -> None:
        self._ours = ours
        self._merges = 0

    def merge(self, *, there: bool) -> float:
        """Merge the other tree and wait for the push; give the seconds between acceptance and push."""
        ours, name = self._ours, self._ours.applications[0]
        text = TREES[self._merges % len(TREES)]
        self._merges += 1
        pushes = ours.manifest_pushes()
        post = ours.merge(name, image=False, text=text)
        commit = ours.stack.github.repository(f"acme/{name}").bare.tip("main")
        if there:
            ours.push_image(commit[:TAG_LENGTH], commit)
        send_all([post], 1)
        until(lambda: ours.manifest_pushes() > pushes, what="the manifest commit")
        with ours.store.read() as tx:
            row = deliveries.get(tx, DeliveryId(post.id))
        assert row is not None
        return (ours.pushes[-1][1] - row.received_at).total_seconds()


def _builds(ours: Installation) -> int:
    """Count the images that were made."""
    with ours.store.read() as tx:
        made = {one.id for run in runs.newest(tx, limit=500) for one in builds.of_run(tx, run.id)}
        found = [builds.get(tx, one) for one in made]
    return sum(1 for one in found if one is not None and one.state is BuildState.SUCCEEDED)
