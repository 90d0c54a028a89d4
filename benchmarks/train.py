"""A train of many applications against as many merges at once: seconds from the command or the deliveries to the end.

One worker on SQLite, image there. All applications are merged into the first environment; then one command brings them
to the next. Both write one commit an application, in as few pushes as they can.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.cost import send_all
from benchmarks.findings import Bar, Finding
from benchmarks.installation import CONFIGURATION, MANIFESTS, Installation, installation, until
from benchmarks.repositories import BRANCH
from benchmarks.scale import Scale
from benchmarks.values_files import values_file
from service.core.words import RunState
from service.store import runs

NAME = "train"
TITLE = "A train of many applications"
BAR = Bar(2.0)
_LINES = 24
_DEV = "  dev: {branch: main}\n"
_STAGE = "  stage: {from: dev, automatic: false}\n"


def run(scale: Scale, say: Callable[[str], None]) -> list[Finding]:
    """Merge everywhere at once, twice, and take the second; then let the train go."""
    with (
        tempfile.TemporaryDirectory(prefix="mergeport-bench-") as folder,
        installation(Path(folder), applications=scale.applications, files=scale.crowd_files) as ours,
    ):
        _add_stage(ours)
        ours.start("web", "worker")
        say(f"{scale.applications} merges at once")
        _merge_all(ours, scale.clients)
        pushes = ours.manifest_pushes()
        together = _merge_all(ours, scale.clients)
        few = ours.manifest_pushes() - pushes
        say(f"a train of {scale.applications} applications")
        went = _train(ours)
        by_train = ours.manifest_pushes() - pushes - few
    note = f"{by_train} pushes of the train, {few} of the merges at once; with the command's own start and its plan."
    what = f"{scale.applications} applications, {scale.crowd_files:,} files"
    return [Finding(NAME, what, went, "as many merges at once", together, went / together, BAR, note=note)]


def _add_stage(ours: Installation) -> None:
    bare = ours.stack.github.repository(MANIFESTS).bare
    text = bare.text(BRANCH, "mergeport.yaml")
    if _DEV not in text or not text.startswith(CONFIGURATION):
        raise AssertionError("the configuration is another one")
    values = {
        f"apps/{name}/values-stage.yaml": values_file(_LINES, seed=at) for at, name in enumerate(ours.applications)
    }
    bare.commit_files(BRANCH, {"mergeport.yaml": text.replace(_DEV, _DEV + _STAGE), **values})


def _merge_all(ours: Installation, clients: int) -> float:
    posts = [ours.merge(name) for name in ours.applications]
    wanted, began = _succeeded(ours) + len(posts), time.monotonic()
    send_all(posts, clients)
    until(lambda: _succeeded(ours) >= wanted, what="the last merge's commit")
    return time.monotonic() - began


def _train(ours: Installation) -> float:
    wanted, began = _succeeded(ours) + len(ours.applications), time.monotonic()
    done = subprocess.run(
        [sys.executable, "-P", "-m", "service.cli.main", "promote", "--all", "--to", "stage"],
        env=ours.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise AssertionError(f"the train did not go: {done.stderr or done.stdout}")
    until(lambda: _succeeded(ours) >= wanted, what="the train's last commit")
    return time.monotonic() - began


def _succeeded(ours: Installation) -> int:
    with ours.store.read() as tx:
        return runs.counts(tx).get(RunState.SUCCEEDED, 0)
