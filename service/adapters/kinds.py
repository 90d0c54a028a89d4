"""The kinds of builders, registries of images and of models, gates and notifiers that are there, with their options.

Called by bootstrap and by `mergeport config`. Imports the integrations' modules and nothing heavy:
they load their libraries when they are used.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from pkgutil import iter_modules

from pydantic import BaseModel

from service.adapters import builders, models, notifiers, option_models, options_in, registries
from service.core.config import Kinds


class OnDemand(Mapping[str, type[BaseModel]]):
    """The options of a package's kinds, each imported when it is asked for.

    Gates bring much code that most configurations, and most commands, never need.
    """

    def __init__(self, package: str) -> None:
        """Find the package's modules without importing any."""
        spec = find_spec(package)
        self._package = package
        modules = iter_modules(spec.submodule_search_locations if spec else [])
        self._kinds = [one.name.replace("_", "-") for one in modules]

    def __getitem__(self, kind: str) -> type[BaseModel]:
        """Give the options of a kind; KeyError if it is none, or has none."""
        if kind in self._kinds and (model := options_in(import_module(f"{self._package}.{kind.replace('-', '_')}"))):
            return model
        raise KeyError(kind)

    def __iter__(self) -> Iterator[str]:
        return (kind for kind in self._kinds if kind in self)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __bool__(self) -> bool:
        """Tell whether there are any modules, without importing them."""
        return bool(self._kinds)


@cache
def kinds() -> Kinds:
    """Give the options of every builder, registry, gate and notifier by kind."""
    return Kinds(
        builders=option_models(builders),
        registries=option_models(registries),
        gates=OnDemand("service.core.gates"),
        notifiers=option_models(notifiers),
        models=option_models(models),
    )
