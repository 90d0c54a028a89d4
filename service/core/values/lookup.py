"""Small questions of a document: the entry under a key, what `<<` brings, the text of a field.

Called by the locator, the refusals and the listing. Never changes text.
"""

from __future__ import annotations

from dataclasses import dataclass

from service.core.values.document import Document
from service.core.values.events import Kind
from service.core.values.helm import helm_key
from service.core.values.model import Scalar
from service.core.values_paths import Condition, Key, Step, ValuesPath

_MERGE_TAGS = {"!", "tag:yaml.org,2002:merge"}


@dataclass(frozen=True, slots=True)
class Found:
    """The node at the path's end, the collections on the way from the root, and its key if it has one."""

    node: int
    way: tuple[int, ...]
    key: int | None


@dataclass(frozen=True, slots=True)
class Within:
    """A block scalar in whose YAML the path goes on, and the way to it."""

    node: int
    way: tuple[int, ...]
    done: tuple[Step, ...]
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """How far the path goes: the last node that exists, the way to it, and the missing steps.

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
    names = {name}
    for key, value in doc.entries(mapping):
        if key_name(doc, key) == name and found is None:
            found = (key, value)
            names = key_names(doc, key)
    for key, _ in doc.entries(mapping) if found is not None else ():
        if found is not None and key != found[0] and not names.isdisjoint(key_names(doc, key)):
            first, second = sorted((found[0], key))
            raise doc.error(
                f"The key {name!r} is there twice, first in line {doc.events[first].line + 1}",
                code="values-duplicate-key",
                node=second,
                hint="remove one of the two: parsers disagree on which one counts",
                path=path.text,
            )
    return found


def can_override(doc: Document, missing: Missing) -> bool:
    """Tell whether a key that comes through `<<` can be overridden: only a scalar whose key Helm reads as written."""
    first = missing.steps[0]
    is_scalar = missing.merged is not None and doc.events[missing.merged].kind is Kind.SCALAR
    same = isinstance(first, Key) and helm_key(first.name) == first.name  # `on` would be written "on", another key
    return is_scalar and same and len(missing.steps) == 1


def refuse_other_spelling(doc: Document, mapping: int, name: str, path: ValuesPath) -> None:
    """Refuse a new key that exists in another form, because Helm reads `on` and `"true"` as the same key."""
    for key, _ in doc.entries(mapping):
        if name in key_names(doc, key):
            raise doc.error(
                f"The key {name!r} is there for Helm, written {doc.events[key].value}",
                code="values-duplicate-key",
                node=key,
                hint="name it as the file does, or put quotes around it there",
                path=path.text,
            )


def key_name(doc: Document, key: int) -> str | None:
    """Give the text of a key, through an alias too; None for a mapping or sequence as a key."""
    node = doc.anchored(key) if doc.events[key].kind is Kind.ALIAS else key
    if node is None or doc.events[node].kind is not Kind.SCALAR:
        return None
    return doc.events[node].value


def key_names(doc: Document, key: int) -> set[str]:
    """Give the text of a key, and the one that Helm makes of it: `on` is `true`. Nothing for a mapping as a key."""
    node = doc.anchored(key) if doc.events[key].kind is Kind.ALIAS else key
    if node is None or doc.events[node].kind is not Kind.SCALAR:
        return set()
    event = doc.events[node]
    plain = not event.style and event.tag is None
    return {event.value, helm_key(event.value)} if plain else {event.value}


def is_merge(doc: Document, key: int) -> bool:
    """Tell whether a key is the merge key: a plain `<<`, or one with the tag `!` or `!!merge`, as Helm takes it."""
    event = doc.events[key]
    if event.kind is not Kind.SCALAR or event.value != "<<":
        return False
    return event.tag in _MERGE_TAGS or (event.tag is None and not event.style)


def effective_entry(doc: Document, mapping: int, name: str) -> int | None:
    """Give the value that Helm reads under a key: that of the last entry, the key itself or a `<<` that brings it."""
    return _last_entry(doc, [mapping], {name}, set())


def hiding_merge(doc: Document, mapping: int, key: int) -> tuple[int, int] | None:
    """Give the `<<` after an entry that brings the same key, and the value that Helm reads in its place."""
    names, hiding = key_names(doc, key), None
    for other, value in doc.entries(mapping):
        if other > key and is_merge(doc, other):
            brought = _last_entry(doc, _merged_mappings(doc, value), names, {mapping})
            hiding = hiding if brought is None else (other, brought)
    return hiding


def _last_entry(doc: Document, mappings: list[int], names: set[str], seen: set[int]) -> int | None:
    """Walk back through the entries of mappings, the first of which counts most, and of the mappings they merge."""
    waiting: list[tuple[int | None, int]] = [(None, mapping) for mapping in reversed(mappings)]
    while waiting:
        key, value = waiting.pop()
        if key is None:
            waiting += () if value in seen else doc.entries(value)
            seen.add(value)
        elif is_merge(doc, key):
            waiting += [(None, mapping) for mapping in reversed(_merged_mappings(doc, value))]
        elif not names.isdisjoint(key_names(doc, key)):
            return value
    return None


def _merged_mappings(doc: Document, value: int) -> list[int]:
    """Give the mappings that the value of a `<<` names, in their order."""
    target = behind(doc, value)
    if target is None:
        return []
    sources = doc.items(target) if doc.events[target].kind is Kind.SEQUENCE else [target]
    found = [behind(doc, source) for source in sources]
    return [node for node in found if node is not None and doc.events[node].kind is Kind.MAPPING]


def behind(doc: Document, node: int) -> int | None:
    """Give the node that an alias refers to, or the node itself."""
    return doc.anchored(node) if doc.events[node].kind is Kind.ALIAS else node


def meets(doc: Document, item: int, condition: Condition) -> bool:
    """Tell whether an item, or the root of a document, meets a selector's condition as Helm reads it."""
    node = behind(doc, item)
    if node is not None and doc.events[node].kind is Kind.SCALAR:
        return meets_plain(doc.events[node].value, condition)
    return bool(condition.keys) and field(doc, item, condition.keys) == condition.value


def meets_plain(value: Scalar, condition: Condition) -> bool:
    """Tell whether a plain item meets a condition: `[=TEXT]` is all of it, `[image=NAME]` its image without a tag."""
    if not isinstance(value, str) or condition.keys not in {(), ("image",)}:
        return False
    return condition.value == (image_name(value) if condition.keys else value)


def image_name(reference: str) -> str:
    """Give an image reference without its tag and digest."""
    name = reference.partition("@")[0]
    host, slash, last = name.rpartition("/")
    return f"{host}{slash}{last.partition(':')[0]}"


def field(doc: Document, item: int, keys: tuple[str, ...]) -> str | None:
    """Give the text of the scalar that Helm reads under an item's keys, through aliases and `<<` too."""
    node = behind(doc, item)
    for key in keys:
        if node is None or doc.events[node].kind is not Kind.MAPPING:
            return None
        value = effective_entry(doc, node, key)
        node = None if value is None else behind(doc, value)
    return None if node is None else key_name(doc, node)


def is_empty(doc: Document, node: int) -> bool:
    """Tell whether nothing is written where a value could be."""
    event = doc.events[node]
    return event.kind is Kind.SCALAR and not event.value and not event.style and event.tag is None


def is_block(doc: Document, node: int) -> bool:
    """Tell whether a node is a block scalar, which may hold YAML of its own."""
    event = doc.events[node]
    return event.kind is Kind.SCALAR and event.style in {"|", ">"} and event.tag is None
