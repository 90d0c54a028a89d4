"""An application's models as configured: of which registry, by which alias, and which values they write.

Each model of an application moves on its own, so it has a target of its own beside that of the images: `scorer.fraud`,
or just `scorer` where one model is all that the application has. Called while a target is read.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from pydantic import BaseModel

from service.core.config.image_targets import image_names
from service.core.config.layers import Layers
from service.core.config.options import Kinds, find_kind, read_options
from service.core.config.placeholders import Placeholder, parse
from service.core.config.report import Report, nearest
from service.core.config.targets import ModelTarget, OrderPolicy, ValuesTarget, Written
from service.core.config.texts import NAME_WORDS, TextError, is_name
from service.core.config.tree import Scalar, Table
from service.core.models import PARTS
from service.core.words import OrderBy

_OF_CODE = frozenset({"checks", "image"})
_OF_MODELS = frozenset({"metric"})
"""Gates that judge what only images, or only models, have: they are asked for nothing else."""
_RESERVED = frozenset({"group", "next"})
"""Endings of promotion branches, which have the names of models too."""
_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,250}")
_LIKE_A_VERSION = re.compile(r"v[0-9]+", re.IGNORECASE)
_NAME = re.compile(r"[^/:@\x00-\x1f\x7f\u2028\u2029]{1,200}")
_MOVING = re.compile(r"models:/+[^/@\s]+(?:@\S*|/(?![0-9]+(?:/|$))\S*|/?$)")
"""A URI of MLflow that names an alias, a stage, or no version at all."""


class Registry(NamedTuple):
    """A model registry as configured."""

    kind: str
    options: BaseModel


class Part(NamedTuple):
    """What of an application a target is made of: its images, or, with `model`, one of its models.

    `models` are all of its models, as the file has them, and `registries` all that the file has. `without_images` says
    that it has models only. `optional`: nothing has to feed it, because only an environment as such is read.
    """

    model: str = ""
    models: Mapping[str, Table] = MappingProxyType({})
    registries: Mapping[str, Registry] = MappingProxyType({})
    without_images: bool = False
    optional: bool = False

    def of(self, application: str) -> str:
        """Name the part, as runs do."""
        alone = not self.model or (self.without_images and len(self.models) == 1)
        return application if alone else f"{application}.{self.model}"

    def judges(self, gate: str) -> bool:
        """Tell whether a gate has anything to judge here."""
        return gate not in (_OF_CODE if self.model else _OF_MODELS)

    @property
    def placeholders(self) -> list[str]:
        """Name what can be written of the application's models."""
        return [f"{name}.{part}" for name in self.models for part in PARTS]


IMAGES = Part()


def parts_of(home: Table, registries: Mapping[str, Registry]) -> list[Part]:
    """Give the parts of an application. With models it has images only where it says so itself, not by `defaults`."""
    table = home.table("models")
    models = {name: node for name, node in table.entries.items() if isinstance(node, Table)} if table else {}
    if not models:
        return [IMAGES]
    without = not {"source", "image", "images"} & home.entries.keys()
    parts = [Part(name, models, registries, without) for name in models]
    return parts if without else [Part("", models, registries), *parts]


def check_names(home: Table, report: Report) -> None:
    """Report names of models that cannot be, or that an image has already."""
    table, images = home.table("models"), home.table("images")
    if table is not None and not table.entries:
        report.add(home.keys["models"], "names no model", "name at least one, with registry and name")
    for name, place in table.keys.items() if table else ():
        if not is_name(name):
            report.add(place, f'"{name}" cannot be a name', NAME_WORDS)
        elif name in _RESERVED:
            report.add(place, f'"{name}" cannot be the name of a model', "branches of promotions end in it")
        elif images and name in images.entries:
            report.add(place, f"an image is called {name} already", "give the model another name")


def read_registries(tree: Table, kinds: Kinds, report: Report) -> dict[str, Registry]:
    """Give the model registries by name, without those that have faults, which are reported."""
    table = tree.table("model_registries")
    found: dict[str, Registry] = {}
    for name, node in table.entries.items() if table else ():
        if not is_name(name):
            report.add(table.keys[name] if table else None, f'"{name}" cannot be a name', NAME_WORDS)
        if not isinstance(node, Table):
            continue
        said = node.entries.get("kind")
        if said is not None and not (isinstance(said, Scalar) and isinstance(said.value, str)):
            report.add_wrong_type(said, "text")
            continue
        kind = node.text("kind") or name
        model = find_kind(kinds.models, "model registry", kind, said.place if said else node.place, report)
        options = read_options(model, node, report, filled={}, given={"kind": kind}) if model else None
        if options is not None:
            found[name] = Registry(kind, options)
    return found


