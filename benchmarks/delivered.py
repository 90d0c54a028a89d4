"""From the accepted delivery to the pushed manifest commit, the image being there: real processes, one at a time.

The clock starts with the time on the delivery's row and stops when the git server has taken the push. Against a bare
push to the same server: what is left is all of our own work and waiting.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.findings import Bar, Finding
from benchmarks.installation import Installation, installation, until
from benchmarks.load import send
from benchmarks.measuring import interleave, timed
from benchmarks.plain_git import git, push_ready
from benchmarks.repositories import BRANCH
from benchmarks.scale import Scale
from benchmarks.served import TOKEN
from devstack.bare import BareRepository
from devstack.git_http import GitAccess
from service.core.words import DeliveryId
from service.store import deliveries

NAME = "delivered"
TITLE = "Delivery accepted to manifest commit pushed, image already there"
BAR = Bar(0.25, "s")
BARE = "acme/bare"


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Send one delivery after the other, with a bare push between."""
    with tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder:
        place = Path(folder)
        say("making the world and starting web and worker")
        with installation(place, applications=1, files=scale.crowd_files) as ours:
            ready = bare_copy(ours, place)
            ours.start("web", "worker")
            say(f"{scale.deliveries} deliveries")
            rounds = interleave(
                {"ours": lambda: _deliver(ours), "bare": lambda: push_once(ours, ready)},
                rounds=scale.deliveries,
                seconds=scale.seconds,
            )
    mine, bare = rounds.ways["ours"].median, rounds.ways["bare"].median
    what, note = f"{scale.crowd_files:,} files", f"The figure is ours less the bare push; unrest {rounds.unrest:.2f}."
    return [
        Finding(
            NAME, what, mine, "a bare push", bare, mine - bare, BAR, "s",
            spread=rounds.difference_range("ours", "bare"), rounds=len(rounds.ways["ours"]), note=note,
        ),
        Finding(
            NAME, what, mine, "a bare push", bare, rounds.ratio("ours", "bare"),
            spread=rounds.ratio_range("ours", "bare"), rounds=len(rounds.ways["ours"]),
        ),
    ]  # fmt: skip


def _deliver(ours: Installation) -> float:
    """Merge, send the webhook, and wait for the push; give the seconds between acceptance and push."""
    pushes = ours.manifest_pushes()
    post = ours.merge(ours.applications[0])
    (answer,) = send([post], clients=1)
    if not answer.status // 100 == 2:  # noqa: PLR2004 - HTTP's own number
        raise AssertionError(f"the delivery was answered by {answer.status}")
    until(lambda: ours.manifest_pushes() > pushes, what="the manifest commit")
    with ours.store.read() as tx:
        row = deliveries.get(tx, DeliveryId(post.id))
    assert row is not None
    return (ours.pushes[-1][1] - row.received_at).total_seconds()


def bare_copy(ours: Installation, place: Path) -> BareRepository:
    """Serve a copy of the manifest repository for the bare pushes, and clone it."""
    ours.stack.git.tokens[TOKEN] = GitAccess("benchmark")
    bare = ours.stack.git.create(BARE)
    bare.git("fetch", "--quiet", str(ours.stack.git.path("acme/manifests")), f"{BRANCH}:{BRANCH}")
    git(place, "clone", "--quiet", "--bare", ours.stack.git.remote(BARE), "ready.git")
    return BareRepository(place / "ready.git")


def push_once(ours: Installation, ready: BareRepository) -> float:
    """Push one commit that is already made; give the seconds."""
    file = f"apps/{ours.applications[0]}/values-dev.yaml"
    ready.commit_files(BRANCH, {file: ready.text(BRANCH, file) + f"# {time.time_ns()}\n"})
    return timed(lambda: push_ready(ready.path, ours.stack.git.remote(BARE)))
