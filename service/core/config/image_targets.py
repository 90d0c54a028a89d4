"""An application's images as configured: registry, repository, tag and builder of each.

Called while a target is read. The options of registries and builders are checked by the models that
the adapters bring (`Kinds`); core knows none of them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from pydantic import BaseModel

from service.core.config.layers import Layers, checked, rendering
from service.core.config.options import Kinds, Models, find_kind, read_options
from service.core.config.placeholders import COMMIT, check_placeholders, parse, render_known
from service.core.config.registry_targets import read_registry
from service.core.config.targets import ImageTarget, PullFrom
from service.core.config.texts import TextError, fit_name, image_repository, platform
from service.core.config.tree import Node, Place, Scalar, Series, Table, kind_of, merge
from service.core.images import is_tag
from service.core.platforms import normal
from service.core.words import Rebuild, Reuse

_LONGEST_TAG = 128
_IMAGE_KEYS = ("registry", "image", "tag", "build", "platforms", "redeploy", "reuse", "rebuild")


def read_images(layers: Layers, kinds: Kinds, pull_from: Sequence[PullFrom]) -> tuple[ImageTarget, ...] | None:
    """Give the application's images as the environment pulls them; None when a fault was reported."""
    if layers.spoilt("images"):
        return None
    names = image_names(layers) or [""]
    found = [_Image(layers, kinds, name, several=len(names) > 1).read() for name in names]
    images = tuple(image for image in found if image is not None)
    if len(images) < len(found):
        return None
    images = tuple(image.pulled_from(one) for image in images for one in pull_from) or images
    for index, image in enumerate(images):
        for other in images[:index]:
            if (image.registry_host, image.repository, image.tag) == (other.registry_host, other.repository, other.tag):
                layers.report.add(
                    layers.place("images", image.name),
                    f"{other.name} and {image.name} would be the same image, {image.repository}:{image.tag}",
                    "put {name} into image, or give each its own image",
                )
    return images


def image_names(layers: Layers) -> list[str]:
    """Name an application's images, also faulty ones; none if the application has one image without a name."""
    images = layers.table.table("images")
    return list(images.entries) if images else []


class _Image:
    """One image: the application's keys with the image's own laid over them."""

    def __init__(self, layers: Layers, kinds: Kinds, name: str, *, several: bool) -> None:
        self.layers, self.kinds, self.name, self.several = layers, kinds, name, several
        self.report = layers.report
        table = layers.table.only(_IMAGE_KEYS)
        images = layers.table.table("images") if name else None
        own = images.table(name) if images else None
        self.broken = images is not None and own is None
        self.table = merge(table, own) if own else table
        self.at = ("images", name) if own else ()
        self.known = {**layers.statics, "name": fit_name(name)} if name else layers.statics

    def read(self) -> ImageTarget | None:
        if self.broken:
            return None
        registry = self._registry()
        repository = self._repository()
        tag = self._tag()
        builder = self._builder()
        platforms = self._platforms(builder[1] if builder else None)
        if registry is None or repository is None or tag is None or builder is None or platforms is None:
            return None
        reuse = Reuse(self._checked_text("reuse", Reuse.DEFAULT) or Reuse.DEFAULT)
        rebuild = Rebuild(self._checked_text("rebuild", Rebuild.NEVER) or Rebuild.NEVER)
        node = self.table.entries.get("redeploy")
        redeploy = isinstance(node, Scalar) and node.value is True
        return ImageTarget(self.name, *registry, repository, tag, *builder, reuse, rebuild, platforms, redeploy)

    def _place(self, key: str) -> Place:
        node = self.table.entries.get(key)
        return node.place if node else self.layers.place(*self.at, key)

    def _checked_text(self, key: str, default: str) -> str | None:
        """Give the key's text; None if its value is something else, which was reported."""
        if key not in self.table.entries:
            return default
        return self.table.text(key)

    def _registry(self) -> tuple[str, str, BaseModel] | None:
        node = self.table.entries.get("registry")
        if node is None:
            self.layers.lacks("registry", "a host, under defaults or here")
        return read_registry(node, self.kinds, self.report, self.known)

    def _builder(self) -> tuple[str, BaseModel] | None:
        node = self.table.entries.get("build")
        if node is not None and not isinstance(node, Table):
            return None
        table = node or Table(self._place("build"), {}, {})
        kind = kind_of(table, "build")
        model = self._options(self.kinds.builders, "builder", kind, table, {"kind": kind})
        return (kind, model) if model else None

    def _options(
        self, models: Models, what: str, kind: str, table: Table, named: Mapping[str, str]
    ) -> BaseModel | None:
        """Check the options by the adapter's model; `named` goes in where the model has such a field."""
        kind_node = table.entries.get("kind")
        if kind_node and not (isinstance(kind_node, Scalar) and isinstance(kind_node.value, str)):
            self.report.add_wrong_type(kind_node, "text")
            return None
        place = kind_node.place if kind_node else table.place
        model = find_kind(models, what, kind, place, self.report)
        return read_options(model, table, self.report, filled=self.known, given=named) if model else None

    def _repository(self) -> str | None:
        template = self._checked_text("image", "{application}-{name}" if self.several else "{application}")
        if template is None:
            return None
        return checked(self.report, lambda: self._place("image"), rendering(image_repository, self.known), template)

    def _platforms(self, options: BaseModel | None) -> tuple[str, ...] | None:
        """Give the platforms by their one name, else those that the builder is asked for; None after a fault."""
        node = self.table.entries.get("platforms")
        if not isinstance(node, Series):
            return _asked_for(options) if node is None else None
        found = [self._platform(item) for item in node.items]
        return tuple(dict.fromkeys(one for one in found if one is not None)) if None not in found else None

    def _platform(self, item: Node) -> str | None:
        if not isinstance(item, Scalar) or not isinstance(item.value, str):
            return None
        return checked(self.report, lambda: item.place, platform, item.value)

    def _tag(self) -> str | None:
        template = self._checked_text("tag", "{short_sha}")
        if template is None:
            return None
        return checked(self.report, lambda: self._place("tag"), lambda text: tag_template(text, self.known), template)


def _asked_for(options: BaseModel | None) -> tuple[str, ...]:
    """Give the platforms that a builder is asked for, if its options have such a list: the image must have them."""
    said = getattr(options, "platforms", None)
    names = [one for one in said if isinstance(one, str)] if isinstance(said, list | tuple) else []
    return tuple(dict.fromkeys(normal(one) for one in names))


def tag_template(text: str, known: Mapping[str, str]) -> str:
    """Accept a template that names the commit and always gives a tag that registries accept."""
    check_placeholders(text, [*COMMIT, *known])
    template = render_known(text, known)
    pieces = list(parse(template))
    names = {piece.name for piece in pieces if not isinstance(piece, str)}
    if not names & {"sha", "short_sha"}:
        raise TextError(f'"{template}" is the same for every commit', "put {short_sha} or {sha} into it")
    widths = {"sha": 40, "short_sha": 12, "branch": 1}
    example = "".join(
        piece if isinstance(piece, str) else "0" * (piece.length or widths[piece.name]) for piece in pieces
    )
    if not is_tag(example):
        raise TextError(
            f'"{template}" does not give a tag',
            f"letters, digits, _ . and -, at most {_LONGEST_TAG}, beginning with a letter, a digit or _",
        )
    return template
