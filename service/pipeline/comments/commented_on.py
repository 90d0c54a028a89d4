"""Finds what a commented pull request is about: a promotion of ours, or a change of a source and where it may go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from service.core.changes import Commented
from service.core.comments import Aim
from service.core.config import Configuration, Target
from service.core.words import Repository, Sha
from service.errors import PermanentError
from service.pipeline.context import Context
from service.store import asked_for, runs
from service.store.runs import Run

MOST_NAMED = 5
"""How many places are named where a command must say which one it means."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What a pull request is about. `targets` are where it matters, and `runs` the newest run of it in each place.

    `commit` is what it brought to the source, None while it is not merged. `promotes`: a run of ours opened it.
    """

    configuration: Configuration
    repository: Repository
    number: int
    targets: tuple[Target, ...]
    runs: tuple[Run, ...] = ()
    commit: Sha | None = None
    promotes: bool = False

    @property
    def name(self) -> str:
        """The pull request as people write it."""
        return f"{self.repository}#{self.number}"


def subject_of(context: Context, event: Commented) -> Subject | None:
    """Give what a pull request is about; None if its repository is neither a source nor one with manifests."""
    configuration = context.configurations.current()
    targets = tuple(configuration.targets())
    written = configuration.manifest_repositories(context.configuration_repository)
    with context.store.read() as tx:
        if event.repository in written:
            promoted = asked_for.of_promotion(tx, event.number, event.repository)
            if promoted:
                return _of_promotion(configuration, event, targets, promoted)
        if event.repository in configuration.sources():
            changes = asked_for.of_pull_request(tx, event.number, event.repository)
            there = runs.of_change(tx, changes[0].id) if changes else []
            return _of_source(configuration, event, targets, there, changes[0].commit if changes else None)
    if event.repository not in written:
        return None
    return Subject(configuration, event.repository, event.number, ())


def _of_promotion(
    configuration: Configuration, event: Commented, targets: Sequence[Target], promoted: Sequence[Run]
) -> Subject:
    newest = {_place(run): run for run in reversed(promoted)}  # several where applications share it
    mine = tuple(one for one in targets if _place(one) in newest)
    there = tuple(newest.values())
    return Subject(configuration, event.repository, event.number, mine, there, promoted[0].commit, promotes=True)


def _of_source(
    configuration: Configuration, event: Commented, targets: Sequence[Target], there: Sequence[Run], commit: Sha | None
) -> Subject:
    mine = [one for one in targets if one.source == event.repository]
    concerned = {run.application for run in there}
    mine = [one for one in mine if not concerned or one.application in concerned]
    newest = {_place(run): run for run in there}  # oldest first
    return Subject(configuration, event.repository, event.number, tuple(mine), tuple(newest.values()), commit)


def _place(one: Target | Run) -> tuple[str, str]:
    return one.application, one.environment


def chosen(subject: Subject, aim: Aim) -> list[Target]:
    """Give the targets that a command may mean: what it names goes before what the pull request is about."""
    within = subject.targets
    if aim.application and aim.application not in {one.application for one in within}:
        within = tuple(subject.configuration.targets())
    fits = [
        one for one in within if aim.application in {"", one.application} and aim.environment in {"", one.environment}
    ]
    if not fits and (aim.application or aim.environment):
        every = subject.configuration.targets()
        fits = [
            one
            for one in every
            if aim.application in {"", one.application}
            and aim.environment in {"", one.environment}
            and (aim.application or one.application in {mine.application for mine in subject.targets})
        ]
    if not fits:
        what = " in ".join(filter(None, [aim.application, aim.environment])) or subject.name
        raise PermanentError(
            f"there is nothing of {what} to act on",
            code="comment-unclear",
            hint="name an application and an environment",
        )
    return fits


def one_of(fits: Sequence[Target], verb: str) -> Target:
    """Give the only target that a command can mean; say what to write where there are several."""
    if len(fits) == 1:
        return fits[0]
    ways = [f"/mergeport {verb} {one.application} {one.environment}" for one in fits[:MOST_NAMED]]
    raise PermanentError(
        f"it could mean {len(fits)} places", code="comment-unclear", hint=f"write one of: {', '.join(ways)}"
    )
