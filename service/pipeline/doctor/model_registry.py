"""The registries of models: whether each model and each alias that feeds something is there. Called by the examination.

Whether a version may be tagged shows only when one is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from service.core.config import Target
from service.core.doctor.finding import Finding, Verdict, good
from service.core.models import NEWEST
from service.ports import ModelRegistry

PART = "model registry"


def examine(registry: ModelRegistry, targets: Sequence[Target]) -> Iterator[Finding]:
    """Look for one model, and for the aliases that its targets follow."""
    model = targets[0].model
    assert model is not None  # noqa: S101 - only such are given
    found = registry.registered(model.repository)
    if found is None:
        words, hint = f"there is no model {model.repository}", "register it, or correct its name in `models`"
        yield Finding(PART, model.full_name, Verdict.FAULT, words, hint)
        return
    named = {**found.aliases, NEWEST: found.newest}
    for alias in dict.fromkeys(one.branch for one in targets if one.branch):
        if version := named.get(alias):
            yield good(PART, model.full_name, f"{alias} is version {version}")
        else:
            words = f"no version has the alias {alias}, so that nothing comes by it"
            yield Finding(PART, model.full_name, Verdict.WARNING, words, "set the alias in the registry")
