"""The kinds of builders, registries, gates and notifiers that are there, with their options, for the configuration.

Called by bootstrap and by `mergeport config`. Imports the integrations' modules and nothing heavy:
they load their libraries when they are used.
"""

from __future__ import annotations

from functools import cache

from service.adapters import builders, notifiers, option_models, registries
from service.core import gates
from service.core.config import Kinds

NOT_OBEYED_YET = frozenset({"gates"})
"""Keys that are refused because they would have no effect: gates come with promotion, which does not judge them yet."""


@cache
def kinds() -> Kinds:
    """Give the options of every builder, registry, gate and notifier by kind."""
    return Kinds(
        builders=option_models(builders),
        registries=option_models(registries),
        gates=option_models(gates),
        notifiers=option_models(notifiers),
        later=NOT_OBEYED_YET,
    )
