"""Registries as configured: the one that an image is pushed to, and the one that an environment pulls from.

Called while a target is read. The options are checked by the models that the adapters bring.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

from service.core.config.layers import Layers, checked
from service.core.config.options import Kinds, find_kind, read_options
from service.core.config.report import Report
from service.core.config.targets import PullFrom, RegistryTarget
from service.core.config.texts import registry_host
from service.core.config.tree import Node, Scalar, Table, find, kind_of, registry_kind

PULL_FROM = "pull_from"


def read_registry(
    node: Node | None, kinds: Kinds, report: Report, known: Mapping[str, str], *, also: Collection[str] = ()
) -> RegistryTarget | None:
    """Give the registry that a host or a mapping names; None when a fault was reported.

    `known` are the placeholders known now; `also` are keys of the mapping that are read elsewhere.
    """
    match node:
        case Scalar(value=str() as host):
            options = Table(node.place, {}, {})
        case Table():
            options = node
            found = _host(node, report)
            if found is None:
                return None
            host = found
        case _:
            return None
    place = find(options, ["host"])[0].place
    if checked(report, lambda: place, registry_host, host) is None:
        return None
    kind = kind_of(options, "registry") if options.entries else registry_kind(host)
    kind_node = options.entries.get("kind")
    if kind_node and not (isinstance(kind_node, Scalar) and isinstance(kind_node.value, str)):
        report.add_wrong_type(kind_node, "text")
        return None
    model = find_kind(kinds.registries, "registry", kind, kind_node.place if kind_node else options.place, report)
    if model is None:
        return None
    given = {**dict.fromkeys(also, ""), "kind": kind, "host": host}
    read = read_options(model, options, report, filled=known, given=given)
    return RegistryTarget(kind, host, read) if read else None


def _host(registry: Table, report: Report) -> str | None:
    """Give the host that a mapping names; None after reporting that it names none."""
    node = registry.entries.get("host")
    if node is None:
        report.add_missing(registry, "host")
    elif registry.text("host") is None:
        report.add_wrong_type(node, "text")
    return registry.text("host")


def read_pull_from(layers: Layers, kinds: Kinds) -> tuple[PullFrom, ...] | None:
    """Give the registry that the environment pulls from, if it names one; None when a fault was reported."""
    node = layers.table.entries.get(PULL_FROM)
    if node is None:
        return ()
    copy = node.entries.get("copy") if isinstance(node, Table) else None
    if copy is not None and not (isinstance(copy, Scalar) and isinstance(copy.value, bool)):
        layers.report.add_wrong_type(copy, "true or false")
        return None
    found = read_registry(node, kinds, layers.report, layers.statics, also=("copy",))
    return (PullFrom(found, isinstance(copy, Scalar) and copy.value is True),) if found else None
