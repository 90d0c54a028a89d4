"""Finds the entries that close nothing by their names, because the configuration does not have these names there.

Called by who reads the state. A person who wrote a lock meant to stop something: so a name that is not known counts as
every name, until it is corrected. Pure; what was found is kept beside the state, since the web role knows no names.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from service.core.config.report import nearest
from service.core.foreign_text import cut, line
from service.core.state.amending import command
from service.core.state.entries import Block, Blocked, Entry, Hold, Lock, State, Stray, Subject

_SHOWN = 60


@dataclass(frozen=True, slots=True)
class Names:
    """The names of the configuration: the places that are written to a repository, and those written elsewhere.

    A place is an application in an environment.
    """

    environments: frozenset[str]
    applications: frozenset[str]
    here: frozenset[tuple[str, str]]
    elsewhere: frozenset[tuple[str, str]]


def strays(state: State, names: Names) -> dict[Subject, Stray]:
    """Give what is wrong with each entry whose names are not those of the configuration, or of this repository."""
    found = ((entry.subject, _stray(entry, names)) for entry in state.entries)
    return {subject: stray for subject, stray in found if stray is not None}


def _stray(entry: Entry, names: Names) -> Stray | None:
    if isinstance(entry, Block):
        if entry.kind is Blocked.MODEL:
            return Stray("this version promotes no models by name and version, so it closes nothing")
        return None
    no_environment = bool(entry.environment) and entry.environment not in names.environments
    no_application = bool(entry.application) and entry.application not in names.applications
    if no_environment or no_application:
        return _unknown(entry, names, no_environment=no_environment, no_application=no_application)
    return _not_here(entry, names)


def _unknown(entry: Lock | Hold, names: Names, *, no_environment: bool, no_application: bool) -> Stray:
    """Tell which name is not known, and what the entry does all the same.

    What is about one application and was placed by a command was right then: the configuration has changed since.
    """
    missing = [
        _missing(what, name, known)
        for what, name, known, unknown in (
            ("environment", entry.environment, names.environments, no_environment),
            ("application", entry.application, names.applications, no_application),
        )
        if unknown
    ]
    words = " and ".join(missing)
    kind = entry.subject[0]
    if entry.placed.id and entry.application:
        return Stray(f"{words} any more, so it closes nothing; `mergeport un{kind} {command(entry)}` takes it away")
    every = " and ".join(filter(None, ("every environment" * no_environment, "every application" * no_application)))
    return Stray(
        f"{words}; until it is corrected it counts for {every}", environment=no_environment, application=no_application
    )


def _missing(what: str, name: str, known: frozenset[str]) -> str:
    hint = nearest(name, known)
    return f"the configuration has no {what} {cut(line(name), _SHOWN)}{f' ({hint})' if hint else ''}"


def _not_here(entry: Lock | Hold, names: Names) -> Stray | None:
    """Tell if known names are of nothing that is written to this repository; an empty environment may be locked."""
    if any(entry.covers(*place) for place in names.here) or not (entry.environment or entry.application):
        return None
    if any(entry.covers(*place) for place in names.elsewhere):
        return Stray(f"{entry.name} is written to another repository, whose state closes it; here it closes nothing")
    if entry.application:
        return Stray(f"{entry.application} is not in {entry.environment}, so it closes nothing")
    return None


def marked(state: State, found: Mapping[Subject, Stray]) -> State:
    """Give the state with what is wrong with its entries, so that these cover what they count for."""
    if not found:
        return state
    return State(tuple(_with(entry, found.get(entry.subject)) for entry in state.entries))


def _with(entry: Entry, stray: Stray | None) -> Entry:
    return entry if stray is None else replace(entry, stray=stray)


def astray_in_words(state: State) -> Iterator[str]:
    """Say of each such entry what is wrong with it."""
    for entry in state.entries:
        if entry.stray is not None:
            yield f"the {entry.subject[0]} of {cut(line(entry.name), 2 * _SHOWN)} is not right: {entry.stray.words}"


def stored(found: Mapping[Subject, Stray]) -> list[dict[str, Any]]:
    """Give what is kept."""
    return [
        {"subject": list(subject), "words": one.words, "environment": one.environment, "application": one.application}
        for subject, one in sorted(found.items())
    ]


def read_stored(kept: Sequence[Mapping[str, Any]]) -> dict[Subject, Stray]:
    """Read what was kept."""
    return {
        tuple(one["subject"]): Stray(one["words"], environment=one["environment"], application=one["application"])
        for one in kept
    }
