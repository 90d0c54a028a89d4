"""How this file is laid out, and new entries written the same way: indentation, list style, line ends, comments.

Called by `create`. Gives text and places; changes nothing itself.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from service.core.values.document import Document, skip_blank
from service.core.values.events import Kind
from service.core.values.model import Scalar
from service.core.values.proof import Part
from service.core.values.quoting import write_key, write_scalar
from service.core.values_paths import Index, Key, Selector, Step


@dataclass(frozen=True, slots=True)
class Layout:
    """The file's own style: by how many columns it indents mappings, and the dashes of a list under their key."""

    indent: int
    dash: int


def read_layout(doc: Document) -> Layout:
    """Find the most common style of the file; by default two columns, with lists indented likewise."""
    mappings: Counter[int] = Counter()
    dashes: Counter[int] = Counter()
    columns: list[int | None] = []
    for node, event in enumerate(doc.events):
        if event.kind is Kind.END:
            columns.pop()
        elif event.kind in {Kind.MAPPING, Kind.SEQUENCE}:
            column = None if event.style else block_column(doc, node)
            parent = columns[-1] if columns else None
            if column is not None and parent is not None:
                (mappings if event.kind is Kind.MAPPING else dashes)[column - parent] += 1
            columns.append(column if event.kind is Kind.MAPPING else None)
    indent = _most_common(mappings, 2)
    return Layout(indent, _most_common(dashes, indent))


def _most_common(counted: Counter[int], default: int) -> int:
    usual = [column for column, _ in counted.most_common() if 0 <= column <= 8]  # noqa: PLR2004 - wider is an accident
    return usual[0] if usual else default


def block_column(doc: Document, node: int) -> int:
    """Give the column of a block mapping's keys, or of a block list's dashes."""
    if doc.events[node].kind is Kind.MAPPING:
        return doc.events[node + 1].column
    at = doc.events[node].start
    while doc.text[at : at + 1] in {"&", "!"}:
        while at < len(doc.text) and not doc.text[at].isspace():
            at += 1
        at = skip_blank(doc.text, at)
    return at - line_start(doc.text, at)


def line_start(text: str, at: int) -> int:
    """Give the place where the line of a place begins."""
    return max(text.rfind("\n", 0, at), text.rfind("\r", 0, at)) + 1


def line_end(text: str, at: int) -> int:
    """Give where the line of a place ends, before its line end."""
    ends = [end for end in (text.find("\n", at), text.find("\r", at)) if end >= 0]
    return min(ends, default=len(text))


def line_break(text: str, at: int) -> str:
    """Give the line break of a place's line; at the end of the text, that of the line before; else a line feed."""
    end = line_end(text, at)
    if end == len(text):
        end = line_start(text, end) - 1
        end -= text[max(end - 1, 0) : end + 1] == "\r\n"
    return text[end : next_line(text, end)] if end >= 0 and end < len(text) else "\n"


def next_line(text: str, end: int) -> int:
    """Give the place where the line after a line's end begins; the text's length if there is none."""
    return end + (2 if text[end : end + 2] == "\r\n" else 1) if end < len(text) else len(text)


def after_comments(text: str, at: int, column: int) -> int:
    """Give the end of the place's line, or of the last comment line right below it at `column` or deeper."""
    end = line_end(text, at)
    while end < len(text):
        start = next_line(text, end)
        below = line_end(text, start)
        line = text[start:below]
        if not line.lstrip(" \t").startswith("#") or len(line) - len(line.lstrip(" ")) < column:
            break
        end = below
    return end


def block_lines(steps: tuple[Step, ...], value: Scalar, column: int, layout: Layout) -> list[str]:
    """Write the steps and the value as block lines, the first at `column`."""
    match steps[0]:
        case Key(name):
            key = " " * column + write_key(name, flow=False) + ":"
            if len(steps) == 1:
                return [f"{key} {write_scalar(value, '', flow=False)}"]
            inner = column + (layout.indent if isinstance(steps[1], Key) else layout.dash)
            return [key, *block_lines(steps[1:], value, inner, layout)]
        case Selector(conditions) if len(steps) > 1:
            lines = []
            for condition in conditions:
                lines += block_lines((Key(condition.keys[0]),), condition.value, column + 2, layout)
            lines += block_lines(steps[1:], value, column + 2, layout)
        case Index() | Selector():
            if len(steps) == 1:
                return [" " * column + "- " + write_scalar(value, "", flow=False)]
            lines = block_lines(steps[1:], value, column + 2, layout)
    return [" " * column + "- " + lines[0].lstrip(" "), *lines[1:]]


def flow_text(steps: tuple[Step, ...], value: Scalar, *, quoted: bool) -> str:
    """Write the steps and the value as one flow entry: `key: …` or an item; in double quotes if other entries are."""
    style = '"' if quoted else ""
    if not steps:
        return write_scalar(value, style, flow=True)
    rest = flow_text(steps[1:], value, quoted=quoted)
    if len(steps) > 1 and isinstance(steps[1], Key):
        rest = "{" + rest + "}" if not isinstance(steps[0], Selector) else rest
    elif len(steps) > 1:
        rest = "[" + rest + "]"
    match steps[0]:
        case Key(name):
            return f"{write_key(name, flow=True, quoted=quoted)}: {rest}"
        case Selector(conditions) if len(steps) > 1:
            written = [
                f"{write_key(one.keys[0], flow=True, quoted=quoted)}: {write_scalar(one.value, style, flow=True)}"
                for one in conditions
            ]
            return "{" + ", ".join([*written, rest]) + "}"
        case Index() | Selector():
            return rest


def new_parts(steps: tuple[Step, ...], value: Scalar) -> list[Part]:
    """Give the events as which the steps and the value must be read, without the first step's own collection."""
    if not steps:
        return [Part(Kind.SCALAR, value)]
    rest = new_parts(steps[1:], value)
    if len(steps) > 1 and not isinstance(steps[0], Selector):
        rest = wrapped(steps[1], rest)
    match steps[0]:
        case Key(name):
            return [Part(Kind.SCALAR, name=name), *rest]
        case Selector(conditions) if len(steps) > 1:
            chosen = [(Part(Kind.SCALAR, name=one.keys[0]), Part(Kind.SCALAR, one.value)) for one in conditions]
            return wrapped(Key(""), [part for pair in chosen for part in pair] + rest)
        case Index() | Selector():
            return rest


def wrapped(step: Step, parts: list[Part]) -> list[Part]:
    """Put the events into the collection that a step belongs in."""
    kind = Kind.MAPPING if isinstance(step, Key) else Kind.SEQUENCE
    return [Part(kind), *parts, Part(Kind.END)]
