"""Gives the configuration in force as the store has it, without asking the forge. Called for what people ask."""

from __future__ import annotations

from service.core.config import Configuration, Kinds, load
from service.errors import ConfigError
from service.pipeline.configurations import FILE
from service.store import Transaction, configurations


def configuration_in_force(tx: Transaction, kinds: Kinds) -> Configuration | None:
    """Give the last good configuration; None if none was ever read, or another version wrote it."""
    stored = configurations.last(tx, good=True)
    if stored is None:
        return None
    try:
        return load(stored.text, kinds=kinds, file=FILE, commit=stored.commit)
    except ConfigError:
        return None
