"""What ruamel.yaml's parser finds in a text, as a flat list of events with their places.

Called by the rest of this package, and for rendered manifests. The C parser is used where it is installed, else the
Python one; nothing here recurses, so depth of nesting costs no stack. Never changes text.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)
from ruamel.yaml.events import Event as RawEvent

from service.errors import ValuesEditError

try:
    from _ruamel_yaml import CParser  # type: ignore[import-not-found]  # the extension ships no types
except ImportError:  # the C parser is an optional part of ruamel.yaml
    CParser = None

MAX_DEPTH = 500
MEANING = 5  # an event's first fields, which must stay the same in everything that is not edited


class Kind(IntEnum):
    """What one event of the parser is."""

    SCALAR = 0
    ALIAS = 1
    MAPPING = 2
    SEQUENCE = 3
    END = 4


_KINDS = {
    ScalarEvent: Kind.SCALAR,
    AliasEvent: Kind.ALIAS,
    MappingStartEvent: Kind.MAPPING,
    SequenceStartEvent: Kind.SEQUENCE,
    MappingEndEvent: Kind.END,
    SequenceEndEvent: Kind.END,
}


class Event(NamedTuple):
    """One event; the first five fields are what it means, the rest where it stands.

    `style` is `'`, `"`, `|`, `>` or empty for a plain scalar, `{` for a flow collection; `tag` is an
    explicit tag as resolved by the parser; `start` includes an anchor and a tag. Lines count from 0 in the file,
    columns in the text.
    """

    kind: Kind
    value: str
    style: str
    anchor: str | None
    tag: str | None
    start: int
    end: int
    line: int
    column: int


class Origin(NamedTuple):
    """Where a text begins in its file: the lines before it, and the columns before each of its lines."""

    line: int = 0
    column: int = 0


WHOLE_FILE = Origin()


class Parsed(NamedTuple):
    """The events of one document, and for each node the index of its last event."""

    events: list[Event]
    close: list[int]


def parse_strictly(text: str, *, pure: bool) -> list[Event] | None:
    """Give the events of a text as exactly one of the two parsers reads it; None when it refuses, or for several."""
    try:
        documents = parse_documents(text, file="", pure=pure)
    except (YAMLError, UnicodeError, ValuesEditError):
        return None
    return documents[0].events if len(documents) == 1 else None


def parse_documents(text: str, *, file: str, pure: bool, origin: Origin = WHOLE_FILE) -> list[Parsed]:
    """Give the documents of a text, at least one: an empty text is one without events."""
    documents: list[Parsed] = []
    still_open: list[int] = []
    anchors: set[str] = set()
    for raw in _parser_events(text, pure=pure):
        event = _event(raw, origin)
        if event is None:
            if isinstance(raw, DocumentStartEvent):
                documents.append(Parsed([], []))
                anchors = set()
            continue
        events, close = documents[-1]
        if event.kind is Kind.END:
            close[still_open.pop()] = len(events)
        elif event.kind is Kind.ALIAS and event.value not in anchors:
            raise _refusal(
                event,
                file,
                origin,
                "values-unparsable",
                f"The alias *{event.value} has no anchor before it",
                "correct the file first; nothing was changed",
            )
        elif event.kind is Kind.MAPPING or event.kind is Kind.SEQUENCE:
            still_open.append(len(events))
            if len(still_open) > MAX_DEPTH:
                raise _refusal(
                    event,
                    file,
                    origin,
                    "values-too-deep",
                    f"The nesting is deeper than {MAX_DEPTH} levels",
                    "no chart reads values like these: flatten them",
                )
        if event.anchor is not None:
            anchors.add(event.anchor)
        close.append(len(events))
        events.append(event)
    return documents or [Parsed([], [])]


class _Yaml(YAML):
    """ruamel.yaml without its search for plug-ins on disk, which it repeats for each instance."""

    def official_plug_ins(self) -> list[str]:
        """Name no plug-ins."""
        return []


def _parser_events(text: str, *, pure: bool) -> Iterator[RawEvent]:
    if pure or CParser is None:
        yield from _Yaml(typ="safe", pure=True).parse(text)
        return
    parser = CParser(text)
    raw = parser.get_event()
    while not isinstance(raw, StreamEndEvent):
        yield raw
        raw = parser.get_event()


def _event(raw: Any, origin: Origin) -> Event | None:  # noqa: ANN401 - the parser's events have no typed base with these fields
    """Give our event for the parser's, or None for those of the stream and the document."""
    kind = _KINDS.get(type(raw))
    if kind is None:
        return None
    start = raw.start_mark
    if kind is Kind.SCALAR:
        value, style, anchor, tag = raw.value, raw.style or "", raw.anchor, raw.tag
    elif kind is Kind.END:
        value, style, anchor, tag = "", "", None, None
    elif kind is Kind.ALIAS:
        value, style, anchor, tag = raw.anchor, "", None, None
    else:
        value, style, anchor, tag = "", "{" if raw.flow_style else "", raw.anchor, raw.tag
    tag = tag if tag is None else str(tag)
    return Event(
        kind, value, style, anchor, tag, start.index, raw.end_mark.index, start.line + origin.line, start.column
    )


def _refusal(event: Event, file: str, origin: Origin, code: str, message: str, hint: str) -> ValuesEditError:
    column = event.column + origin.column + 1
    return ValuesEditError(message, code=code, hint=hint, file=file, line=event.line + 1, column=column)
