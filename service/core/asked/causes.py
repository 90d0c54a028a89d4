"""The causes for which something is not live where it is asked for, each with the next action of a person.

docs/ask.md has the same table, and a test holds both equal. Pure values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Cause(StrEnum):
    """The one thing that keeps a release from being live, or that it is live."""

    LIVE = "live"
    HEALTH = "health"
    REPLACED = "replaced"
    TAKEN_BACK = "taken-back"
    NOT_KNOWN = "not-known"
    CONFIGURATION = "configuration"
    SWITCHED_OFF = "switched-off"
    NOT_ROUTED = "not-routed"
    PATHS = "paths"
    NOT_STARTED = "not-started"
    UPSTREAM = "upstream"
    CANDIDATE = "candidate"
    UNDER_WAY = "under-way"
    BUILD_WAITS = "build-waits"
    BUILDING = "building"
    BUILD_FAILED = "build-failed"
    IMAGE = "image"
    SUPERSEDED = "superseded"
    ORDER = "order"
    BLOCK = "block"
    LOCK = "lock"
    HOLD = "hold"
    STATE = "state"
    GATE = "gate"
    PULL_REQUEST = "pull-request"
    CLOSED = "closed"
    CANCELLED = "cancelled"
    PUSH = "push"
    RETRY = "retry"
    SYNC = "sync"
    FAILED = "failed"


NEXT: Final[Mapping[Cause, str]] = {
    Cause.LIVE: "nothing",
    Cause.HEALTH: "look at the application in Argo CD; a newer release or a revert of the manifest commit mends it",
    Cause.REPLACED: "nothing, if the newer release is wanted",
    Cause.TAKEN_BACK: "ask who took it back; `mergeport runs retry RUN` brings it again",
    Cause.NOT_KNOWN: "look at the webhook's recent deliveries in GitHub, then at `mergeport deliveries list`",
    Cause.CONFIGURATION: "mend mergeport.yaml; `mergeport config check` lists its faults",
    Cause.SWITCHED_OFF: "take the `false` out of mergeport.yaml, if it should go there",
    Cause.NOT_ROUTED: "merge it to the branch that feeds the environment",
    Cause.PATHS: "change `paths` in mergeport.yaml, if these files matter",
    Cause.NOT_STARTED: "`mergeport deliveries replay DELIVERY`",
    Cause.UPSTREAM: "do what the environment upstream needs",
    Cause.CANDIDATE: "`mergeport promote APPLICATION --to ENVIRONMENT`; with `--plan` it only tells what keeps it",
    Cause.UNDER_WAY: "wait a moment",
    Cause.BUILD_WAITS: "wait for its turn",
    Cause.BUILDING: "wait for the build; `mergeport runs logs RUN --follow` shows it",
    Cause.BUILD_FAILED: "read `mergeport runs logs RUN`, mend it, then merge or `mergeport runs retry RUN`",
    Cause.IMAGE: "look at the pipeline that pushes the image, then `mergeport runs retry RUN` if the run has ended",
    Cause.SUPERSEDED: "look at the newer one",
    Cause.ORDER: "merge it again on top of what is there, if it is wanted",
    Cause.BLOCK: "`mergeport unblock DIGEST|COMMIT`, then `mergeport runs retry RUN`",
    Cause.LOCK: "wait, or `mergeport unlock ENVIRONMENT`",
    Cause.HOLD: "`mergeport unhold APPLICATION ENVIRONMENT`",
    Cause.STATE: "mend state.yaml, or `mergeport state accept`",
    Cause.GATE: "do what the gate says",
    Cause.PULL_REQUEST: "review and merge the pull request",
    Cause.CLOSED: "reopen the pull request, or `mergeport runs retry RUN`",
    Cause.CANCELLED: "`mergeport runs retry RUN`",
    Cause.PUSH: "look at the protection of the manifest branch, then `mergeport runs retry RUN` if the run has ended",
    Cause.RETRY: "wait; it is tried again by itself",
    Cause.SYNC: "look at the application in Argo CD",
    Cause.FAILED: "look the error's code up in docs/errors.md, then `mergeport runs retry RUN`",
}
"""What a person does next; words in capitals stand for names."""


@dataclass(frozen=True, slots=True)
class Answer:
    """Why something is not live in an environment, or that it is. `action` is what to do next."""

    cause: Cause
    words: str
    action: str


def answered(cause: Cause, words: str, **names: str | None) -> Answer:
    """Give an answer, with these names in place of the capitals of its action: `RUN`, `ENVIRONMENT`."""
    action = NEXT[cause]
    for name, value in names.items():
        if value:
            action = action.replace(name, value)
    return Answer(cause, words, action)
