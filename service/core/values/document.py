"""The YAML documents of a text, and the questions the editor asks of one.

Called by the rest of this package only. Never changes text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ruamel.yaml.error import YAMLError

from service.core.values import events as parser
from service.core.values.events import MEANING, WHOLE_FILE, Event, Kind, Origin
from service.core.values_paths import Step, format_path
from service.errors import ValuesEditError

MAX_CHARACTERS = 32 * 1024 * 1024
BOM = "\ufeff"
_STRAY_BOM = re.compile(r"(?:^|[\n\r\x85\u2028\u2029])[ \t]*\ufeff")
_SECOND_OPINION = 1024 * 1024
_NOTHING = (Kind.SCALAR, "", "", None, None)


class Document:
    """One document of a text. A node is named by the index of its first event.

    `text` is that of all documents, without a byte order mark; `prefix` is the path that leads to this one.
    """

    __slots__ = ("close", "events", "number", "prefix", "stream")

    def __init__(
        self, stream: Stream, number: int, events: list[Event], close: list[int], prefix: tuple[Step, ...]
    ) -> None:
        """Keep the events, and where each node's last event is."""
        self.stream = stream
        self.number = number
        self.events = events
        self.close = close
        self.prefix = prefix

    def named(self, prefix: tuple[Step, ...]) -> Document:
        """Give the same document under another path."""
        return Document(self.stream, self.number, self.events, self.close, prefix)

    @property
    def text(self) -> str:
        """Give the whole text that the document is in."""
        return self.stream.text

    @property
    def file(self) -> str:
        """Give the file's name, for errors."""
        return self.stream.file

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is written in the document."""
        return not self.events or (len(self.events) == 1 and self.events[0][:MEANING] == _NOTHING)

    def name(self, steps: tuple[Step, ...]) -> str:
        """Write the path of a node of this document, as it is named from the top of the file."""
        return format_path((*self.prefix, *steps))

    def entries(self, node: int) -> Iterator[tuple[int, int]]:
        """Yield key and value of each entry of a mapping, in order."""
        at, end = node + 1, self.close[node]
        while at < end:
            value = self.close[at] + 1
            yield at, value
            at = self.close[value] + 1

    def items(self, node: int) -> Iterator[int]:
        """Yield each item of a sequence, in order."""
        at, end = node + 1, self.close[node]
        while at < end:
            yield at
            at = self.close[at] + 1

    def is_flow(self, node: int) -> bool:
        """Tell whether a mapping or sequence is written in braces or brackets."""
        return self.events[node].style == "{"

    def anchored(self, alias: int) -> int | None:
        """Give the node that an alias refers to: the last one before it with that anchor."""
        name = self.events[alias].value
        for at in range(alias - 1, -1, -1):
            if self.events[at].anchor == name:
                return at
        return None

    def aliases_of(self, node: int) -> list[int]:
        """Give the aliases of a node's anchor, up to where another node gets the same anchor."""
        name = self.events[node].anchor
        found: list[int] = []
        if name is None:
            return found
        for at in range(node + 1, len(self.events)):
            event = self.events[at]
            if event.anchor == name:
                break
            if event.kind is Kind.ALIAS and event.value == name:
                found.append(at)
        return found

    def content(self, node: int) -> tuple[int, int]:
        """Give the span of a node's own text, without its anchor and its tag."""
        event = self.events[node]
        at, end = event.start, event.end
        while at < end and self.text[at] in "&!":
            while at < end and not self.text[at].isspace():
                at += 1
            at = min(skip_blank(self.text, at), end) if event.value or event.style else at
        return (at, end) if event.value or event.style else (end, end)

    def error(
        self, message: str, *, code: str, node: int | None = None, hint: str = "", path: str = ""
    ) -> ValuesEditError:
        """Make the refusal that names file, line and column of a node."""
        event = None if node is None else self.events[node]
        return ValuesEditError(
            message,
            code=code,
            hint=hint,
            file=self.file,
            path=path,
            line=None if event is None else event.line + 1,
            column=None if event is None else event.column + self.stream.origin.column + 1,
        )


