"""Tells whether a pull request's head is still the one that a person saw when they wrote a comment."""

from __future__ import annotations

from service.core.changes import Commented
from service.core.words import Repository, Sha
from service.errors import PermanentError
from service.pipeline.context import Context

_SHORT = 12


def head_seen(context: Context, repository: Repository, event: Commented, verb: str, *, named: str = "") -> Sha:
    """Give the head that was there when a comment was written and is there still; else PermanentError.

    A person may name the head that they mean. Without that, the forge tells where the branch was, by its own clock.
    """
    pull = context.outside.manifest_forge.pull_request(repository, event.number)
    now_at = pull.head_sha
    again = f"look at it again, and write /mergeport {verb} once more"
    if named:
        if not now_at.startswith(named):
            raise PermanentError(f"the head is {now_at[:_SHORT]}, not {named}", code="head-moved", hint=again)
        return now_at
    then = context.outside.manifest_forge.head_at(repository, pull.head, event.at)
    if then is None:
        raise PermanentError(
            "GitHub does not tell which head was there when you wrote",
            code="head-moved",
            hint=f"write /mergeport {verb} {now_at[:_SHORT]} if that is the head that you mean",
        )
    if then != now_at:
        raise PermanentError(
            f"the head moved from {then[:_SHORT]} to {now_at[:_SHORT]} since you wrote", code="head-moved", hint=again
        )
    return now_at
