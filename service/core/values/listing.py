"""Lists what can be set in a values file. Called by `mergeport values paths` and the search for images. Never edits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from service.core.values.choose import document_step
from service.core.values.document import Document, Stream, read_stream
from service.core.values.encrypted import Seal, read_seals, refuse_sealed, seal_error
from service.core.values.events import Kind
from service.core.values.literal_block import open_block, open_stream
from service.core.values.locate import locate
from service.core.values.lookup import field, hiding_merge, is_block, is_empty, is_merge, key_name, key_names
from service.core.values.model import Scalar
from service.core.values.place import value_place
from service.core.values.reading import scalar_of
from service.core.values.refusals import target_error
from service.core.values_paths import Index, Key, Step, ValuesPath, select
from service.errors import ValuesEditError


@dataclass(frozen=True, slots=True)
class SettablePath:
    """One scalar that can be set: its path, its line from 1, its value as Helm reads it, and as it is written."""

    path: str
    line: int
    value: Scalar | None
    text: str


def list_paths(text: str, *, file: str = "") -> list[SettablePath]:
    """Give every scalar that `edit_values` would accept, in the order of the file; refuses one that SOPS protects."""
    return [scalar for _, scalar in settable_paths(text, file=file)]


def settable_paths(text: str, *, file: str = "") -> Iterator[tuple[tuple[Step, ...], SettablePath]]:
    """Yield the steps and the scalar of every value that can be set in a file."""
    stream = read_stream(text, file=file)
    refuse_sealed(read_seals(stream.documents), file)
    return _settable(stream)


def _settable(stream: Stream) -> Iterator[tuple[tuple[Step, ...], SettablePath]]:
    """Go through the documents: the only one, or each under the step that names it."""
    seals = read_seals(stream.documents)
    if stream.has_one:
        yield from settable_in(stream.documents[0], seals)
        return
    for document in stream.documents:
        step = document_step(stream, document)
        yield from settable_in(document.named((*stream.prefix, step)), seals)


def settable_in(doc: Document, seals: Sequence[Seal]) -> Iterator[tuple[tuple[Step, ...], SettablePath]]:
    """Yield what can be set in one document, including block scalars that hold YAML.

    Values under a duplicate key cannot be set, nor those that a later `<<` hides.
    """
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
            path = ValuesPath(doc.name(steps), steps)
            sealed = seal_error(seals, doc, node, path, filled=bool(event.value)) is not None
            if sealed or _is_hidden(doc, path):
                continue
            if is_block(doc, node):
                yield from _within(doc, node, path)
            reachable = not is_empty(doc, node) or value_place(doc, node, key, flow=flow) is not None
            if reachable and target_error(doc, node, path) is None:
                yield (*doc.prefix, *steps), SettablePath(path.text, event.line + 1, scalar_of(doc, node), event.value)


def _within(doc: Document, node: int, path: ValuesPath) -> Iterator[tuple[tuple[Step, ...], SettablePath]]:
    """Yield what can be set in the YAML that a block scalar holds; nothing if it holds something else."""
    try:
        inner = open_stream(doc, open_block(doc, node, path), path.steps)
        refuse_sealed(read_seals(inner.documents), doc.file)
    except ValuesEditError:
        return
    yield from _settable(inner)


def _is_hidden(doc: Document, path: ValuesPath) -> bool:
    """Tell whether Helm reads another value than the one in `<<` that the path names."""
    if Key("<<") not in path.steps:
        return False
    try:
        locate(doc, path)
    except ValuesEditError:
        return True
    return False


def _fields(doc: Document, mapping: int) -> list[tuple[int, int, Step]]:
    named = [(key, value, key_name(doc, key)) for key, value in doc.entries(mapping)]
    often = Counter(name for key, _, _ in named for name in key_names(doc, key))
    merges = any(is_merge(doc, key) for key, _, _ in named)
    return [
        (key, value, Key(name))
        for key, value, name in named
        if name is not None
        and all(often[one] == 1 for one in key_names(doc, key))
        and not (merges and hiding_merge(doc, mapping, key))
    ]


def _items(doc: Document, sequence: int) -> list[tuple[int, Step]]:
    """Name items by their `name` if each has its own, because such a path stays right when the list grows."""
    items = list(doc.items(sequence))
    names = [_own_name(doc, item) for item in items]
    if len(set(names)) == len(names) and all(names):
        return [(item, select(name=name or "")) for item, name in zip(items, names, strict=True)]
    return [(item, Index(number)) for number, item in enumerate(items)]


def _own_name(doc: Document, item: int) -> str | None:
    if doc.events[item].kind is not Kind.MAPPING:
        return None
    own = [value for key, value in doc.entries(item) if key_name(doc, key) == "name"]
    return field(doc, item, ("name",)) if len(own) == 1 else None
