"""Reads YAML text into nodes that know their place, and tells what is wrong with it as YAML.

Called by `load`, and for lists of freezes. Only the plain core of YAML is taken: one document, text keys, each once, no
anchors, aliases, merge keys or tags, nothing that two readers would take differently. Never raises.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from ruamel.yaml import YAML
from ruamel.yaml.error import MarkedYAMLError, StringMark, YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from service.core.config.report import Report
from service.core.config.scalars import Ambiguous, plain_value
from service.core.config.tree import Broken, Node, Place, Scalar, Table, below, series

_DEEPEST = 32
_MOST_TOLD = 40
_UNPRINTABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_BOM = "\ufeff"
_NOWHERE = re.compile(r"(?!)")
_SPECIAL_CONTEXTS = {"while scanning an alias", "while scanning an anchor", "while scanning a directive"}
_NO_ANCHORS = "anchors, aliases and merge keys are not supported here; put shared keys under defaults"


def decode(content: bytes, report: Report) -> str | None:
    """Give the text of a file that must be UTF-8, or report the first place where it is not."""
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        before = content[: error.start]
        line = before.count(b"\n") + 1
        column = len(before.rpartition(b"\n")[2].decode("utf-8")) + 1
        report.add(Place(line, column, ""), "the file is not UTF-8 text", "save it as UTF-8")
        return None


def read(text: str, report: Report, *, one_meaning: re.Pattern[str]) -> Table | None:
    """Give the file's mapping; None if there is nothing more to check.

    `one_meaning` matches keys at which `off` means the same in YAML 1.1 and 1.2; there it is read as a text.
    """
    root = read_any(text, report, one_meaning=one_meaning)
    if isinstance(root, Table):
        return root
    if root is None and report.faults:
        return None
    if root is None or (isinstance(root, Scalar) and root.value is None):
        report.add(None, "the file is empty", "it needs environments and applications")
    elif not isinstance(root, Broken):
        report.add_wrong_type(root, "a mapping")
    return None


def read_any(text: str, report: Report, *, one_meaning: re.Pattern[str] = _NOWHERE) -> Node | None:
    """Give what is in the file; None if it is empty or a fault was reported."""
    text = text.removeprefix(_BOM)
    if bad := _UNPRINTABLE.search(text):
        place = _place_at(text, bad.start())
        report.add(place, f"U+{ord(bad[0]):04X} is not a character that YAML allows", "remove it")
        return None
    reader = _Reader(report, one_meaning)
    try:
        return reader.read(YAML(typ="safe").parse(text))
    except MarkedYAMLError as error:
        _report_syntax(text, error, report)
        return None
    except YAMLError as error:
        report.add(None, f"this is not YAML: {' '.join(str(error).split())}")
        return None


def _place_at(text: str, offset: int) -> Place:
    before = text[:offset]
    return Place(before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1, "")


def _report_syntax(text: str, error: MarkedYAMLError, report: Report) -> None:
    mark = error.problem_mark or error.context_mark
    lines = text.split("\n")
    if mark and mark.line < len(lines):
        place = Place(mark.line + 1, mark.column + 1, "")
    else:  # the parser adds a missing line end at the end of the file, and may stop behind it
        place = Place(len(lines), len(lines[-1]) + 1, "")
    line = lines[place.line - 1]
    if "\t" in line[: len(line) - len(line.lstrip())]:
        report.add(place, "a tab cannot indent YAML", "indent by spaces")
        return
    problem, context = error.problem or "unreadable", error.context or ""
    hint = ""
    if context in _SPECIAL_CONTEXTS or "cannot start any token" in problem:
        hint = "a text that begins with a special character needs quotes around it"
    elif problem.startswith("mapping values are not allowed"):
        hint = "a text with a colon and a space in it needs quotes around it"
    elif problem.startswith("found unexpected ':'"):
        hint = "within { } and [ ] a key needs a space after its colon, and a text with a colon needs quotes around it"
    elif problem.startswith(("did not find expected key", "did not find expected '-' indicator")):
        hint = "check the indentation: keys that belong together begin in the same column"
    if context and error.context_mark:
        context += f" that begins on line {error.context_mark.line + 1}"
    report.add(place, f"this is not YAML: {problem} {context}".rstrip(), hint)


class _StopReadingError(Exception):
    """The rest of the file cannot be read; its fault was reported."""


@dataclass(slots=True)
class _Frame:
    """A mapping or a list that is being read; `waiting` is the key whose value comes next."""

    place: Place
    is_table: bool
    broken: bool = False
    items: list[Node] = field(default_factory=list)
    entries: dict[str, Node] = field(default_factory=dict)
    keys: dict[str, Place] = field(default_factory=dict)
    waiting: Place | None = None
    name: str | None = None

    def node(self) -> Node:
        if self.broken:
            return Broken(self.place)
        return Table(self.place, self.entries, self.keys) if self.is_table else series(self.place, self.items)


class _Reader:
    """Builds the tree from the parser's events; each open mapping or list is on a stack."""

    def __init__(self, report: Report, one_meaning: re.Pattern[str]) -> None:
        self._report = report
        self._one_meaning = one_meaning
        self._stack: list[_Frame] = []
        self._root: Node | None = None
        self._documents = 0

    def read(self, events: Iterator[Event]) -> Node | None:
        try:
            for event in events:
                self._take(event)
        except _StopReadingError:
            return None
        return self._root

    def _take(self, event: Event) -> None:
        match event:
            case DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    place = _place(event.start_mark)
                    self._report.add(place, "a second document begins here", "one file is one document: remove the ---")
                    raise _StopReadingError
            case MappingStartEvent() | SequenceStartEvent():
                self._open(event)
            case MappingEndEvent() | SequenceEndEvent():
                self._put(self._stack.pop().node())
            case AliasEvent():
                place = self._next_place(event)
                self._report.add(place, f"*{event.anchor} is an alias", _NO_ANCHORS)
                self._put_or_name(event, Broken(place))
            case ScalarEvent():
                self._check_marks(event)
                self._put_or_name(event, self._scalar(event))

    def _open(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        if self._expects_key():
            self._report.add(_place(event.start_mark), "a key must be text", "write one key, a colon, and its value")
            raise _StopReadingError
        self._check_marks(event)
        place = self._next_place(event)
        if len(self._stack) >= _DEEPEST:
            self._report.add(place, f"nested deeper than {_DEEPEST} levels")
            raise _StopReadingError
        held = self._stack[-1].waiting if self._stack and isinstance(event, MappingStartEvent) else None
        self._stack.append(_Frame(held or place, isinstance(event, MappingStartEvent), broken=_is_tagged(event)))

    def _check_marks(self, event: NodeEvent) -> None:
        """Report an anchor or a tag on the next node."""
        place = self._next_place(event)
        if event.anchor is not None:
            self._report.add(place, f"&{event.anchor} is an anchor", _NO_ANCHORS)
        if _is_tagged(event):
            self._report.add(place, f"{_tag(event)} is a tag", "write the value without it, in quotes if it is text")

    def _scalar(self, event: ScalarEvent) -> Node:
        place = self._next_place(event)
        if _is_tagged(event):
            return Broken(place)
        if event.style:
            return Scalar(place, event.value)
        value = plain_value(event.value)
        if event.value == "off" and self._one_meaning.fullmatch(place.key):
            return Scalar(place, event.value)
        if isinstance(value, Ambiguous):
            if event.value == "<<":
                self._report.add(place, "<< is a merge key", _NO_ANCHORS)
            else:
                hint = f'write "{event.value}" for the text' + (
                    f", or {value.old}" if value.old in {"true", "false"} else ""
                )
                self._report.add(place, f"{event.value} is {value.old} in YAML 1.1 and {value.new} in YAML 1.2", hint)
            return Broken(place)
        if isinstance(value, float) and not math.isfinite(value):
            told = event.value if len(event.value) <= _MOST_TOLD else f"{event.value[:_MOST_TOLD]}…"
            self._report.add(place, f"{told} is not a number that can be written", "put quotes around a text")
            return Broken(place)
        return Scalar(place, value)

    def _expects_key(self) -> bool:
        return bool(self._stack) and self._stack[-1].is_table and self._stack[-1].waiting is None

    def _next_place(self, event: Event) -> Place:
        """Give the place of the present node, with its key if that is known."""
        place = _place(event.start_mark)
        if not self._stack:
            return place
        frame = self._stack[-1]
        if frame.is_table:
            return Place(place.line, place.column, frame.waiting.key if frame.waiting else frame.place.key)
        return Place(place.line, place.column, below(frame.place.key, len(frame.items)))

    def _put_or_name(self, event: Event, node: Node) -> None:
        if not self._expects_key():
            self._put(node)
            return
        frame, place = self._stack[-1], _place(event.start_mark)
        if isinstance(node, Scalar) and isinstance(node.value, str):
            frame.waiting = Place(place.line, place.column, below(frame.place.key, node.value))
            if node.value in frame.entries:
                first = frame.keys[node.value].line
                self._report.add(frame.waiting, f'"{node.value}" is here twice', f"it is on line {first} already")
                return
            frame.name = node.value
            frame.keys[node.value] = frame.waiting
            return
        if isinstance(node, Scalar):
            self._report.add(
                node.place,
                f"a key must be text, not {'nothing' if node.value is None else node.value}",
                "put quotes around it",
            )
        frame.waiting = Place(place.line, place.column, frame.place.key)

    def _put(self, node: Node) -> None:
        if not self._stack:
            self._root = node
            return
        frame = self._stack[-1]
        if not frame.is_table:
            frame.items.append(node)
            return
        if frame.name is not None:
            frame.entries[frame.name] = node
        frame.waiting = frame.name = None


def _place(mark: StringMark) -> Place:
    return Place(mark.line + 1, mark.column + 1, "")


def _tag(event: NodeEvent) -> str:
    """Give the event's tag as people write it, or nothing."""
    return str(getattr(event, "tag", None) or "").replace("tag:yaml.org,2002:", "!!")


def _is_tagged(event: NodeEvent) -> bool:
    return _tag(event) != ""
