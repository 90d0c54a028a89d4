"""Joins the model registries, as the configuration describes them. Called by `bootstrap`."""

from __future__ import annotations

import threading
from typing import cast

from service.adapters import integration, models
from service.adapters.kinds import kinds
from service.adapters.parts import Parts
from service.core.config.targets import ModelTarget
from service.errors import PermanentError
from service.ports import ModelRegistry


class ConfiguredModels:
    """Gives one registry for each set of options."""

    def __init__(self, parts: Parts) -> None:
        """Take what integrations are made of."""
        self._parts = parts
        self._registries: dict[str, ModelRegistry] = {}
        self._lock = threading.Lock()

    def registry(self, model: ModelTarget) -> ModelRegistry:
        """Give the registry of a model; PermanentError if its kind is gone, or its credential is nowhere."""
        key = f"{model.kind}:{model.options.model_dump_json()}"
        with self._lock:
            if key not in self._registries:
                if model.kind not in kinds().models:
                    raise PermanentError(
                        f'The model registry of kind "{model.kind}" does not exist any more.',
                        code="model-registry-missing",
                        hint="put its file back, or name another kind in mergeport.yaml",
                    )
                made = integration(models, model.kind).make(model.options, self._parts)
                self._registries[key] = cast(ModelRegistry, made)
            return self._registries[key]
