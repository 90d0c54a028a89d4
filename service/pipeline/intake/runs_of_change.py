"""Writes the result of a change in one transaction: its row, its covered commits, its runs, the delivery's outcome.

Called by intake with everything that it has looked up. Every row has a unique key, so repeating does no harm.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import structlog

from service.core.config import Configuration, Target
from service.core.order import Relation
from service.core.routing import Routing, route
from service.core.words import ChangeId, DeliveryState, Sha
from service.pipeline.context import Context
from service.pipeline.intake.moved_back import generation_of
from service.pipeline.intake.refusals import want_refusals
from service.pipeline.runs import transitions
from service.pipeline.runs.steps import Stale
from service.pipeline.runs.transitions import Wish
from service.store import Transaction, ancestry, changes, deliveries
from service.store.changes import Change
from service.store.deliveries import StoredDelivery
from service.store.runs import Run

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Outcome:
    """What becomes of a delivery."""

    state: DeliveryState
    reason: str
    change_id: ChangeId | None = None
    routing: object = None


@dataclass(frozen=True, slots=True)
class Part:
    """One event of a delivery; after the last one, the outcome of all is marked on the delivery."""

    delivery: StoredDelivery
    last: bool
    before: list[Outcome] = field(default_factory=list)
    """The outcomes of the events before it; all events of a delivery share this list."""


class Note(NamedTuple):
    """What a delivery did besides runs: the configuration was read again, and may have been refused."""

    words: str = ""
    refused: bool = False

    @property
    def state(self) -> DeliveryState:
        """The delivery's state if nothing else decides it."""
        if self.refused:
            return DeliveryState.FAILED
        return DeliveryState.PROCESSED if self.words else DeliveryState.IGNORED


def accept(
    context: Context,
    part: Part,
    configuration: Configuration,
    wish: Change,
    *,
    covered: tuple[Sha, ...],
    note: Note,
    ancestor: Sha | None = None,
    moved_back: bool = False,
    doubt: str = "",
    enrich: dict[str, object] | None = None,
) -> list[Run]:
    """Store the change, its covered commits and its runs, and mark the delivery, in one transaction.

    `ancestor` is a commit from which the change's commit is known to descend. `moved_back` says that the branch is at
    this commit again after others, so its runs are a new generation. `doubt` says what is not known about the changed
    paths.
    """
    generation = part.delivery.generation
    with context.store.begin() as tx:
        change = changes.widen(tx, changes.ensure(tx, wish), wish.paths)
        if ancestor is not None:
            ancestry.remember(tx, change.repository, ancestor, change.commit, Relation.AHEAD)
        changes.enrich(
            tx, change, subject=wish.subject, author=wish.author, author_email=wish.author_email, pull_request=enrich
        )
        _take_over(tx, change, covered)
        paths = None if change.paths is None else frozenset(change.paths)
        routing = route(configuration, change.repository, change.branch, paths)
        accepted = start_runs(
            tx, context, configuration, change, routing.targets, None if moved_back and not generation else generation
        )
        want_refusals(tx, change, routing, part.delivery.id)
        words = "; ".join(filter(None, [note.words, _words(routing, accepted), doubt]))
        state = note.state if note.words or not routing.targets else DeliveryState.PROCESSED
        mark(tx, context, part, Outcome(state, words, change.id, _shown(routing)))
    return accepted


def start_runs(
    tx: Transaction,
    context: Context,
    configuration: Configuration,
    change: Change,
    targets: Sequence[Target],
    generation: int | None = None,
) -> list[Run]:
    """Keep the runs of a change; those that are there already are left out.

    Without a generation each is a new one where the branch has been elsewhere since.
    """
    found = []
    for target in targets:
        its = generation_of(tx, change, target) if generation is None else generation
        run = _accept_run(tx, context, configuration, change, target, its)
        if run is not None:
            found.append(run)
    return found


def mark_alone(context: Context, part: Part, outcome: Outcome) -> None:
    """Mark what became of a part, in a transaction of its own."""
    with context.store.begin() as tx:
        mark(tx, context, part, outcome)


def mark(tx: Transaction, context: Context, part: Part, outcome: Outcome) -> None:
    """Mark the outcome of a delivery; raise Stale, which undoes the transaction, if another worker has it by now."""
    if not deliveries.keep_claim(tx, part.delivery, executor=context.holder):
        raise Stale
    part.before.append(outcome)
    if not part.last:
        return
    whole = _together(part.before)
    deliveries.finish(
        tx,
        part.delivery.sequence,
        whole.state,
        whole.reason,
        at=context.now(),
        change_id=whole.change_id,
        routing=whole.routing,
    )
    log.info("delivery done", state=whole.state, reason=whole.reason)


def _together(outcomes: list[Outcome]) -> Outcome:
    """Join the outcomes of a delivery's events: failed if one is, else processed if one is."""
    if len(outcomes) == 1:
        return outcomes[0]
    states = {one.state for one in outcomes}
    order = (DeliveryState.FAILED, DeliveryState.PROCESSED, DeliveryState.IGNORED)
    with_change = [one for one in outcomes if one.change_id is not None]
    newest = with_change[-1] if with_change else outcomes[-1]
    return Outcome(
        next(state for state in order if state in states),
        "; ".join(dict.fromkeys(one.reason for one in outcomes)),
        newest.change_id,
        newest.routing,
    )


def _take_over(tx: Transaction, change: Change, covered: tuple[Sha, ...]) -> None:
    """Count the commits as part of the change, with the pull requests of earlier events about them."""
    for commit in covered:
        earlier = changes.find(tx, change.repository, change.branch, commit)
        if earlier is not None and earlier.id != change.id:
            for pull_request in earlier.pull_requests:
                now_at = changes.get(tx, change.id)
                if now_at is not None:
                    changes.enrich(tx, now_at, pull_request=pull_request)
    changes.cover(tx, change, covered)


def _accept_run(
    tx: Transaction,
    context: Context,
    configuration: Configuration,
    change: Change,
    target: Target,
    generation: int,
) -> Run | None:
    wish = Wish(
        change_id=change.id, repository=change.repository, branch=change.branch, commit=change.commit,
        application=target.application, environment=target.environment, generation=generation,
        configuration_commit=Sha(configuration.commit),
    )  # fmt: skip
    return transitions.accept(tx, wish, at=context.now())


def _words(routing: Routing, accepted: list[Run]) -> str:
    if not routing.targets:
        return routing.reason
    if not accepted:
        return "its runs exist already"
    return "runs: " + ", ".join(f"{run.application} to {run.environment}" for run in accepted)


def _shown(routing: Routing) -> object:
    return {
        "targets": [[target.application, target.environment] for target in routing.targets],
        "refused": [list(refused) for refused in routing.refused],
        "off": [list(pair) for pair in routing.off],
        "reason": routing.reason,
    }
