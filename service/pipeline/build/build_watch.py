"""Looks at builds on this machine for the runs that wait for one."""

from __future__ import annotations

from service.core.words import BuildId, WaitKind
from service.pipeline.context import Context
from service.pipeline.runs.looks import Answers, saw
from service.store import builds, waits
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
            saw(context, wait, f"build of {build.reference} is {build.state}")
    return answers
