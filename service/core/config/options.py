"""Reads the options of what is chosen by its kind: builders, registries, gates, notifiers.

Their models come from outside (`Kinds`), one a kind; core knows none of them by name.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from types import MappingProxyType
from typing import NamedTuple

from pydantic import BaseModel, RootModel, ValidationError

from service.core.config.layers import Layers
from service.core.config.placeholders import render_known
from service.core.config.report import Report, keys_of, nearest
from service.core.config.tree import Broken, Node, Place, Scalar, Table, plain, plain_table

Models = Mapping[str, type[BaseModel]]


class Kinds(NamedTuple):
    """The options of every integration and gate by kind, handed in by bootstrap."""

    builders: Models
    registries: Models
    gates: Models = MappingProxyType({})
    notifiers: Models = MappingProxyType({})
    models: Models = MappingProxyType({})

    @property
    def missing(self) -> frozenset[str]:
        """The keys for which there is no kind, so that they would have no effect."""
        of_kinds = {"gates": self.gates, "notify": self.notifiers}
        return frozenset(key for key, models in of_kinds.items() if not models)


def find_kind(models: Models, what: str, kind: str, place: Place, report: Report) -> type[BaseModel] | None:
    """Give the options' model of a kind; None after reporting that there is no such kind."""
    model = models.get(kind)
    if model is None:
        report.add(place, f'there is no {what} of kind "{kind}"', nearest(kind, models))
    return model


def read_options(
    model: type[BaseModel],
    table: Table,
    report: Report,
    *,
    filled: Mapping[str, str],
    given: Mapping[str, str] = MappingProxyType({}),
) -> BaseModel | None:
    """Check options by their model; None after reporting what is wrong with them.

    `filled` are the placeholders known now. `given` are values of keys that were read already; they are filled in if
    the model has such a field.
    """
    known = keys_of(model)
    unknown = _tell_unknown(table, known | given.keys(), report)
    data = {name: fill(value, filled) for name, value in plain_table(table).items() if name in known}
    data |= {name: value for name, value in given.items() if name in known}
    options = _validated(model, data, table, report)
    return None if unknown else options


def read_named(layers: Layers, models: Models, what: str, key: str) -> tuple[tuple[str, BaseModel], ...] | None:
    """Give the options of each kind that a key names: `gates: {KIND: OPTIONS}`; None when a fault was reported.

    `false` removes a kind that another layer names.
    """
    table = layers.table.table(key)
    found: list[tuple[str, BaseModel]] = []
    if table is None:
        return None if key in layers.table.entries else ()
    wanted = 0
    for kind, node in table.entries.items():
        model = find_kind(models, what, kind, table.keys[kind], layers.report)
        off = model is not None and isinstance(node, Scalar) and node.value is False
        wanted += not off
        if model and not off and (options := _read_any(model, node, layers)):
            found.append((kind, options))
    return tuple(found) if len(found) == wanted else None


def _read_any(model: type[BaseModel], node: Node, layers: Layers) -> BaseModel | None:
    """Read options that are a mapping or, where the model says so, anything else such as a list."""
    if isinstance(node, Broken):
        return None
    if issubclass(model, RootModel):
        return _validated(model, fill(plain(node), layers.statics), node, layers.report)
    if not isinstance(node, Table):
        layers.report.add_wrong_type(node, "a mapping or false")
        return None
    return read_options(model, node, layers.report, filled=layers.statics)


def _validated(model: type[BaseModel], data: object, node: Node, report: Report) -> BaseModel | None:
    try:
        return model.model_validate(data)
    except ValidationError as error:
        report.add_invalid(error, node, model)
        return None


def _tell_unknown(table: Table, known: Collection[str], report: Report) -> bool:
    names = [name for name in table.entries if name not in known]
    for name in names:
        report.add_unknown(table.keys[name], name, known)
    return bool(names)


def fill(value: object, known: Mapping[str, str]) -> object:
    """Fill in `{application}` and the like in every text of the options; other braces belong to the kind."""
    match value:
        case str():
            return render_known(value, known)
        case list():
            return [fill(item, known) for item in value]
        case dict():
            return {key: fill(item, known) for key, item in value.items()}
        case _:
            return value
