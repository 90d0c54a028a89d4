"""The state of a manifest repository as it is remembered: the last good file, and which of its names are not right.

Called by whoever asks what is closed without reading the branch, the web role too. Names are judged when the state is
read and when the configuration changes; here the answer is only applied.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import structlog

from service.core.config import Configuration
from service.core.state import State, recall
from service.core.state.astray import Names, astray_in_words, marked, read_stored, stored, strays
from service.core.state.entries import Stray, Subject
from service.core.words import Repository
from service.store import Transaction, manifest_states
from service.store.manifest_states import KnownState

log = structlog.get_logger()


@lru_cache(maxsize=64)
def state_of(text: str) -> State:
    """Give the state of a text that was good when it was read, whatever a newer version would refuse in it."""
    return recall(text)


def in_force(known: KnownState | None) -> State:
    """Give the state in force, as it was last read."""
    return State() if known is None else marked(state_of(known.text), read_stored(known.strays))


def told_astray(tx: Transaction) -> list[str]:
    """Say of all entries of all repositories what is wrong with their names."""
    return [
        f"In the state of {known.repository}, {words}"
        for known in manifest_states.all_known(tx)
        for words in astray_in_words(in_force(known))
    ]


def strays_of(
    state: State, repository: Repository, default: Repository, configuration: Callable[[], Configuration | None]
) -> dict[Subject, Stray]:
    """Judge the names of a state by a configuration, which is asked for only if there are any."""
    if not state.entries:
        return {}
    by = configuration()
    return {} if by is None else strays(state, _names(by, repository, default))


def _names(configuration: Configuration, repository: Repository, default: Repository) -> Names:
    here: set[tuple[str, str]] = set()
    elsewhere: set[tuple[str, str]] = set()
    for target in (*configuration.targets(), *configuration.off()):
        there = (target.manifest_repository or default) == repository
        (here if there else elsewhere).add((target.application, target.environment))
    return Names(
        frozenset(configuration.environments), frozenset(configuration.applications), frozenset(here),
        frozenset(elsewhere),
    )  # fmt: skip


def judge_names_again(tx: Transaction, configuration: Configuration, default: Repository) -> None:
    """Judge the names of every state by a configuration that has come into force."""
    for known in manifest_states.all_known(tx):
        state = state_of(known.text)
        found = stored(strays_of(state, known.repository, default, lambda: configuration))
        if found != known.strays:
            keep_strays(tx, known, found)


def keep_strays(tx: Transaction, known: KnownState, found: list[dict[str, object]]) -> None:
    """Remember which names are not right, and log them."""
    manifest_states.set_strays(tx, known.repository, found)
    log_astray(known.repository, marked(state_of(known.text), read_stored(found)))


def log_astray(repository: Repository, state: State) -> None:
    """Log loudly what a person has to correct."""
    for words in astray_in_words(state):
        log.error("an entry of the state is not right", repository=repository, error=words)
