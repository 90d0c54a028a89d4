"""Tells what applies to one application in one environment, and from which line of the file.

`mergeport config show` prints it. Values are as they were resolved; no line means a default of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import NamedTuple

from pydantic import BaseModel, RootModel

from service.core.config.layers import Layers
from service.core.config.targets import ImageTarget, RegistryTarget, Target
from service.core.config.texts import duration_text
from service.core.config.tree import Node, Scalar, Table, below, find


class Explanation(NamedTuple):
    """One key, its value, and the line it comes from; None if it is a default."""

    key: str
    value: object
    line: int | None


def explain(target: Target, layers: Layers) -> tuple[Explanation, ...]:
    """Give every key that concerns the target, in the order in which the file is documented."""
    return (*_sources(target, layers), *_images(target, layers), *_promotion(target, layers))


def _row(layers: Layers, value: object, *parts: str | int) -> Explanation:
    node, left = find(layers.table, parts)
    key = ""
    for part in parts:
        key = below(key, part)
    return Explanation(key, value, None if left else node.place.line)


def _order_by(target: Target, layers: Layers) -> Explanation:
    """Write how commits are ordered; `order` may say it as a text too."""
    node, left = find(layers.table, ("order", "by"))
    said = not left or (isinstance(node, Scalar) and left == ("by",))
    return Explanation("order.by", target.order.by.value, node.place.line if said else None)


def _sources(target: Target, layers: Layers) -> Iterator[Explanation]:
    if target.model is not None:
        place = layers.home.table("models") if layers.home else None
        line = place.keys[target.model.name].line if place else None
        yield Explanation(f"models.{target.model.name}.registry", target.model.registry, line)
        yield Explanation(f"models.{target.model.name}.name", target.model.repository, line)
    else:
        yield _row(layers, target.source, "source")
    if target.upstream is None:
        yield _row(layers, target.branch, "branch" if target.model is None else "alias")
    else:
        how, names = "all" if target.upstream.every else "any", list(target.upstream.environments)
        yield _row(layers, names[0] if len(names) == 1 else {how: names}, "from")
        yield _row(layers, target.upstream.automatic, "automatic")
        yield _row(layers, list(target.upstream.carry), "carry")
    yield _row(layers, list(target.paths), "paths")


def _images(target: Target, layers: Layers) -> Iterator[Explanation]:
    for image in target.images:
        own = layers.table.table("images")
        mine = own.table(image.name) if own and image.name else None
        prefix = f"images.{image.name}." if image.name else ""
        for key, value, parts in _image_values(image):
            node = _deepest(mine, parts) or _deepest(layers.table, parts)
            yield Explanation(prefix + key, value, node.place.line if node else None)


def _image_values(image: ImageTarget) -> Iterator[tuple[str, object, tuple[str, ...]]]:
    made = image.made
    yield from _registry("registry", RegistryTarget(made.registry_kind, made.registry_host, made.registry_options))
    if image.pushed_to is not None:
        here = RegistryTarget(image.registry_kind, image.registry_host, image.registry_options)
        yield from _registry("pull_from", here)
        yield "pull_from.copy", image.copy, ("pull_from", "copy")
    yield "image", image.repository, ("image",)
    yield "tag", image.tag, ("tag",)
    yield "build.kind", image.builder_kind, ("build", "kind")
    for name, value in _options(image.builder_options):
        yield f"build.{name}", value, ("build", name)
    yield "platforms", list(image.platforms), ("platforms",)
    yield "redeploy", image.redeploy, ("redeploy",)
    yield "reuse", image.reuse.value, ("reuse",)
    yield "rebuild", image.rebuild.value, ("rebuild",)


def _registry(key: str, registry: RegistryTarget) -> Iterator[tuple[str, object, tuple[str, ...]]]:
    yield f"{key}.kind", registry.kind, (key, "kind")
    yield f"{key}.host", registry.host, (key, "host")
    for name, value in _options(registry.options):
        yield f"{key}.{name}", value, (key, name)


def _options(options: BaseModel) -> Iterator[tuple[str, object]]:
    """Give the options as people write them: a length of time as `30m`."""
    given = options.model_dump(by_alias=True)
    for name, value in options.model_dump(mode="json", by_alias=True, exclude_none=True).items():
        if name not in {"kind", "host"}:
            yield name, duration_text(given[name]) if isinstance(given[name], timedelta) else value


def _chosen(layers: Layers, options: BaseModel, key: str, kind: str) -> Iterator[Explanation]:
    """Give the options of a gate or a notifier: each key of a mapping, and each item of a list."""
    if isinstance(options, RootModel):
        items = options.model_dump(mode="json", by_alias=True, exclude_defaults=True)
        for index, item in items.items() if isinstance(items, dict) else enumerate(items):
            yield _row(layers, item, key, kind, index)
        return
    for name, value in _options(options):
        yield _row(layers, value, key, kind, name)


def _deepest(table: Table | None, parts: tuple[str, ...]) -> Node | None:
    """Give the node that says a value: `registry` or `pull_from` as a text says both its kind and its host."""
    if table is None or parts[0] not in table.entries:
        return None
    node, left = find(table, parts)
    said = not left or (isinstance(node, Scalar) and left[0] in {"kind", "host"})
    return node if said else None


def _promotion(target: Target, layers: Layers) -> Iterator[Explanation]:
    for entry in target.values:
        index = entry.position
        yield _row(layers, entry.file, "values", index, "file")
        for path, value in entry.set:
            yield _row(layers, value, "values", index, "set", path)
        yield _row(layers, "file" if entry.new_file else entry.create, "values", index, "create")
    for name, value in target.chart._asdict().items():
        yield _row(layers, list(value) if name == "values" else value, "chart", name)
    yield _row(layers, target.argocd_application or False, "argocd")
    yield _row(layers, target.publish.value, "publish")
    yield _row(layers, target.group or "application", "group")
    yield from _pull_request(target, layers)
    yield _row(layers, target.manifest_repository or "the configuration repository", "manifest", "repository")
    yield _row(layers, target.manifest_branch or "its default branch", "manifest", "branch")
    yield _order_by(target, layers)
    yield _row(layers, target.order.rewritten.value, "order", "rewritten")
    window = target.writing.batch_window
    yield _row(layers, duration_text(window) if window else "none", "manifest", "batch_window")
    yield _row(layers, target.writing.protected.value, "manifest", "protected")
    yield _row(layers, target.writing.co_author, "manifest", "co_author")
    yield _row(layers, target.cancel_in_progress, "cancel_in_progress")
    for key, chosen in (("gates", target.gates), ("notify", target.notify)):
        for kind, options in chosen:
            yield from _chosen(layers, options, key, kind)
    for name in ("build", "image", "sync", "pull_request"):
        yield _row(layers, duration_text(getattr(target.deadlines, name)), "deadlines", name)
    within = target.rollback_within
    yield _row(layers, duration_text(within) if within else "never", "rollback", "when_degraded_within")
    patience = target.patience
    yield _row(layers, duration_text(patience.grace), "health", "grace")
    yield _row(layers, duration_text(patience.stable) if patience.stable else "none", "health", "stable")
    yield _row(layers, "accept" if patience.other_out_of_sync else "wait", "health", "out_of_sync")


def _pull_request(target: Target, layers: Layers) -> Iterator[Explanation]:
    policy, at = target.pull_request, "pull_request"
    yield _row(layers, list(policy.reviewers), at, "reviewers")
    yield _row(layers, list(policy.assignees), at, "assignees")
    yield _row(layers, list(policy.labels), at, "labels")
    yield _row(layers, policy.gate_labels, at, "gate_labels")
    yield _row(layers, policy.milestone or "none", at, "milestone")
    yield _row(layers, policy.draft, at, "draft")
    yield _row(layers, policy.auto_merge.value if policy.auto_merge else False, at, "auto_merge")
    yield _row(layers, policy.merge_method.value, at, "merge_method")
