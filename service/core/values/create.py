"""Adds a missing value where a person would have put it. Called by the editor, for `create` only.

That is at the end of the deepest mapping or list that is there, in the file's own layout. Comments that stand
at the depth of that mapping belong to it; those further left are left with the section that follows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from service.core.values.document import Document
from service.core.values.events import Kind
from service.core.values.layout import (
    Layout,
    after_comments,
    block_column,
    block_lines,
    flow_text,
    line_break,
    line_end,
    line_start,
    new_parts,
    read_layout,
    wrapped,
)
from service.core.values.lookup import Missing, can_override, meets_plain, refuse_other_spelling
from service.core.values.model import Scalar, Splice
from service.core.values.place import value_place
from service.core.values.proof import Expectation, prove
from service.core.values.refusals import merged_error, missing_error, no_newline_error, no_place_error, tagged_error
from service.core.values_paths import Index, Key, Selector, Step, ValuesPath
from service.errors import ValuesEditError


@dataclass(frozen=True, slots=True)
class Created:
    """The new document, the new scalar's node, and how far the events from `at` on have moved."""

    doc: Document
    node: int
    at: int
    shift: int


def create_value(doc: Document, path: ValuesPath, missing: Missing, value: Scalar) -> Created:
    """Add the value and the keys that lead to it, and prove the edit.

    Raises ValuesEditError if there is no clear place.
    """
    _refuse(doc, path, missing, value)
    expected = _expect(doc, missing, value)
    failure: ValuesEditError | None = None
    for splices in _places(doc, missing, value):
        try:
            after = prove(doc, splices, {expected.start: expected})
        except ValuesEditError as error:
            failure = failure or error
            continue
        node = expected.start + max(place for place, part in enumerate(expected.parts) if part.value is not None)
        return Created(after, node, expected.end, len(expected.parts) - (expected.end - expected.start))
    if failure is not None and not doc.text.endswith(("\n", "\r")) and _ends_in_block(doc):
        raise no_newline_error(doc, path)
    raise failure or no_place_error(doc, path, missing)


def _ends_in_block(doc: Document) -> bool:
    last = next((event for event in reversed(doc.events) if event.kind is not Kind.END), None)
    return last is not None and last.style in {"|", ">"}


def _refuse(doc: Document, path: ValuesPath, missing: Missing, value: Scalar) -> None:
    """Refuse an edit that would hide other values, leave a gap, or end in something that is not a scalar."""
    if missing.merged is not None and not can_override(doc, missing):
        raise merged_error(doc, path, missing)
    node = missing.node
    if node is not None and doc.events[node].tag is not None and doc.close[node] <= node + 1:
        raise tagged_error(doc, node, doc.name(missing.done) or "the top of the file", path)
    if node is not None and doc.events[node].kind is Kind.MAPPING and isinstance(missing.steps[0], Key):
        refuse_other_spelling(doc, node, missing.steps[0].name, path)
    for number, step in enumerate(missing.steps):
        following = missing.steps[number + 1 : number + 2]
        if isinstance(step, Index):
            there = 0
            if number == 0 and missing.node is not None and doc.events[missing.node].kind is Kind.SEQUENCE:
                there = sum(1 for _ in doc.items(missing.node))
            fits = step.number == there
        elif isinstance(step, Selector) and not following:
            fits = len(step.conditions) == 1 and meets_plain(value, step.conditions[0])
        elif isinstance(step, Selector):
            keys = [condition.keys for condition in step.conditions]
            inner = following[0].name if isinstance(following[0], Key) else None
            fits = inner is not None and (inner,) not in keys and len(set(keys)) == len(keys)
            fits = fits and all(len(one) == 1 for one in keys)
        else:
            fits = True
        if not fits:
            raise missing_error(doc, path, missing, create=True)


