"""Reads what a chart renders: the objects of a stream of YAML documents, each as a tree of its texts.

Called by the comparison beside it. Nothing is made of a scalar but its text, so an object shows as it is written. What
cannot be read raises `UnreadableObjectError`, because text that was not understood may hold a secret.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import NamedTuple, TypeAlias

from ruamel.yaml.error import YAMLError

from service.core.values.events import Event, Kind, parse_documents
from service.errors import ValuesEditError

DEEPEST = 60
LONGEST_OBJECT = 400_000
"""Characters of an object that is read; a custom resource definition with a long schema has about so many."""
_SEPARATOR = re.compile(r"^---(?:[ \t].*)?$", re.MULTILINE)
_COMMENTS = re.compile(r"(?:[ \t]*(?:#.*)?(?:\n|\Z))*")


class UnreadableObjectError(Exception):
    """An object is not shown; the text says why."""


class Leaf(NamedTuple):
    """A scalar: its text, and whether it is quoted."""

    text: str
    quoted: bool = False


class Items(NamedTuple):
    """A list."""

    nodes: tuple[Node, ...]


class Entries(NamedTuple):
    """A mapping, in its order."""

    pairs: tuple[tuple[str, Node], ...]

    def text(self, key: str) -> str:
        """Give the scalar under a key; empty if there is none."""
        return next((node.text for name, node in self.pairs if name == key and isinstance(node, Leaf)), "")

    def under(self, key: str) -> Entries:
        """Give the mapping under a key; an empty one if there is none."""
        return next((node for name, node in self.pairs if name == key and isinstance(node, Entries)), Entries(()))


Node: TypeAlias = Leaf | Items | Entries


class Name(NamedTuple):
    """What identifies an object in a cluster; `number` counts those that are called alike."""

    group: str
    kind: str
    namespace: str
    name: str
    number: int = 0

    def __str__(self) -> str:
        """Write it as kubectl does: `Deployment.apps shop/checkout`."""
        kind = f"{self.kind or 'object'}.{self.group}" if self.group else self.kind or "object"
        place = f"{self.namespace}/{self.name}" if self.namespace else self.name
        return f"{kind} {place or 'without a name'}" + (f", again {self.number}" if self.number else "")


def texts_of(rendered: str) -> list[str]:
    """Give the documents of a stream that say anything, without the comments before them."""
    texts = (part[_end_of_comments(part) :].strip("\n") for part in _SEPARATOR.split(rendered.replace("\r\n", "\n")))
    return [text for text in texts if text]


def _end_of_comments(text: str) -> int:
    found = _COMMENTS.match(text)
    return found.end() if found else 0


def read_object(text: str) -> Entries:
    """Read one document as an object."""
    if len(text) > LONGEST_OBJECT:
        raise UnreadableObjectError("it is too long")
    try:
        documents = parse_documents(text, file="", pure=False)
    except (YAMLError, ValuesEditError, UnicodeError, ValueError, RecursionError):
        raise UnreadableObjectError("it cannot be read as YAML") from None
    if len(documents) != 1 or not documents[0].events:
        raise UnreadableObjectError("it cannot be read as one YAML document")
    read = _tree(documents[0].events)
    if not isinstance(read, Entries):
        raise UnreadableObjectError("it is no mapping")
    return read


def name_of(read: Entries) -> Name:
    """Name an object."""
    meta = read.under("metadata")
    group = read.text("apiVersion").rpartition("/")[0]
    return Name(group, read.text("kind"), meta.text("namespace"), meta.text("name") or meta.text("generateName"))


@dataclass(slots=True)
class _Open:
    """A collection whose end was not read yet."""

    mapping: bool
    nodes: list[Node]

    def closed(self) -> Node:
        if not self.mapping:
            return Items(tuple(self.nodes))
        keys, values = self.nodes[::2], self.nodes[1::2]
        if not all(isinstance(key, Leaf) for key in keys):
            raise UnreadableObjectError("a key of it is no text")
        return Entries(
            tuple((key.text, value) for key, value in zip(keys, values, strict=True) if isinstance(key, Leaf))
        )


def _tree(events: list[Event]) -> Node:
    opened = [_Open(mapping=False, nodes=[])]
    for event in events:
        match event.kind:
            case Kind.SCALAR:
                opened[-1].nodes.append(Leaf(event.value, event.style in {"'", '"'}))
            case Kind.ALIAS:
                raise UnreadableObjectError("it uses YAML aliases")
            case Kind.MAPPING | Kind.SEQUENCE:
                if len(opened) > DEEPEST:
                    raise UnreadableObjectError("it is nested too deep")
                opened.append(_Open(event.kind is Kind.MAPPING, []))
            case Kind.END:
                node = opened.pop().closed()
                opened[-1].nodes.append(node)
    return opened[0].nodes[0]
