"""Starts what an application missed while it was switched off in an environment (`false`), once it is back.

Called where a new configuration is kept, in the same transaction. Its runs are queued as rows; the sweeper hands them
to the engine. An environment that is merely new starts with the next merge, as before.
"""

from __future__ import annotations

from datetime import datetime

from service.core.config import Configuration, Target
from service.core.config.patterns import matches, selects_any
from service.core.words import Sha
from service.pipeline.runs import transitions
from service.pipeline.runs.transitions import Wish
from service.store import Transaction, changes, runs
from service.store.changes import Change
from service.store.runs import Run

MOST_CHANGES = 200
"""How many of the source's newest changes are searched; one further back is not found."""


def start_returned(tx: Transaction, before: Configuration, now: Configuration, at: datetime) -> list[Run]:
    """For each target that was off and is on again, accept the run of the newest change that reaches it."""
    off = {(target.application, target.environment) for target in before.off()}
    back = [target for target in now.targets() if (target.application, target.environment) in off]
    return [run for target in back if (run := _start(tx, now, target, at)) is not None]


def _start(tx: Transaction, now: Configuration, target: Target, at: datetime) -> Run | None:
    change = next((one for one in changes.newest(tx, target.source, MOST_CHANGES) if _reaches(target, one)), None)
    if change is None or any(_is_of(run, target) for run in runs.of_change(tx, change.id)):
        return None
    wish = Wish(
        change_id=change.id, repository=change.repository, branch=change.branch, commit=change.commit,
        application=target.application, environment=target.environment, generation=0,
        configuration_commit=Sha(now.commit),
    )  # fmt: skip
    return transitions.accept(tx, wish, at=at)


def _reaches(target: Target, change: Change) -> bool:
    touched = change.paths is None or selects_any(target.paths, frozenset(change.paths))
    return matches(target.branch, change.branch) and touched


def _is_of(run: Run, target: Target) -> bool:
    return (run.application, run.environment) == (target.application, target.environment)
