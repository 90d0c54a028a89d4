"""From the dispatch of a workflow to the known image, with GitHub Actions; the build itself takes no time.

The clock starts when a runner takes the dispatched run, milliseconds after the dispatch. It stops when the build's row
says that the image is there. Against the double's own time: to the end of the workflow's run, which pushes the image.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path

from benchmarks.cost import send_all
from benchmarks.findings import Bar, Finding
from benchmarks.installation import Installation, installation, until
from benchmarks.measuring import Samples
from benchmarks.runners import Played, runners
from benchmarks.scale import Scale
from service.core.words import BuildState
from service.store import builds, runs
from service.store.builds import Build

NAME = "elsewhere"
TITLE = "Dispatch in GitHub Actions to image known, the build taking no time"
BAR = Bar(1, "s")


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Build one commit after the other."""
    with tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder:
        say("making the world and starting web and worker")
        with installation(Path(folder), applications=1, files=20, built=1, builder="github-actions") as ours:
            ours.start("web", "worker")
            with runners(ours) as played:
                say(f"{scale.deliveries} builds")
                took = [_build(ours, played) for _ in range(scale.deliveries + 1)][1:]
    mine, theirs = Samples(tuple(all_of for all_of, _ in took)), Samples(tuple(own for _, own in took))
    over = Samples(tuple(all_of - own for all_of, own in took))
    note = f"{len(took)} builds; the slowest was known {over.at(1.0) * 1000:.0f} ms after its run had ended."
    return [
        Finding(
            NAME, "dispatch to image known", mine.median, "the run itself", theirs.median, over.median, BAR, "s",
            spread=(over.at(0.25), over.at(0.75)), rounds=len(over), note=note,
        )
    ]  # fmt: skip


def _build(ours: Installation, played: Played) -> tuple[float, float]:
    """Merge and wait for the image; give the seconds from the dispatch to the known image, and to the run's end."""
    name = ours.applications[0]
    post = ours.merge(name, image=False)
    commit = ours.stack.github.repository(f"acme/{name}").bare.tip("main")
    send_all([post], 1)

    def ended() -> Build | None:
        with ours.store.read() as tx:
            found = [one for one in runs.newest(tx, application=name, limit=2) if one.commit == commit]
            made = builds.of_run(tx, found[0].id) if found else []
        return made[-1] if made and made[-1].state.ended else None

    until(lambda: ended() is not None, what="the end of the build")
    build = ended()
    if build is None or build.state is not BuildState.SUCCEEDED or build.ended_at is None:
        raise AssertionError(f"the build is {build and build.state}: {build and build.message}")
    asked = played.asked[commit]
    return build.ended_at.timestamp() - asked, played.ended[commit] - asked
