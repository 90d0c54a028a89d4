"""The keys of one model of an application. What they mean is checked when a target is read."""

from __future__ import annotations

from pydantic import ConfigDict, Field

from service.core.config.key_types import Keys


class ModelKeys(Keys):
    """One model of an application."""

    model_config = ConfigDict(json_schema_extra={"required": ["registry", "name"]})

    registry: str = Field(default="", description="The model registry, as model_registries names it.")
    name: str = Field(default="", description="The model's name in that registry.")
