"""Looks at builds on this machine for the runs that wait for one."""

from __future__ import annotations

from collections.abc import Collection

from service.core.words import BuildId, BuildState, WaitKind
from service.pipeline.context import Context
from service.pipeline.runs.looks import Answers, saw
from service.store import builds, waits
from service.store.builds import Build
from service.store.waits import Wait


def look_at_builds(context: Context, key: str) -> Answers:
    """Answer the waits whose build is no longer under way."""
    with context.store.read() as tx:
        waiting = waits.open_at(tx, WaitKind.BUILD, key)
        under_way = builds.under_way(tx)
    answers: dict[Wait, str] = {}
    for wait in waiting:
        build = under_way.get(BuildId(wait.subject))
        if build is None:
            answers[wait] = "ended"
        else:
            saw(context, wait, f"build of {build.reference} is {build.state}{_line(build, under_way.values())}")
    return answers


def _line(build: Build, under_way: Collection[Build]) -> str:
    """Say how many builds on this machine a queued one waits for."""
    if build.state is not BuildState.QUEUED:
        return ""
    here = [one for one in under_way if not one.builder]
    running = sum(one.state is BuildState.RUNNING for one in here)
    before = sum(one.state is BuildState.QUEUED and one.updated_at < build.updated_at for one in here)
    return f": {running} under way, {before} queued before it" if running or before else ""
