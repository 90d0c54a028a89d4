"""Joins the sources, which receive and read deliveries, by kind.

Called by the web role, which has to stay light, and by `bootstrap` for the worker. It is a module of its own because a
source calls nobody: it needs no client of GitHub, no registry and no git.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import cast

from service.adapters import integration, option_models
from service.adapters import sources as package
from service.adapters.parts import Parts
from service.core.words import Repository, Sha
from service.errors import PermanentError
from service.ports import Source
from service.settings import Settings

_NOTHING_SAID: Mapping[str, Mapping[str, object]] = MappingProxyType({})


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Give the time now, in UTC."""
        return datetime.now(UTC)


def sources(settings: Settings, options: Mapping[str, Mapping[str, object]] = _NOTHING_SAID) -> Mapping[str, Source]:
    """Give the sources by kind: those that `options` names, and those that need no options."""
    parts = Parts(settings, SystemClock(), _no_checkout)
    made: dict[str, Source] = {}
    for kind, model in option_models(package).items():
        if kind in options or not any(field.is_required() for field in model.model_fields.values()):
            made[kind] = cast(Source, integration(package, kind).make(model(**options.get(kind, {})), parts))
    return made


def _no_checkout(repository: Repository, commit: Sha, directory: Path) -> None:
    """Raise an error, because a source fetches no code."""
    raise PermanentError(
        f"{repository} at {commit[:12]} is not fetched into {directory} for a source", code="internal-error"
    )
