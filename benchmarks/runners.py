"""Runners of the GitHub double for the benchmarks: they take each build at once, and it takes no time.

Used by the benchmarks of builds elsewhere. A build is the push of an image that tells its commit; GitHub's events of it
go to the installation as web hooks.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from benchmarks.installation import Installation
from devstack.github.runner import Runner, Script
from devstack.stack import WEBHOOK_SECRET

PAUSE_SECONDS = 0.002


@dataclass(slots=True)
class Played:
    """When each commit's build was asked for, and when it had ended, by the machine's clock."""

    asked: dict[str, float] = field(default_factory=dict)
    ended: dict[str, float] = field(default_factory=dict)


@contextmanager
def runners(ours: Installation) -> Iterator[Played]:
    """Play every build of the applications until the block ends."""
    github, played, stop = ours.stack.github, Played(), threading.Event()
    runner = Runner(github, lambda _image, tag, revision: ours.push_image(tag, revision))
    for name in ours.applications:
        github.add_hook(f"acme/{name}", ours.hook, WEBHOOK_SECRET, ["workflow_run", "workflow_job"])

    def play() -> None:
        while not stop.is_set():
            for name in ours.applications:
                for run in runner.waiting(f"acme/{name}"):
                    commit = run.inputs["commit"]
                    played.asked.setdefault(commit, time.time())
                    runner.play_one(github.repository(f"acme/{name}"), run, Script())
                    played.ended[commit] = time.time()
            stop.wait(PAUSE_SECONDS)

    thread = threading.Thread(target=play, daemon=True)
    thread.start()
    try:
        yield played
    finally:
        stop.set()
        thread.join()