def _expect(doc: Document, missing: Missing, value: Scalar) -> Expectation:
    """Give the events that the new ones replace, or next to which they are added."""
    parts = new_parts(missing.steps, value)
    node = missing.node
    if node is None:
        return Expectation(0, 0, tuple(wrapped(missing.steps[0], parts)))
    if doc.events[node].kind is Kind.SCALAR or doc.close[node] == node + 1:  # `key:` without a value, or empty braces
        return Expectation(node, doc.close[node] + 1, tuple(wrapped(missing.steps[0], parts)))
    return Expectation(doc.close[node], doc.close[node], tuple(parts))


def _places(doc: Document, missing: Missing, value: Scalar) -> Iterator[list[Splice]]:
    """Give the ways to write it, the best first."""
    node, layout = missing.node, read_layout(doc)
    if node is None or (doc.events[node].kind is Kind.SCALAR and not missing.way):
        yield [_in_empty_file(doc, missing, value, layout)]
        return
    within_flow = any(doc.is_flow(one) for one in missing.way if one != node)
    if doc.events[node].kind is Kind.SCALAR:
        yield from _under_empty(doc, missing, value, layout, flow=within_flow)
    elif not doc.is_flow(node):
        yield from _in_block(doc, missing, value, layout)
    elif doc.close[node] > node + 1:
        yield _in_flow(doc, missing, value)
    else:
        yield from _in_braces(doc, missing, value, layout, flow=within_flow)


def _in_empty_file(doc: Document, missing: Missing, value: Scalar, layout: Layout) -> Splice:
    at = len(doc.text) if missing.node is None else doc.events[missing.node].end
    end = line_break(doc.text, at)
    written = end.join(block_lines(missing.steps, value, 0, layout))
    if at > 0 and doc.text[at - 1] not in "\r\n":
        return Splice(at, at, end + written)
    return Splice(at, at, written + end)


def _in_block(doc: Document, missing: Missing, value: Scalar, layout: Layout) -> Iterator[list[Splice]]:
    """Add lines after the last entry of a block mapping or list."""
    node = missing.node or 0
    column = _entry_column(doc, node)
    parent = missing.way[-2] if len(missing.way) > 1 else None
    deeper = 0
    if doc.events[node].kind is Kind.SEQUENCE and parent is not None and doc.events[parent].kind is Kind.MAPPING:
        deeper = 1 if _entry_column(doc, parent) == column else 0
    lines = block_lines(missing.steps, value, column, layout)
    for at in _ends(doc, node):
        end = after_comments(doc.text, at, column + deeper)
        yield [_lines_at(doc, end, lines)]


def _entry_column(doc: Document, node: int) -> int:
    """Give the column of entries, skipping the question mark of a first key."""
    if doc.events[node].kind is Kind.MAPPING:
        for key, _ in doc.entries(node):
            event = doc.events[key]
            before = doc.text[line_start(doc.text, event.start) : event.start]
            if not before.strip(" -"):
                return event.column
    return block_column(doc, node)


def _ends(doc: Document, node: int) -> Iterator[int]:
    """Give where the last entry of a block collection ends: after its text, or after its trailing blank lines."""
    last = doc.close[node] - 1
    while doc.events[last].kind is Kind.END and doc.events[last].start == doc.events[last].end:
        last -= 1
    event = doc.events[last]
    if event.style in {"|", ">"}:
        written = doc.text[event.start : event.end].rstrip(" \t\r\n")
        yield event.start + len(written)
        if event.end > 0 and doc.text[event.end - 1] in "\r\n":
            yield event.end - (2 if doc.text[event.end - 2 : event.end] == "\r\n" else 1)
        return
    yield event.end


def _lines_at(doc: Document, end: int, lines: list[str]) -> Splice:
    """Add lines after the line that ends here, with the same line break."""
    return Splice(end, end, "".join(line_break(doc.text, end) + line for line in lines))


