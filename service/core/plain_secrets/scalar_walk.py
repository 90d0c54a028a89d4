"""Goes through the scalars of a YAML file, each with its path, its line and what it is part of. Called by the search.

A name beside a value is the value's name: `{name: DB_PASSWORD, value: …}` in a container's list of variables; without
one, `value` is that of the key above.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.core.values.document import Document, read_stream
from service.core.values.events import Kind
from service.core.values.lookup import key_name
from service.core.values_paths import Index, Key, Step, format_path

REFERS = {"secretkeyref", "configmapkeyref", "secretref", "remoteref", "fieldref", "secretstoreref", "credentialsref"}
"""Keys below which there are only names of things."""
_REFERRING_KINDS = {"ExternalSecret", "SecretStore", "ClusterSecretStore", "InfisicalSecret", "TriggerAuthentication"}


@dataclass(frozen=True, slots=True)
class Value:
    """One scalar. `name` is its key, or that of the list it is in, or what stands beside it as `name`.

    `names` are the keys on the way to it; `end` is its last line. Lines count from 1.
    """

    steps: tuple[Step, ...]
    names: tuple[str, ...]
    name: str
    text: str
    line: int
    end: int
    kind: str

    @property
    def key(self) -> str:
        """Write its path."""
        return format_path(self.steps)

    @property
    def variable(self) -> bool:
        """Tell whether it is an environment variable."""
        return bool({"env", "extraEnv", "stringData"} & set(self.names))

    @property
    def refers(self) -> bool:
        """Tell whether it only names something."""
        return self.kind in _REFERRING_KINDS or any(name.casefold() in REFERS for name in self.names)


@dataclass(frozen=True, slots=True)
class _Node:
    at: int
    steps: tuple[Step, ...] = ()
    names: tuple[str, ...] = ()
    name: str = ""
    kind: str = ""


def values_of(text: str, file: str) -> Iterator[Value]:
    """Yield every scalar of all documents that is not a key; ValuesEditError where the file is not YAML."""
    for doc in read_stream(text, file=file).documents:
        waiting = [_Node(0)] if doc.events else []
        while waiting:
            node = waiting.pop()
            event = doc.events[node.at]
            match event.kind:
                case Kind.MAPPING:
                    waiting += reversed(list(_fields(doc, node)))
                case Kind.SEQUENCE:
                    waiting += reversed(
                        [
                            _Node(item, (*node.steps, Index(number)), node.names, node.name, node.kind)
                            for number, item in enumerate(doc.items(node.at))
                        ]
                    )
                case Kind.SCALAR:
                    line = event.line + 1
                    end = line + doc.text.count("\n", event.start, max(event.start, event.end - 1))
                    yield Value(node.steps, node.names, node.name, event.value, line, end, node.kind)
                case Kind.ALIAS:  # what it refers to may have a harmless name there
                    meant = doc.anchored(node.at)
                    if meant is not None and doc.events[meant].kind is Kind.SCALAR:
                        text, line = doc.events[meant].value, event.line + 1
                        yield Value(node.steps, node.names, node.name, text, line, line, node.kind)
                case _:
                    pass


def _fields(doc: Document, node: _Node) -> Iterator[_Node]:
    fields = [(key_name(doc, key) or "", value) for key, value in doc.entries(node.at)]
    plain = {name: doc.events[value].value for name, value in fields if doc.events[value].kind is Kind.SCALAR}
    kind = plain["kind"] if "kind" in plain and {"apiVersion", "metadata"} & {name for name, _ in fields} else node.kind
    for name, value in fields:
        called = plain.get("name", node.name) if name == "value" else name
        yield _Node(value, (*node.steps, Key(name)), (*node.names, name), called, kind)