def skip_blank(text: str, at: int) -> int:
    """Give the place of the next character that is neither white space nor within a comment."""
    while at < len(text):
        if text[at] == "#":
            while at < len(text) and text[at] not in "\r\n":
                at += 1
        elif text[at] in " \t\r\n":
            at += 1
        else:
            break
    return at


class Stream:
    """A text with its documents, at least one: the whole file, or what a block scalar of it holds."""

    __slots__ = ("bom", "documents", "file", "origin", "prefix", "text")

    def __init__(self, text: str, bom: str, file: str, origin: Origin, prefix: tuple[Step, ...]) -> None:
        """Parse the text. Raises ValuesEditError where it is not YAML."""
        self.text = text
        self.bom = bom
        self.file = file
        self.origin = origin
        self.prefix = prefix
        parsed = enumerate(_parse(self))
        self.documents = tuple(Document(self, number, one.events, one.close, prefix) for number, one in parsed)

    @property
    def has_one(self) -> bool:
        """Tell whether there is only one document; empty ones may follow, because Helm reads only the first."""
        return all(document.is_empty for document in self.documents[1:])


def read_stream(text: str, *, file: str = "", origin: Origin = WHOLE_FILE, prefix: tuple[Step, ...] = ()) -> Stream:
    """Parse a text. `origin` and `prefix` say where it is in its file, which may be within a block scalar."""
    if len(text) > MAX_CHARACTERS:
        raise ValuesEditError(
            f"The file has {len(text):,} characters, more than the {MAX_CHARACTERS:,} that are read",
            code="values-too-large",
            hint="split it into several values files",
            file=file,
        )
    bom = BOM if text.startswith(BOM) and not prefix else ""
    body = text[len(bom) :]
    if BOM in body and (stray := _STRAY_BOM.search(body)):
        raise ValuesEditError(
            "A line begins with a byte order mark, which YAML allows only at the start of the file",
            code="values-unparsable",
            hint="remove the invisible character U+FEFF; nothing was changed",
            file=file,
            line=body.count("\n", 0, stray.end()) + 1 + origin.line,
            column=1,
        )
    return Stream(body, bom, file, origin, prefix)


def _parse(stream: Stream) -> list[parser.Parsed]:
    text, file, origin = stream.text, stream.file, stream.origin
    try:
        return parser.parse_documents(text, file=file, pure=False, origin=origin)
    except (YAMLError, UnicodeError) as first:
        if len(text) > _SECOND_OPINION:
            raise _unparsable(stream, first) from None
        try:  # the C parser reads an older YAML: it refuses [http://host], which YAML 1.2 allows
            return parser.parse_documents(text, file=file, pure=True, origin=origin)
        except (YAMLError, UnicodeError):
            raise _unparsable(stream, first) from None


def _unparsable(stream: Stream, error: Exception) -> ValuesEditError:
    text = stream.text
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = column = None
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if mark is not None:
        line, column = mark.line + 1, mark.column + 1
    elif isinstance(position := getattr(error, "position", None), int):
        line = text.count("\n", 0, position) + 1
        column = position - (text.rfind("\n", 0, position) + 1) + 1
    there = text.split("\n", line)[line - 1].strip()[:60] if line is not None and line <= text.count("\n") + 1 else ""
    what = f"What {format_path(stream.prefix)} holds" if stream.prefix else "The file"
    return ValuesEditError(
        f"{what} is not valid YAML: {problem}" + (f", at {there!r}" if there else ""),
        code="values-unparsable",
        hint="correct the file first; nothing was changed",
        file=stream.file,
        line=None if line is None else line + stream.origin.line,
        column=None if column is None else column + stream.origin.column,
    )
