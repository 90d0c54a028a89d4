"""The facts about one run from which it is told why its release is not live. Plain values, read from the database."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from service.core.state import Entry
from service.core.words import BuildState, RunState, Stage, WaitKind


@dataclass(frozen=True, slots=True)
class RunFacts:
    """The run that is asked about."""

    id: str
    application: str
    environment: str
    commit: str
    state: RunState
    stage: Stage
    code: str = ""
    message: str = ""
    accepted: datetime | None = None
    ended: datetime | None = None
    pull_request: int | None = None
    pull_request_url: str | None = None
    manifest_commit: str | None = None
    cancelled_by: str | None = None


@dataclass(frozen=True, slots=True)
class WaitFacts:
    """What the run waits for. `on_state`: it is kept back by mergeport/state, not by the configuration's gates."""

    kind: WaitKind
    words: str
    since: datetime
    until: datetime | None = None
    subject: str = ""
    on_state: bool = False


@dataclass(frozen=True, slots=True)
class BuildFacts:
    """A build of the run. `asked`: its builder has been asked for it, so it does not wait for its turn."""

    reference: str
    state: BuildState
    message: str = ""
    since: datetime | None = None
    asked: bool = True


@dataclass(frozen=True, slots=True)
class GateRow:
    """What a gate said last."""

    gate: str
    state: str
    words: str


@dataclass(frozen=True, slots=True)
class LiveFacts:
    """The newest time in which the run's release was live; `until` None: it is."""

    since: datetime
    healthy_since: datetime | None
    health: str
    followed: bool
    until: datetime | None = None
    ended_by: str = ""
    by_us: bool | None = None


@dataclass(frozen=True, slots=True)
class Other:
    """Another run of the same application and environment.

    `contains` tells whether its commit contains the one that is asked about; None if that is not known. `live_since` is
    None if it is not live. `words` say what keeps it, if it is not.
    """

    run: str
    commit: str
    contains: bool | None = None
    live_since: datetime | None = None
    words: str = ""


@dataclass(frozen=True, slots=True)
class Case:
    """Everything that is known of one run.

    `entries` of mergeport/state are in its way now, and `doubt` says that the state itself cannot be believed. `step`
    is what it does now. `degraded`: Argo CD has synced its commit, which is not healthy. `instead` is live now in its
    place, and `successor` is the run at the end of those that superseded it.
    """

    now: datetime
    run: RunFacts
    wait: WaitFacts | None = None
    builds: tuple[BuildFacts, ...] = ()
    step: str = ""
    gates: tuple[GateRow, ...] = ()
    entries: tuple[Entry, ...] = ()
    doubt: str = ""
    live: LiveFacts | None = None
    instead: Other | None = None
    successor: Other | None = None
    degraded: bool = False
    gives_up_at: datetime | None = None
    proposed_since: datetime | None = None