def _under_empty(
    doc: Document, missing: Missing, value: Scalar, layout: Layout, *, flow: bool
) -> Iterator[list[Splice]]:
    """Fill `key:` or a lone dash with a mapping or a list."""
    node = missing.node or 0
    place = value_place(doc, node, missing.key, flow=flow)
    if place is None:
        return
    at, before = place
    if flow:
        opening, closing = _brackets(missing.steps[0])
        quoted = missing.key is not None and doc.events[missing.key].style == '"'
        yield [Splice(at, at, before + opening + flow_text(missing.steps, value, quoted=quoted) + closing)]
    elif missing.key is not None:
        yield [_below_key(doc, at, missing, value, layout)]
    else:
        column = at - line_start(doc.text, at) + 1
        lines = block_lines(missing.steps, value, column, layout)
        end = line_end(doc.text, at)
        yield [Splice(at, at, before + lines[0].lstrip(" ")), _lines_at(doc, end, lines[1:])]


def _below_key(doc: Document, at: int, missing: Missing, value: Scalar, layout: Layout) -> Splice:
    """Write lines below the key whose value is empty or was `{}`, after the comments that stand deeper than it."""
    column = doc.events[missing.key or 0].column
    inner = column + (layout.indent if isinstance(missing.steps[0], Key) else layout.dash)
    end = after_comments(doc.text, at, column + 1)
    return _lines_at(doc, end, block_lines(missing.steps, value, inner, layout))


def _in_braces(doc: Document, missing: Missing, value: Scalar, layout: Layout, *, flow: bool) -> Iterator[list[Splice]]:
    """Turn `{}` or `[]` into block lines; within other braces, fill it where it is."""
    node = missing.node or 0
    start, end = doc.events[node].end - 1, doc.events[doc.close[node]].end
    quoted = missing.key is not None and doc.events[missing.key].style == '"'
    if not flow and not doc.text[start + 1 : end - 1].strip(" "):
        before = doc.text[line_start(doc.text, start) : start]
        if missing.key is None or not before.strip(" "):
            lines = block_lines(missing.steps, value, len(before), layout)
            yield [Splice(start, end, line_break(doc.text, end).join(lines).lstrip(" "))]
        else:
            blank = len(before) - len(before.rstrip(" \t"))
            yield [Splice(start - blank, end, ""), _below_key(doc, end, missing, value, layout)]
    yield [Splice(start + 1, start + 1, flow_text(missing.steps, value, quoted=quoted))]


def _in_flow(doc: Document, missing: Missing, value: Scalar) -> list[Splice]:
    """Add an entry after the last one in braces or brackets, on a line of its own where the last one has that."""
    node = missing.node or 0
    first, closing = node + 1, doc.events[doc.close[node]].end - 1
    pairs = list(doc.entries(node)) if doc.events[node].kind is Kind.MAPPING else [(i, i) for i in doc.items(node)]
    key, last = pairs[-1]
    at, apart = doc.events[doc.close[last]].end, ""
    if doc.events[last].kind is Kind.SCALAR and not doc.events[last].value and not doc.events[last].style:
        place = value_place(doc, last, key if key != last else None, flow=True)
        if place is not None and place[1] == " ":  # `a:,` would be one plain scalar
            at, apart = place[0], " "
    quoted = doc.events[first].style == '"'
    written = flow_text(missing.steps, value, quoted=quoted)
    comma = doc.text.find(",", at, closing)
    if comma >= 0 and doc.text[at:comma].strip():  # within a comment
        comma = -1
    start = doc.events[key].start
    before = doc.text[line_start(doc.text, start) : start]
    if before.strip(" ") or line_end(doc.text, at) >= closing:
        return [Splice(comma + 1, comma + 1, f" {written},")] if comma >= 0 else [Splice(at, at, f"{apart}, {written}")]
    end = line_end(doc.text, max(at, comma))
    line = line_break(doc.text, end) + before + written
    return [Splice(end, end, line + ",")] if comma >= 0 else [Splice(at, at, apart + ","), Splice(end, end, line)]


def _brackets(step: Step) -> tuple[str, str]:
    return ("{", "}") if isinstance(step, Key) else ("[", "]")
