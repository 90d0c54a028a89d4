"""Turns what registries of models have now into changes and runs: for a webhook's hint, and for the poll that heals.

An alias that names another version than its newest run has moved, whoever told of it and whichever way it went. So a
hint that is lost, comes twice or comes late does no harm. One request is made for each model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import structlog

from service.core.changes import ModelHint
from service.core.config import Configuration, Target
from service.core.models import NEWEST, commit_of, version_of
from service.core.words import ChangeId, DeliveryState, Repository, Sha
from service.errors import MergeportError
from service.pipeline.context import Context
from service.pipeline.intake.runs_of_change import Outcome, Part, mark, mark_alone, start_runs
from service.store import Transaction, changes, model_aliases, run_order
from service.store.changes import Change
from service.store.ids import new_id
from service.store.runs import Run

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Move:
    """An alias that names a version, with the targets that it feeds and that have another one."""

    source: Repository
    alias: str
    version: str
    before: str
    targets: tuple[Target, ...]

    @property
    def words(self) -> str:
        """Say what has happened, for people."""
        _, _, name = self.source.partition(":")
        now = f"{name} {self.version}"
        if self.alias == NEWEST:
            return f"{now} is the newest version"
        if self.before and int(self.version) < int(self.before):
            return f"{self.alias} went back from {name} {self.before} to {self.version}"
        return f"{self.alias} is {now}" + (f", after {self.before}" if self.before else "")


def take_model(context: Context, part: Part, hint: ModelHint) -> list[Run]:
    """Look at the model that a webhook names, and start what is missing."""
    configuration = context.configurations.current()
    wanted = [one for one in _fed(configuration) if _is(one, hint)]
    if not wanted:
        words = f"no environment follows an alias of {hint.name}"
        mark_alone(context, part, Outcome(DeliveryState.IGNORED, words))
        return []
    moves = [move for source in _sources(wanted) for move in _moves(context, source, wanted)]
    if not moves:
        mark_alone(
            context, part, Outcome(DeliveryState.PROCESSED, f"no alias that feeds anything of {hint.name} moved")
        )
        return []
    with context.store.begin() as tx:
        started = [run for move in moves for run in _start(tx, context, configuration, move)]
        told = ", ".join(f"{run.application} to {run.environment}" for run in started)
        words = "; ".join(move.words for move in moves) + (f"; runs: {told}" if told else "")
        mark(tx, context, part, Outcome(DeliveryState.PROCESSED, words, started[0].change_id if started else None))
    return started


def look_at_models(context: Context) -> None:
    """Look at every model that an environment follows, and start what no webhook told of. Called now and then."""
    try:
        configuration = context.configurations.current()
    except MergeportError:
        return
    wanted = _fed(configuration)
    for source in _sources(wanted):
        try:
            moves = _moves(context, source, wanted)
        except MergeportError as error:
            log.warning("a model could not be looked at", model=source, error=str(error))
            continue
        for move in moves:
            with context.store.begin() as tx:
                started = _start(tx, context, configuration, move)
            log.info("a model moved", model=source, words=move.words, runs=len(started))
            for run in started:
                context.queue.enqueue_run(run)


def _fed(configuration: Configuration) -> list[Target]:
    """Give the targets that an alias feeds."""
    return [one for one in configuration.targets() if one.model is not None and one.branch]


def _is(target: Target, hint: ModelHint) -> bool:
    model = target.model
    return model is not None and (model.kind, model.repository) == (hint.kind, hint.name)


def _sources(targets: Sequence[Target]) -> list[Repository]:
    return list(dict.fromkeys(target.source for target in targets))


def _moves(context: Context, source: Repository, wanted: Sequence[Target]) -> list[Move]:
    """Ask the registry once about a model, and compare each alias with the newest run that it has brought."""
    theirs = [target for target in wanted if target.source == source]
    model = theirs[0].model
    assert model is not None  # noqa: S101 - only such are given
    found = context.outside.models.registry(model).registered(model.repository)
    if found is None:
        log.warning("a model is not in its registry", model=source)
        return []
    named = {**found.aliases, NEWEST: found.newest}
    _remember(context, source, {alias: named.get(alias, "") for alias in {target.branch for target in theirs}})
    return list(_compared(context, source, theirs, named))


def _remember(context: Context, source: Repository, versions: dict[str, str]) -> None:
    """Keep what aliases name, so that people are shown where it is not what is live."""
    with context.store.read() as tx:
        known = model_aliases.known(tx)
    changed = {alias: version for alias, version in versions.items() if known.get((source, alias)) != version}
    if changed:
        with context.store.begin() as tx:
            model_aliases.keep(tx, source, changed, at=context.now())


def _compared(context: Context, source: Repository, targets: Sequence[Target], named: dict[str, str]) -> Iterator[Move]:
    for alias in dict.fromkeys(target.branch for target in targets):
        version = named.get(alias, "")
        if not version.isdigit():
            continue
        with context.store.read() as tx:
            newest = [
                (one, run_order.newest_of_branch(tx, source, alias, one.application, one.environment))
                for one in targets
                if one.branch == alias
            ]
        apart = [(one, run) for one, run in newest if run is None or run.commit != commit_of(version)]
        if apart:
            before = next((version_of(run.commit) for _, run in apart if run is not None), "")
            yield Move(source, alias, version, before, tuple(one for one, _ in apart))


def _start(tx: Transaction, context: Context, configuration: Configuration, move: Move) -> list[Run]:
    before = commit_of(move.before) if move.before else None
    change = changes.ensure(tx, _change(context, move, before))
    return start_runs(tx, context, configuration, change, move.targets)


def _change(context: Context, move: Move, before: Sha | None) -> Change:
    return Change(
        id=ChangeId(new_id()), repository=move.source, branch=move.alias, commit=commit_of(move.version), before=before,
        subject=move.words, author="", author_email="", paths=None, pull_requests=[], created_at=context.now(),
    )  # fmt: skip
