"""Lists what can be set in a values file. Called by `mergeport values paths` and the search for images. Never edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from service.core.values.document import Document, read_document
from service.core.values.events import Kind
from service.core.values.lookup import is_empty, key_name
from service.core.values.model import Scalar
from service.core.values.place import value_place
from service.core.values.reading import scalar_of
from service.core.values.refusals import target_error
from service.core.values_paths import Index, Key, Selector, Step, ValuesPath, format_path


@dataclass(frozen=True, slots=True)
class SettablePath:
    """One scalar that can be set: its path, its line from 1, and its value now."""

    path: str
    line: int
    value: Scalar | None


def list_paths(text: str, *, file: str = "") -> list[SettablePath]:
    """Give every scalar that `edit_values` would accept, in the order of the file."""
    return [scalar for _, scalar in settable(read_document(text, file=file))]


def settable(doc: Document) -> Iterator[tuple[tuple[Step, ...], SettablePath]]:
    """Yield the steps and the scalar of all that can be set; what stands under a duplicate key cannot."""
    waiting: list[tuple[int, int | None, tuple[Step, ...], bool]] = [(0, None, (), False)] if doc.events else []
    while waiting:
        node, key, steps, flow = waiting.pop()
        event = doc.events[node]
        if event.kind is Kind.MAPPING:
            flow = flow or doc.is_flow(node)
            waiting += reversed([(value, key, (*steps, step), flow) for key, value, step in _fields(doc, node)])
        elif event.kind is Kind.SEQUENCE:
            flow = flow or doc.is_flow(node)
            waiting += reversed([(item, None, (*steps, step), flow) for item, step in _items(doc, node)])
        elif steps and event.kind is Kind.SCALAR:
            path = ValuesPath(format_path(steps), steps)
            reachable = not is_empty(doc, node) or value_place(doc, node, key, flow=flow) is not None
            if reachable and target_error(doc, node, path) is None:
                yield steps, SettablePath(path.text, event.line + 1, scalar_of(doc, node))


def _fields(doc: Document, mapping: int) -> list[tuple[int, int, Step]]:
    named = [(key, value, key_name(doc, key)) for key, value in doc.entries(mapping)]
    often = Counter(name for _, _, name in named)
    return [(key, value, Key(name)) for key, value, name in named if name is not None and often[name] == 1]


def _items(doc: Document, sequence: int) -> list[tuple[int, Step]]:
    """Name items by their `name` where all have one of their own: it stays right when the list grows."""
    items = list(doc.items(sequence))
    names = [_own_name(doc, item) for item in items]
    if len(set(names)) == len(names) and all(names):
        return [(item, Selector("name", name or "")) for item, name in zip(items, names, strict=True)]
    return [(item, Index(number)) for number, item in enumerate(items)]


def _own_name(doc: Document, item: int) -> str | None:
    if doc.events[item].kind is not Kind.MAPPING:
        return None
    own = [value for key, value in doc.entries(item) if key_name(doc, key) == "name"]
    return key_name(doc, own[0]) if len(own) == 1 else None
