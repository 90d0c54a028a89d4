"""Finds the node that a values path names; if there is none, refuses and names the nearest one.

Called by the editor and the listing. An alias, a duplicate key or a scalar on the way is a refusal:
an edit there would change something else too, or nothing that Helm reads.
"""

from __future__ import annotations

from service.core.values.document import Document
from service.core.values.events import Kind
from service.core.values.lookup import (
    Found,
    Missing,
    Within,
    behind,
    effective_entry,
    find_entry,
    hiding_merge,
    is_block,
    is_empty,
    is_merge,
    meets,
)
from service.core.values.refusals import alias_error, hidden_error, shown
from service.core.values_paths import Index, Key, Selector, Step, ValuesPath, format_path


def locate(doc: Document, path: ValuesPath) -> Found | Missing | Within:
    """Walk the path in one document. Raises ValuesEditError for what must not be passed through."""
    if not doc.events:
        return Missing(None, (), None, (), path.steps)
    node, key = 0, None
    way: tuple[int, ...] = ()
    merging: int | None = None  # the mapping whose `<<` the path has just gone through
    for number, step in enumerate(path.steps):
        done = path.steps[:number]
        if is_empty(doc, node):
            return Missing(node, way, key, done, path.steps[number:])
        if is_block(doc, node):
            return Within(node, way, done, path.steps[number:])
        _refuse_way(doc, node, step, done, path)
        way = (*way, node)
        below_key: int | None = None
        match step:
            case Key(name):
                entry = find_entry(doc, node, name, path)
                below_key, below = entry or (None, None)
                if entry is not None:
                    _refuse_hidden(doc, node, entry, merging, doc.name((*done, step)), path)
                    within = merging if merging is not None else node
                    merging = within if is_merge(doc, entry[0]) else None
            case Index(index):
                below = next((item for place, item in enumerate(doc.items(node)) if place == index), None)
            case Selector():
                below = _select(doc, node, step, path)
        if below is None:
            merged = effective_entry(doc, node, step.name) if isinstance(step, Key) else None
            return Missing(node, way, key, done, path.steps[number:], merged)
        node, key = below, below_key
    return Found(node, way, key)


def locate_effective(doc: Document, path: ValuesPath) -> Found | Missing | Within:
    """Walk the path as Helm sees it: through aliases, and through `<<` if the key itself is missing."""
    if not doc.events:
        return Missing(None, (), None, (), path.steps)
    node = 0
    for number, step in enumerate(path.steps):
        done = path.steps[:number]
        if is_empty(doc, node):
            return Missing(node, (), None, done, path.steps[number:])
        if is_block(doc, node):
            return Within(node, (), done, path.steps[number:])
        _refuse_way(doc, node, step, done, path)
        match step:
            case Key(name):
                entry = find_entry(doc, node, name, path)
                below = effective_entry(doc, node, name) if entry is None or not is_merge(doc, entry[0]) else entry[1]
            case Index(index):
                below = next((item for place, item in enumerate(doc.items(node)) if place == index), None)
            case Selector():
                below = _select(doc, node, step, path)
        if below is None:
            return Missing(node, (), None, done, path.steps[number:])
        target = behind(doc, below)
        node = below if target is None else target
    return Found(node, (), None)


def _refuse_hidden(
    doc: Document, mapping: int, entry: tuple[int, int], merging: int | None, what: str, path: ValuesPath
) -> None:
    """Refuse an entry that Helm does not read, because a `<<` brings another, or its own `<<` is overridden."""
    key, value = entry
    if (hiding := hiding_merge(doc, mapping, key)) is not None:
        raise hidden_error(doc, key, what, hiding, path)
    name = doc.events[key].value
    if merging is None or is_merge(doc, key):
        return
    read = effective_entry(doc, merging, name)
    if read is not None and read != value:
        raise hidden_error(doc, key, what, (None, read), path)


def _select(doc: Document, sequence: int, step: Selector, path: ValuesPath) -> int | None:
    matches = [item for item in doc.items(sequence) if all(meets(doc, item, one) for one in step.conditions)]
    if len(matches) > 1:
        lines = ", ".join(str(doc.events[item].line + 1) for item in matches)
        raise doc.error(
            f"{len(matches)} items match {format_path((step,))}, in lines {lines}",
            code="values-selector",
            node=matches[1],
            hint="name the one you mean by its index, such as [0]",
            path=path.text,
        )
    return matches[0] if matches else None


def _refuse_way(doc: Document, node: int, step: Step, done: tuple[Step, ...], path: ValuesPath) -> None:
    event = doc.events[node]
    here = doc.name(done) or "the top of the file"
    if event.kind is Kind.ALIAS:
        raise alias_error(doc, node, here, path)
    if event.kind is Kind.SCALAR:
        raise doc.error(
            f"{here} is the scalar {shown(event.value)}, so it has no keys",
            code="values-through-scalar",
            node=node,
            hint=f"set {here} itself" if done or doc.prefix else "the file must be a mapping",
            path=path.text,
        )
    wanted = Kind.MAPPING if isinstance(step, Key) else Kind.SEQUENCE
    if event.kind is Kind.SEQUENCE and wanted is Kind.MAPPING:
        raise doc.error(
            f"{here} is a list, and {format_path((step,))} names a key",
            code="values-not-a-mapping",
            node=node,
            hint="name an item first, such as [0] or [name=X]",
            path=path.text,
        )
    if event.kind is Kind.MAPPING and wanted is Kind.SEQUENCE:
        raise doc.error(
            f"{here} is a mapping, and {format_path((step,))} names an item",
            code="values-not-a-list",
            node=node,
            hint="name a key",
            path=path.text,
        )
