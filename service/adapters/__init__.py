"""What joins the ports to the world: one file is one integration, its name is its `kind`."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from pydantic import BaseModel


def option_models(package: ModuleType) -> Mapping[str, type[BaseModel]]:
    """Give the `Options` of a package's integrations by kind: the module's name, `_` written as `-`.

    A module without `Options` is no integration and is passed over.
    """
    models: dict[str, type[BaseModel]] = {}
    for module in iter_modules(package.__path__):
        options = getattr(import_module(f"{package.__name__}.{module.name}"), "Options", None)
        if isinstance(options, type) and issubclass(options, BaseModel):
            models[module.name.replace("_", "-")] = options
    return models
