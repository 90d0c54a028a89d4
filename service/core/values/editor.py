"""Edits values in a YAML text by replacing the scalar's own characters, and proves the result.

Called by the pipeline, the manifest writer and the command line. All edits or none; the text outside the
edited scalars stays as it is, character for character. Never loads and dumps.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from service.core.values.choose import choose
from service.core.values.create import create_value
from service.core.values.document import Document, Stream, read_stream
from service.core.values.encrypted import Seal, read_seals, seal_error
from service.core.values.events import Kind
from service.core.values.helm import helm_plain
from service.core.values.listing import settable_in
from service.core.values.literal_block import open_block, open_stream, splice_block
from service.core.values.locate import locate
from service.core.values.lookup import Found, Missing, Within
from service.core.values.model import EditedText, Scalar, ScalarChange, Splice, ValueEdit
from service.core.values.place import gap, value_place
from service.core.values.proof import Expectation, Part, prove
from service.core.values.quoting import same_value, write_scalar
from service.core.values.refusals import encrypted_error, is_ciphertext, missing_error, no_colon_error, target_error
from service.core.values_paths import ValuesPath, parse_path

Wish = tuple[ValuesPath, Scalar]


@dataclass(slots=True)
class _Change:
    """A changed scalar to report; `node` is its event in the newest document, `below` its line within that block."""

    path: ValuesPath
    value: Scalar
    node: int
    before: str | None
    below: int | None = None


@dataclass(frozen=True, slots=True)
class _Edited:
    """A text after its edits."""

    stream: Stream
    changes: list[ScalarChange]
    warnings: list[str]


def edit_values(text: str, edits: Sequence[ValueEdit], *, file: str = "", create: bool = False) -> EditedText:
    """Set every value, or raise ValuesEditError and set none; setting a value that is there already changes nothing.

    With `create`, missing keys are added at the end of the deepest mapping that is there. `file` is only for the words
    of errors.
    """
    stream = read_stream(text, file=file)
    edited = _edit_stream(stream, [(parse_path(edit.path), edit.value) for edit in edits], create=create)
    warnings = tuple(dict.fromkeys(edited.warnings))
    return EditedText(edited.stream.bom + edited.stream.text, tuple(edited.changes), warnings)


def _edit_stream(stream: Stream, wanted: Sequence[Wish], *, create: bool) -> _Edited:
    """Edit the documents of a text, one after the other: the whole file, or what a block scalar holds."""
    seals = read_seals(stream.documents)
    documents: dict[int, tuple[Document, list[Wish]]] = {}
    for path, value in wanted:
        document, within = choose(stream, path)
        documents.setdefault(document.number, (document, []))[1].append((within, value))
    edited = _Edited(stream, [], [])
    for number, (document, wishes) in sorted(documents.items()):
        newest = edited.stream.documents[number].named(document.prefix)
        one = _edit_document(newest, wishes, seals, create=create)
        edited = _Edited(one.stream, edited.changes + one.changes, edited.warnings + one.warnings)
    return edited


def _edit_document(doc: Document, wanted: Sequence[Wish], seals: Sequence[Seal], *, create: bool) -> _Edited:
    """Add what is missing, then replace what is there, then edit within block scalars."""
    changes: list[_Change] = []
    warnings: list[str] = []
    rest: list[Wish] = []
    for path, value in wanted:
        place = locate(doc, path)
        if not isinstance(place, Missing):
            rest.append((path, value))
            continue
        if not create:
            raise missing_error(doc, path, place, elsewhere=_elsewhere(doc, path))
        if (sealed := seal_error(seals, doc, place.node, path, filled=False)) is not None:
            raise sealed
        warnings += _followers(doc, place.way, path)
        made = create_value(doc, path, place, value)
        for change in changes:
            change.node += made.shift if change.node >= made.at else 0
        changes.append(_Change(path, value, made.node, None))
        doc = made.doc
    doc, replaced, inner, more = _replace(doc, rest, changes, seals)
    changes += replaced
    warnings += more
    for node, wishes in inner.items():
        doc, within, more = _edit_block(doc, node, wishes, seals, create=create)
        changes += within
        warnings += more
    done = sorted(changes, key=lambda change: change.node)
    return _Edited(doc.stream, [_report(doc, change) for change in done], warnings)


def _replace(
    doc: Document, wanted: Sequence[Wish], created: Sequence[_Change], seals: Sequence[Seal]
) -> tuple[Document, list[_Change], dict[int, list[tuple[Within, Wish]]], list[str]]:
    """Replace the scalars that exist, all in one splice and one proof; also give back the edits within blocks."""
    seen: dict[int, Wish] = {change.node: (change.path, change.value) for change in created}
    changes: list[_Change] = []
    splices: list[Splice] = []
    expected: dict[int, Expectation] = {}
    inner: dict[int, list[tuple[Within, Wish]]] = {}
    warnings: list[str] = []
    for path, value in wanted:
        place = locate(doc, path)
        if isinstance(place, Missing):  # an earlier edit replaced what this one names
            raise missing_error(doc, path, place)
        if isinstance(place, Within):
            inner.setdefault(place.node, []).append((place, (path, value)))
            continue
        other = seen.setdefault(place.node, (path, value))
        if other != (path, value):
            _refuse_second(doc, place.node, path, value, other)
            continue
        splice = _splice(doc, place, path, value, seals)
        if splice is None:
            continue
        splices.append(splice)
        expected[place.node] = Expectation(place.node, place.node + 1, (Part(Kind.SCALAR, value),))
        changes.append(_Change(path, value, place.node, doc.events[place.node].value))
        warnings += [*_followers(doc, (*place.way, place.node), path), *_other_type(doc, place.node, path, value)]
    return (prove(doc, splices, expected) if splices else doc), changes, inner, warnings


def _edit_block(
    doc: Document, node: int, wanted: Sequence[tuple[Within, Wish]], seals: Sequence[Seal], *, create: bool
) -> tuple[Document, list[_Change], list[str]]:
    """Edit the YAML that a block scalar holds; the edit is proved there, and again as one new scalar of the file."""
    place, (path, _) = wanted[0]
    if is_ciphertext(doc.events[node].value):
        raise encrypted_error(doc, node, ValuesPath(doc.name(place.done), place.done))
    block = open_block(doc, node, path)
    stream = open_stream(doc, block, place.done)
    wishes = [(ValuesPath(path.text, within.steps), value) for within, (path, value) in wanted]
    edited = _edit_stream(stream, wishes, create=create)
    if not edited.changes:
        return doc, [], edited.warnings
    outer = ValuesPath(path.text, place.done)
    if (sealed := seal_error(seals, doc, node, outer, filled=True)) is not None:
        raise sealed
    new = edited.stream.text
    expected = {node: Expectation(node, node + 1, (Part(Kind.SCALAR, new),))}
    after = prove(doc, splice_block(doc, block, new), expected)
    changes = [
        _Change(path, change.after, node, change.before, change.line - 1 - doc.events[node].line)
        for change in edited.changes
    ]
    followers = _followers(doc, (*place.way, node), path)
    return after, changes, edited.warnings + followers


def _splice(doc: Document, place: Found, path: ValuesPath, value: Scalar, seals: Sequence[Seal]) -> Splice | None:
    """Give the replacement of one scalar, or None when it already has the value."""
    refusal = target_error(doc, place.node, path)
    if refusal is not None:
        raise refusal
    if same_value(doc, place.node, value):
        return None
    event = doc.events[place.node]
    if (sealed := seal_error(seals, doc, place.node, path, filled=bool(event.value))) is not None:
        raise sealed
    flow = any(doc.is_flow(node) for node in place.way)
    json_like = flow and place.key is not None and doc.events[place.key].style == '"'
    written = write_scalar(value, '"' if json_like and not event.style else event.style, flow=flow)
    if event.value or event.style:
        start, end = doc.content(place.node)
        return Splice(start, end, written + gap(doc.text, end))
    empty = value_place(doc, place.node, place.key, flow=flow)
    if empty is None:
        raise no_colon_error(doc, place.key, path)
    at, before = empty
    return Splice(at, at, before + written + gap(doc.text, at))


def _refuse_second(doc: Document, node: int, path: ValuesPath, value: Scalar, other: tuple[ValuesPath, Scalar]) -> None:
    """Allow the same wish twice, but refuse two different wishes for one scalar."""
    if type(value) is type(other[1]) and value == other[1]:
        return
    raise doc.error(
        f"{path.text} is set twice, to {other[1]!r} and to {value!r}",
        code="values-set-twice",
        node=node,
        hint=f"keep one of {other[0].text} and {path.text}",
        path=path.text,
    )


def _followers(doc: Document, nodes: tuple[int, ...], path: ValuesPath) -> list[str]:
    """Warn of the aliases that will show the new value too."""
    warnings = []
    for node in nodes:
        aliases = doc.aliases_of(node)
        if not aliases:
            continue
        lines = ", ".join(str(doc.events[alias].line + 1) for alias in aliases)
        anchor = f"{path.text} is within the anchor &{doc.events[node].anchor}"
        many = len(aliases) > 1
        warnings.append(
            f"{anchor}: its {'aliases in lines' if many else 'alias in line'} {lines} follow{'' if many else 's'}"
        )
    return warnings


def _other_type(doc: Document, node: int, path: ValuesPath, value: Scalar) -> list[str]:
    """Warn that a number or boolean becomes text, if the text looks like one."""
    event = doc.events[node]
    there = event.value if event.style or event.tag else helm_plain(event.value)
    meant = helm_plain(value) if isinstance(value, str) else None
    if isinstance(there, str | None) or isinstance(meant, str | None) or not math.isfinite(meant):
        return []
    what = "boolean" if isinstance(there, bool) else "number"
    was = f"{path.text} was the {what} {event.value} and becomes the text {value!r}"
    typed = f"{path.text}:={write_scalar(meant, '', flow=False)}"
    kind = "boolean" if isinstance(meant, bool) else "number"
    return [f"{was}: for a {kind} write {typed} (in mergeport.yaml a value without quotes)"]


def _elsewhere(doc: Document, path: ValuesPath) -> list[str]:
    """Give the paths with the same end, for a person who forgot the beginning."""
    ends = (scalar.path for steps, scalar in settable_in(doc, ()) if steps[-len(path.steps) :] == path.steps)
    return list(islice(ends, 3))


def _report(doc: Document, change: _Change) -> ScalarChange:
    line = doc.events[change.node].line + 1 + (change.below or 0)
    plain = isinstance(change.value, str) or change.below is not None
    after = str(change.value) if plain else doc.events[change.node].value
    return ScalarChange(change.path.text, line, change.before, after)
