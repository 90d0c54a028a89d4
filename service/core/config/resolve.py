"""Makes a target from the layers of one application in one environment.

Called by `load` for each pair. It continues after a fault, so that all are reported, and gives None if it cannot
make a target.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import timedelta
from functools import lru_cache
from typing import NamedTuple, TypeVar

from pydantic import BaseModel

from service.core.config.chart_targets import read_chart
from service.core.config.feeding import read_branch, read_upstream
from service.core.config.image_targets import image_names, read_images
from service.core.config.layers import Layers
from service.core.config.model_targets import IMAGES, Part, entries_of, order_of, pinned, read_alias, read_model
from service.core.config.options import Kinds, read_named
from service.core.config.patterns import check_pattern
from service.core.config.placeholders import COMMIT, check_placeholders, image_placeholders, render
from service.core.config.pull_request_targets import read_group, read_policy
from service.core.config.registry_targets import read_pull_from
from service.core.config.targets import (
    OrderPolicy,
    PullFrom,
    PullRequestPolicy,
    Target,
    Upstream,
    ValuesTarget,
    WritingPolicy,
    Written,
)
from service.core.config.texts import (
    TextError,
    argocd_name,
    batch_window,
    branch_name,
    repository,
    values_file,
)
from service.core.config.time_targets import read_deadlines, read_patience, read_rollback_within
from service.core.config.tree import Broken, Node, Series, Table, find, is_whole
from service.core.models import source_of_model
from service.core.values_paths import parse_path
from service.core.words import OrderBy, Protected, Publish, Repository, Rewritten
from service.errors import ValuesEditError

T = TypeVar("T")


class EnvironmentParts(NamedTuple):
    """What an environment says about a target."""

    branch: str | None
    upstream: Upstream | None
    policy: PullRequestPolicy | None
    group: str
    manifest: tuple[Repository | None, str | None]
    writing: WritingPolicy | None
    gates: tuple[tuple[str, BaseModel], ...] | None
    notify: tuple[tuple[str, BaseModel], ...] | None
    pull_from: tuple[PullFrom, ...] | None


def read_target(layers: Layers, kinds: Kinds, part: Part = IMAGES) -> Target | None:
    """Give the target of an application's images, or of one of its models; None when a fault was reported."""
    model = read_model(layers, part)
    source = source_of_model(model.registry, model.repository) if model else _source(layers, part)
    paths = () if part.model else _paths(layers)
    branch, upstream, policy, group, manifest, writing, gates, notify, pull_from = read_environment(layers, kinds, part)
    images = () if part.model else read_images(layers, kinds, pull_from or ())
    values = _values(layers, part)
    argocd, deadlines, patience = _argocd(layers), read_deadlines(layers), read_patience(layers)
    rollback_within, chart = read_rollback_within(layers), read_chart(layers, argocd or "")
    if (
        source is None
        or branch is None
        or paths is None
        or images is None
        or values is None
        or policy is None
        or writing is None
        or argocd is None
        or deadlines is None
        or patience is None
        or rollback_within is None
        or chart is None
        or gates is None
        or notify is None
        or pull_from is None
        or not layers.whole
    ):
        return None
    order = OrderPolicy(OrderBy(layers.keys.order.by), Rewritten(layers.keys.order.rewritten))
    return Target(
        application=part.of(layers.application), environment=layers.environment, source=source, branch=branch,
        paths=paths, images=images, values=values, publish=Publish(layers.keys.publish), pull_request=policy,
        manifest_repository=manifest[0], manifest_branch=manifest[1], writing=writing,
        argocd_application=argocd or None, deadlines=deadlines, patience=patience, rollback_within=rollback_within,
        order=order_of(order, model), gates=gates,
        notify=notify, cancel_in_progress=layers.keys.cancel_in_progress, upstream=upstream, group=group, chart=chart,
        model=model,
    )  # fmt: skip


def read_environment(layers: Layers, kinds: Kinds, part: Part = IMAGES) -> EnvironmentParts:
    """Give what the environment decides for any application; None for each part with a fault."""
    gates = read_named(layers, kinds.gates, "gate", "gates")
    return EnvironmentParts(
        read_alias(layers) if part.model else read_branch(layers, optional=part.optional),
        read_upstream(layers, part),
        read_policy(layers),
        read_group(layers),
        _manifest(layers),
        _writing(layers),
        None if gates is None else tuple(one for one in gates if part.judges(one[0])),
        read_named(layers, kinds.notifiers, "notifier", "notify"),
        read_pull_from(layers, kinds),
    )


def _source(layers: Layers, part: Part) -> Repository | None:
    if part.model:
        return None
    layers.lacks("source", "the repository with the code, owner/name")
    if not layers.has("source"):
        return None
    return layers.rendered(repository, layers.keys.source, "source")