def read_model(layers: Layers, part: Part) -> ModelTarget | None:
    """Give the model of a part; None when a fault was reported, and for the images."""
    if not part.model:
        return None
    node = part.models[part.model]
    for key in ("registry", "name"):
        if key not in node.entries:
            layers.report.add_missing(node, key)
    registry, name = node.text("registry"), node.text("name")
    if registry is None or name is None:
        return None
    found = part.registries.get(registry)
    place = node.entries["registry"].place
    if found is None:
        layers.report.add(place, f'there is no model registry "{registry}"', _known(registry, part.registries))
    if not _NAME.fullmatch(name) or name != name.strip():
        layers.report.add(
            node.entries["name"].place, f'"{name}" is not the name of a registered model', "it has no /, : and @"
        )
        return None
    if found is None:
        return None
    alias = layers.keys.alias if layers.has("alias") else ""
    return ModelTarget(part.model, registry, found.kind, found.options, name, alias)


def _known(registry: str, registries: Mapping[str, Registry]) -> str:
    if not registries:
        return "describe it under model_registries: kind and url"
    return nearest(registry, registries)


def read_alias(layers: Layers) -> str | None:
    """Give the alias that feeds a model; empty if another environment does."""
    if layers.spoilt("alias"):
        return None
    if not layers.has("alias"):
        if "from" in layers.table.entries:
            return "" if layers.has("from") else None
        layers.environment_lacks("alias", "the alias that feeds models here, `latest`, or `from` an environment")
        return None if layers.environment_home else ""
    return layers.checked(_alias, layers.keys.alias, "alias")


def _alias(text: str) -> str:
    if not _ALIAS.fullmatch(text) or _LIKE_A_VERSION.fullmatch(text):
        raise TextError(f'"{text}" is not an alias', "letters, digits, _ and -, and no version such as v3")
    return text


def order_of(policy: OrderPolicy, model: ModelTarget | None) -> OrderPolicy:
    """Give the order of a target. An alias decides by itself: where it goes back, that is what was wanted."""
    follows = model is not None and model.alias and model.alias != "latest"
    return policy._replace(by=OrderBy.OFF) if follows else policy


# --- values ----------------------------------------------------------------------------------------


def pinned(template: str) -> str:
    """Accept a text that names no model by an alias or a stage: what runs would change without a commit."""
    text = "".join(piece if isinstance(piece, str) else "1" for piece in parse(template))
    if _MOVING.search(text):
        raise TextError(f'"{template}" names a model that moves', "write {NAME.uri}, or models:/NAME/VERSION")
    return template


def entries_of(layers: Layers, entries: Sequence[ValuesTarget], part: Part) -> tuple[ValuesTarget, ...] | None:
    """Keep what concerns the part; what names neither an image nor a model goes with the first part.

    None if a text names several parts, or if nothing is written of the model.
    """
    first = "" if not part.without_images else next(iter(part.models), "")
    images = image_names(layers)
    found, sound = [], True
    for entry in entries:
        kept = []
        for path, value in entry.set:
            owners = _owners(value, part.models, images) or {first}
            if len(owners) > 1:
                sound = False
                layers.report.add(
                    layers.place("values", entry.position, "set", path),
                    "names several artifacts that move on their own",
                    "write each to a values path of its own",
                )
            if owners == {part.model}:
                kept.append((path, value))
        if kept:
            found.append(entry._replace(set=tuple(kept)))
    if part.model and sound and not _writes(found, part.model):
        layers.report.add(
            part.models[part.model].place,
            f"nothing is written of {part.model}",
            f"put {{{part.model}.uri}} or {{{part.model}.version}} into values.set",
        )
        sound = False
    return tuple(found) if sound else None


def _owners(value: Written, models: Mapping[str, Table], images: Sequence[str]) -> set[str]:
    """Name the models that a text names; the empty name stands for images and their commit."""
    owners = set()
    for piece in parse(value) if isinstance(value, str) else ():
        if not isinstance(piece, Placeholder) or piece.name in {"application", "environment"}:
            continue
        name = piece.name.rpartition(".")[0]
        owners.add(name if name in models and name not in images else "")
    return owners


def _writes(entries: Sequence[ValuesTarget], name: str) -> bool:
    wanted = {f"{name}.uri", f"{name}.version"}
    texts = [value for entry in entries for _, value in entry.set if isinstance(value, str)]
    return any(isinstance(piece, Placeholder) and piece.name in wanted for text in texts for piece in parse(text))
