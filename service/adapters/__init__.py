"""What joins the ports to the world: one file is one integration, its name is its `kind`.

A builder, registry, model registry, source or notifier exports `Options`, its keys, and `make`, which gives the port's
implementation; nothing else has to know of it. Gates are found by the same rule, in `service.core.gates`.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

from pydantic import BaseModel


def option_models(package: ModuleType) -> Mapping[str, type[BaseModel]]:
    """Give the `Options` of a package's integrations by kind: the module's name, `_` written as `-`.

    A module without `Options` is no integration and is skipped.
    """
    models: dict[str, type[BaseModel]] = {}
    for module in iter_modules(package.__path__):
        if options := options_in(import_module(f"{package.__name__}.{module.name}")):
            models[module.name.replace("_", "-")] = options
    return models


def options_in(module: ModuleType) -> type[BaseModel] | None:
    """Give the `Options` that a module exports; None if it is no integration."""
    options = getattr(module, "Options", None)
    return options if isinstance(options, type) and issubclass(options, BaseModel) else None


def integration(package: ModuleType, kind: str) -> ModuleType:
    """Give a package's integration of a kind that `option_models` names."""
    return import_module(f"{package.__name__}.{kind.replace('-', '_')}")