def _paths(layers: Layers) -> tuple[str, ...] | None:
    patterns = layers.keys.paths
    found = [layers.rendered(_path_pattern, pattern, "paths", index) for index, pattern in enumerate(patterns)]
    if (
        "paths" in layers.table.entries
        and is_whole(layers.table.entries["paths"])
        and patterns
        and all(pattern.startswith("!") for pattern in patterns)
    ):
        layers.report.add(
            layers.place("paths"), "all patterns are negative, so nothing ever matches", 'begin with "**"'
        )
        return None
    return _all(found)


def _path_pattern(text: str) -> str:
    check_pattern(text)
    if text.removeprefix("!").startswith(("/", "./")):
        raise TextError(f'"{text}" never matches', "paths begin at the repository's root, without / or ./")
    return text


def _all(found: Sequence[T | None]) -> tuple[T, ...] | None:
    """Give all of them, or None if one could not be read."""
    sound = tuple(item for item in found if item is not None)
    return sound if len(sound) == len(found) else None


def _values(layers: Layers, part: Part) -> tuple[ValuesTarget, ...] | None:
    """Give the entries that write what the target is made of; all of them are checked, whichever it is."""
    layers.lacks("values", "the values files that get the image")
    node = layers.table.entries.get("values")
    if isinstance(node, Series) and node.whole and not node.items:
        layers.report.add(node.place, "names no values file", "name at least one: file and set")
    if not layers.keys.values:
        return None
    entries = _all([_values_entry(layers, index, part) for index in range(len(layers.keys.values))])
    if entries is None:
        return None
    seen: set[tuple[str, str]] = set()
    for index, entry in enumerate(entries):
        for path, _ in entry.set:
            if (entry.file, path) in seen:
                layers.report.add(
                    layers.place("values", index, "set", path), f"{path} of {entry.file} is written twice"
                )
            seen.add((entry.file, path))
    return entries_of(layers, entries, part)


def _values_entry(layers: Layers, index: int, part: Part) -> ValuesTarget | None:
    entry = layers.keys.values[index]
    node, _ = find(layers.table, ("values", index))
    said: Mapping[str, Node] = node.entries if isinstance(node, Table) else {}
    for key in ("file", "set"):
        if isinstance(node, Table) and key not in said:
            layers.report.add_missing(node, key)
    file = layers.checked(_file_for(layers), entry.file, "values", index, "file") if "file" in _said(node) else None
    written_in = said.get("set")
    if isinstance(written_in, Table) and not written_in.entries:
        layers.report.add(written_in.place, "writes nothing", "say which values path gets what")
    written = _all([_written(layers, (index, path), value, part) for path, value in entry.set.items()])
    new_file = entry.create == "file"
    return ValuesTarget(file, written, bool(entry.create), new_file, index) if file is not None and written else None


def _file_for(layers: Layers) -> Callable[[str], str]:
    """Give a check of a values file's path; a fault of the template is reported once for all targets."""

    def check(template: str) -> str:
        check_placeholders(template, layers.statics)
        values_file(template)
        return values_file(render(template, layers.statics))

    return check


def _written(layers: Layers, at_path: tuple[int, str], value: Written, part: Part) -> tuple[str, Written] | None:
    index, path = at_path
    at = ("values", index, "set", path)
    sound = layers.checked(_values_path, path, *at) is not None
    if isinstance(value, str) and not layers.spoilt("images"):
        names = image_names(layers)
        of_images = [] if part.without_images else [*COMMIT, *image_placeholders(names or [""])]
        known = [*layers.statics, *of_images, *part.placeholders]
        several = names if len(names) > 1 else []

        def check(template: str) -> str:
            check_placeholders(template, known, several)
            return pinned(template)

        sound = layers.checked(check, value, *at) is not None and sound
    return (path, value) if sound else None


@lru_cache(maxsize=4096)
def _values_path(text: str) -> str:
    """Accept a values path that the values editor can follow."""
    try:
        parse_path(text)
    except ValuesEditError as error:
        raise TextError(error.message, error.hint) from error
    return text


def _said(node: Node | None) -> Collection[str]:
    """Name the keys of a mapping with valid values; nothing if there is no mapping."""
    entries = node.entries if isinstance(node, Table) else {}
    return {name for name, entry in entries.items() if not isinstance(entry, Broken)}


def _manifest(layers: Layers) -> tuple[Repository | None, str | None]:
    keys, said = layers.keys.manifest, _said(layers.table.table("manifest"))
    name = layers.checked(repository, keys.repository, "manifest", "repository") if "repository" in said else None
    branch = layers.checked(branch_name, keys.branch, "manifest", "branch") if "branch" in said else None
    return name, branch


def _writing(layers: Layers) -> WritingPolicy | None:
    keys = layers.keys.manifest
    window: timedelta | None = timedelta(0)
    if "batch_window" in _said(layers.table.table("manifest")):
        window = layers.checked(batch_window, keys.batch_window, "manifest", "batch_window")
    return None if window is None else WritingPolicy(window, Protected(keys.protected), keys.co_author)


def _argocd(layers: Layers) -> str | None:
    """Give the name, or an empty text for none."""
    name = layers.keys.argocd
    return "" if name is False else layers.rendered(argocd_name, name, "argocd")
