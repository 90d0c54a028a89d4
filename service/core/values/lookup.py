"""Small questions of a document: the entry under a key, what `<<` brings, the text of a field.

Called by the locator, the refusals and the listing. Never changes text.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.core.values.document import Document
from service.core.values.events import Kind
from service.core.values_paths import Step, ValuesPath


@dataclass(frozen=True, slots=True)
class Found:
    """The node at the path's end, the collections on the way from the root, and its key if it has one."""

    node: int
    way: tuple[int, ...]
    key: int | None


@dataclass(frozen=True, slots=True)
class Missing:
    """How far the path goes: the last node that is there, the way to it, and the steps that are missing.

    `node` is None in a file with nothing in it, `key` is its key if it has one. `merged` is the node that `<<` brings
    under the missing key.
    """

    node: int | None
    way: tuple[int, ...]
    key: int | None
    done: tuple[Step, ...]
    steps: tuple[Step, ...]
    merged: int | None = None


def find_entry(doc: Document, mapping: int, name: str, path: ValuesPath) -> tuple[int, int] | None:
    """Give key and value of the entry under a key; refuses a key that is there twice."""
    found: tuple[int, int] | None = None
    for key, value in doc.entries(mapping):
        if key_name(doc, key) != name:
            continue
        if found is not None:
            first = doc.events[found[0]].line + 1
            raise doc.error(
                f"The key {name!r} is there twice, first in line {first}",
                code="values-duplicate-key",
                node=key,
                hint="remove one of the two: parsers disagree on which one counts",
                path=path.text,
            )
        found = (key, value)
    return found


def key_name(doc: Document, key: int) -> str | None:
    """Give the text of a key, through an alias too; None for a mapping or sequence as a key."""
    node = doc.anchored(key) if doc.events[key].kind is Kind.ALIAS else key
    if node is None or doc.events[node].kind is not Kind.SCALAR:
        return None
    return doc.events[node].value


def is_merge(doc: Document, key: int) -> bool:
    """Tell whether a key is the merge key `<<`."""
    event = doc.events[key]
    return event.kind is Kind.SCALAR and event.value == "<<" and not event.style


def merged_entry(doc: Document, mapping: int, name: str) -> int | None:
    """Give the value that comes under a key only through `<<`: the first source that has it counts."""
    waiting = _merge_sources(doc, mapping)[::-1]
    seen = {mapping}
    while waiting:
        source = waiting.pop()
        target = doc.anchored(source) if doc.events[source].kind is Kind.ALIAS else source
        if target is None or target in seen or doc.events[target].kind is not Kind.MAPPING:
            continue
        seen.add(target)
        own = [value for key, value in doc.entries(target) if key_name(doc, key) == name]
        if own:
            return own[-1]
        waiting += _merge_sources(doc, target)[::-1]
    return None


def _merge_sources(doc: Document, mapping: int) -> list[int]:
    sources: list[int] = []
    for key, value in doc.entries(mapping):
        if is_merge(doc, key):
            target = doc.anchored(value) if doc.events[value].kind is Kind.ALIAS else value
            is_list = target is not None and doc.events[target].kind is Kind.SEQUENCE
            sources += doc.items(target) if target is not None and is_list else [value]
    return sources


def field(doc: Document, item: int, name: str) -> str | None:
    """Give the scalar that an item of a list has under a key, through aliases and `<<` too."""
    node = doc.anchored(item) if doc.events[item].kind is Kind.ALIAS else item
    if node is None or doc.events[node].kind is not Kind.MAPPING:
        return None
    own = [value for key, value in doc.entries(node) if key_name(doc, key) == name]
    value = own[-1] if own else merged_entry(doc, node, name)
    return None if value is None else key_name(doc, value)


def is_empty(doc: Document, node: int) -> bool:
    """Tell whether nothing is written where a value could be."""
    event = doc.events[node]
    return event.kind is Kind.SCALAR and not event.value and not event.style and event.tag is None
