"""How long a run waits for each thing, and how long what it sees must last. Called while a target is read."""

from __future__ import annotations

from datetime import timedelta

from service.core.config.layers import Layers
from service.core.config.targets import Deadlines
from service.core.config.texts import duration
from service.core.config.time_keys import DeadlineKeys
from service.core.deployment import Patience


def read_deadlines(layers: Layers) -> Deadlines | None:
    """Give how long a run waits for each thing; None when a fault was reported."""
    keys = layers.keys.deadlines
    lengths: dict[str, timedelta] = {}
    for name in DeadlineKeys.model_fields:
        length = layers.checked(duration, getattr(keys, name), "deadlines", name)
        if length is not None:
            lengths[name] = length
    return Deadlines(**lengths) if len(lengths) == len(DeadlineKeys.model_fields) else None


def read_rollback_within(layers: Layers) -> timedelta | None:
    """Give how long a degraded release is gone back from by itself, zero if never; None when a fault was reported."""
    text = layers.keys.rollback.when_degraded_within
    if not text:
        return timedelta(0)
    if layers.keys.argocd is False:
        hint = "remove it, or name the Argo CD application"
        layers.report.add(layers.place("rollback", "when_degraded_within"), "nobody tells the health here", hint)
        return None
    return layers.checked(duration, text, "rollback", "when_degraded_within")


def read_patience(layers: Layers) -> Patience | None:
    """Give when an observation counts; None when a fault was reported."""
    keys = layers.keys.health
    grace = layers.checked(duration, keys.grace, "health", "grace")
    stable: timedelta | None = timedelta(0)
    if keys.stable:
        stable = layers.checked(duration, keys.stable, "health", "stable")
    if grace is None or stable is None:
        return None
    return Patience(grace, stable, keys.out_of_sync == "accept")
