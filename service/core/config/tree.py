"""The configuration as read: nodes that know their line, column and key.

Made by the document reader, merged layer by layer and turned into plain data for the models. A node
keeps its place through every merge, so a fault or an explanation names the line that is meant.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import NamedTuple, TypeAlias

from service.core.config.scalars import Plain
from service.core.ecr_hosts import ecr_host


class Place(NamedTuple):
    """Where something is; line and column count from 1, the key is written as `a.b[0].c`."""

    line: int
    column: int
    key: str

    def under(self, key: str | int) -> Place:
        """Give the same line and column with the name of a key below."""
        return Place(self.line, self.column, below(self.key, key))


def below(key: str, part: str | int) -> str:
    """Write the name of what is under a key."""
    if isinstance(part, int):
        return f"{key}[{part}]"
    return f"{key}.{part}" if key else part


class Scalar(NamedTuple):
    """A text, number, boolean or nothing."""

    place: Place
    value: Plain


class Series(NamedTuple):
    """A list of its valid items; `whole` is False if something broken was left out.

    Each item has the index that it has in the file.
    """

    place: Place
    items: tuple[Node, ...]
    whole: bool = True


class Table(NamedTuple):
    """A mapping; `keys` tells where each key is written. Its own place is that of the key that holds it."""

    place: Place
    entries: Mapping[str, Node]
    keys: Mapping[str, Place]

    def without(self, *names: str) -> Table:
        """Give the table with some keys left out."""
        return self.only(name for name in self.entries if name not in names)

    def only(self, names: Iterable[str]) -> Table:
        """Give the table with only these keys, if it has them."""
        kept = [name for name in names if name in self.entries]
        return Table(self.place, {name: self.entries[name] for name in kept}, {name: self.keys[name] for name in kept})

    def table(self, name: str) -> Table | None:
        """Give the mapping under a key, or None where there is none."""
        node = self.entries.get(name)
        return node if isinstance(node, Table) else None

    def text(self, name: str) -> str | None:
        """Give the text under a key, or None where there is none."""
        node = self.entries.get(name)
        return node.value if isinstance(node, Scalar) and isinstance(node.value, str) else None


class Broken(NamedTuple):
    """A value whose fault was reported already; it is neither missing nor usable."""

    place: Place


Node: TypeAlias = Scalar | Series | Table | Broken


class Located(dict[str, object]):
    """Plain data of a mapping that still knows its table, so that a model can name the place of a key."""

    def __init__(self, table: Table, data: Mapping[str, object]) -> None:
        """Keep the table beside the data."""
        super().__init__(data)
        self.table = table


def plain(node: Node) -> object:
    """Give a node as dicts, lists and scalars, without what is broken."""
    match node:
        case Scalar():
            return node.value
        case Series():
            return [plain(item) for item in node.items]
        case Table():
            return plain_table(node)
        case Broken():
            return None


def plain_table(table: Table) -> Located:
    """Give a mapping as plain data that knows its table; what is broken is left out."""
    sound = ((name, node) for name, node in table.entries.items() if not isinstance(node, Broken))
    return Located(table, {name: plain(node) for name, node in sound})


def series(place: Place, items: Iterable[Node]) -> Series:
    """Give a list of the valid items."""
    every = tuple(items)
    sound = tuple(item for item in every if not isinstance(item, Broken))
    return Series(place, sound, whole=len(sound) == len(every))


def is_whole(node: Node) -> bool:
    """Tell whether nothing in the node is broken."""
    match node:
        case Scalar():
            return True
        case Series():
            return node.whole and all(is_whole(item) for item in node.items)
        case Table():
            return all(is_whole(entry) for entry in node.entries.values())
        case Broken():
            return False


def without(node: Node, faulty: Collection[Place], unknown: Mapping[Place, str]) -> Node:
    """Give the node without the keys at unknown places, and with Broken at the faulty places.

    If an unknown key was meant for another one, which `unknown` names, that one becomes Broken, so that it is not
    reported as missing.
    """
    if node.place in faulty:
        return Broken(node.place)
    match node:
        case Series():
            rest = series(node.place, (without(item, faulty, unknown) for item in node.items))
            return rest._replace(whole=rest.whole and node.whole)
        case Table():
            kept = {name: entry for name, entry in node.entries.items() if node.keys[name] not in unknown}
            sound = {name: without(entry, faulty, unknown) for name, entry in kept.items()}
            keys = {name: node.keys[name] for name in kept}
            for place in node.keys.values():
                if (meant := unknown.get(place)) and meant not in kept:
                    sound[meant], keys[meant] = Broken(place), place
            return Table(node.place, sound, keys)
        case _:
            return node


def find(node: Node, parts: Iterable[str | int]) -> tuple[Node, tuple[str | int, ...]]:
    """Follow the parts as far as possible; give the node there and the parts that are left."""
    left = tuple(parts)
    while left and (inner := _inner(node, left[0])) is not None:
        node, left = inner, left[1:]
    return node, left


def find_reported(node: Node, location: Iterable[str | int]) -> tuple[Node, tuple[str | int, ...]]:
    """Follow a model's location, which also names alternatives of a union that the file knows nothing of."""
    left: tuple[str | int, ...] = ()
    for part in location:
        inner = _inner(node, part)
        node, left = (node, (*left, part)) if inner is None else (inner, ())
    return node, left


def _inner(node: Node, part: str | int) -> Node | None:
    match node:
        case Table() if isinstance(part, str):
            return node.entries.get(part)
        case Series() if isinstance(part, int) and part < len(node.items):
            return node.items[part]
        case _:
            return None


def merge(base: Table, over: Table) -> Table:
    """Lay one table over another: mappings join key by key, everything else is replaced.

    `build`, `registry` and `pull_from` of another kind replace what was there: the options of one kind mean
    nothing to another.
    """
    entries = dict(base.entries)
    for name, node in over.entries.items():
        under = base.entries.get(name)
        if isinstance(under, Table) and isinstance(node, Table) and not _other_kind(under, node, name):
            entries[name] = merge(under, node)
        else:
            entries[name] = node
    return Table(over.place, entries, {**base.keys, **over.keys})


def _other_kind(under: Table, over: Table, name: str) -> bool:
    if name not in {"build", "registry", "pull_from"} or "kind" not in over.entries:
        return False
    return over.text("kind") != kind_of(under, name)


def kind_of(table: Table, name: str) -> str:
    """Give the kind of a `build` or `registry` mapping, as written or by default."""
    said = table.text("kind")
    if said is not None:
        return said
    return "docker" if name == "build" else registry_kind(table.text("host") or "")


def registry_kind(host: str) -> str:
    """Tell a registry's kind by its host: `ecr` for a private registry of AWS, else `oci`."""
    return "ecr" if ecr_host(host) else "oci"
