"""Treats the content of a literal block scalar as a text of its own, and a change of it as a splice of the file.

Called by the editor, the reading and the listing for paths that go on inside a block. Knows nothing of YAML within.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import accumulate

from service.core.values.document import Document, Stream, read_stream
from service.core.values.events import Origin
from service.core.values.layout import line_break, line_end, line_start, next_line
from service.core.values.model import Splice
from service.core.values_paths import Step, ValuesPath


@dataclass(frozen=True, slots=True)
class Block:
    """The lines of a block scalar.

    `text` is its value; `inner` are the places where its lines begin in that text, `outer` those in the file. `line` is
    the number of its first line in the file, from 0.
    """

    text: str
    inner: list[int]
    outer: list[int]
    indent: int
    line: int

    def outside(self, at: int) -> int:
        """Turn a place in the text into the place in the file."""
        number = bisect_right(self.inner, at) - 1
        return self.outer[number] + at - self.inner[number]


def open_block(doc: Document, node: int, path: ValuesPath) -> Block:
    """Read the lines of a block.

    Raises ValuesEditError if it is folded or empty, or its lines differ from the value's lines.
    """
    event = doc.events[node]
    if event.style == ">":
        raise doc.error(
            f"{path.text} continues inside a folded block scalar (>), whose lines differ from the lines of its text",
            code="values-block-scalar",
            node=node,
            hint="write it as a literal one (|) first",
            path=path.text,
        )
    header = line_end(doc.text, doc.content(node)[0])
    lines = event.value.removesuffix("\n").split("\n") if event.value else []
    starts: list[int] = []
    at = next_line(doc.text, header)
    for _ in lines:
        starts.append(at)
        at = next_line(doc.text, line_end(doc.text, at))
    written = [doc.text[start : line_end(doc.text, start)] for start in starts]
    indent = next((len(raw) - len(line) for raw, line in zip(written, lines, strict=True) if line), 0)
    if not any(lines) or [raw[indent:] for raw in written] != lines:
        raise doc.error(
            f"{path.text} continues inside a block scalar that is empty, or is not read line by line",
            code="values-block-scalar",
            node=node,
            hint="write its value there first",
            path=path.text,
        )
    inner = [0]
    for line in lines[:-1]:
        inner.append(inner[-1] + len(line) + 1)
    outer = [start + min(indent, len(raw)) for start, raw in zip(starts, written, strict=True)]
    first = event.line + _breaks(doc.text[event.start : starts[0]])
    return Block(event.value, inner, outer, indent, first)


def _breaks(text: str) -> int:
    return len(re.findall(r"\r\n|\r|\n", text))


def open_stream(doc: Document, block: Block, done: tuple[Step, ...]) -> Stream:
    """Parse what a block holds; errors name places of the file. Raises ValuesEditError if it is not YAML."""
    origin = Origin(block.line, doc.stream.origin.column + block.indent)
    return read_stream(block.text, file=doc.file, origin=origin, prefix=(*doc.prefix, *done))


def splice_block(doc: Document, block: Block, new: str) -> list[Splice]:
    """Give the smallest changes of the file, line by line, that make the block's text the new one."""
    old_lines, new_lines = (re.findall(r"[^\n]*\n|[^\n]+", text) for text in (block.text, new))
    old_places, new_places = _places(old_lines), _places(new_lines)
    splices = []
    for tag, a, b, c, d in _opcodes(old_lines, new_lines):
        if tag != "equal":
            splices.append(_splice(doc, block, old_places[a], old_places[b], new[new_places[c] : new_places[d]]))
    return splices


def _places(lines: list[str]) -> list[int]:
    return list(accumulate(map(len, lines), initial=0))


def _opcodes(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    """Compare lines, equal ones at both ends first, so that a small change in a large block costs little."""
    most = min(len(old), len(new))
    head = next((count for count in range(most) if old[count] != new[count]), most)
    tail = next((count for count in range(most - head) if old[-1 - count] != new[-1 - count]), most - head)
    matcher = SequenceMatcher(None, old[head : len(old) - tail], new[head : len(new) - tail], autojunk=False)
    return [(tag, a + head, b + head, c + head, d + head) for tag, a, b, c, d in matcher.get_opcodes()]


def _splice(doc: Document, block: Block, start: int, end: int, new: str) -> Splice:
    """Replace a part of the block's text; a new line is written after the end of the one before it."""
    old = block.text[start:end]
    most = min(len(old), len(new))
    tail = next((count for count in range(most) if old[-1 - count] != new[-1 - count]), most)
    head = next((count for count in range(most - tail) if old[count] != new[count]), most - tail)
    start, end, new = start + head, end - tail, new[head : len(new) - tail]
    if start == end and new.endswith("\n") and block.text[start - 1 : start] == "\n":
        start, end, new = start - 1, end - 1, "\n" + new[:-1]
    first, *more = new.split("\n")
    written = first
    for number, line in enumerate(more):
        goes_on = number == len(more) - 1 and block.text[end : end + 1] not in {"", "\n"}
        indent = " " * block.indent if line or goes_on else ""
        written += _break_before(doc.text, block.outside(start)) + indent + line
    return Splice(block.outside(start), block.outside(end), written)


def _break_before(text: str, at: int) -> str:
    """Give the line break of the place's line or, if a line begins there, of the line before."""
    begin = line_start(text, at)
    if begin == 0 or text[begin:at].strip(" "):
        return line_break(text, at)
    return "\r\n" if text[begin - 2 : begin] == "\r\n" else text[begin - 1]
