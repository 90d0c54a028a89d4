"""A values file as one YAML document, and the questions the editor asks of it.

Called by the rest of this package only. Never changes text.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ruamel.yaml.error import YAMLError

from service.core.values import events as parser
from service.core.values.events import Event, Kind
from service.errors import ValuesEditError

MAX_CHARACTERS = 32 * 1024 * 1024
BOM = "\ufeff"
_STRAY_BOM = re.compile(r"(?:^|[\n\r\x85\u2028\u2029])[ \t]*\ufeff")
_SECOND_OPINION = 1024 * 1024


class Document:
    """The one document of a values file. A node is named by the index of its first event."""

    __slots__ = ("bom", "close", "events", "file", "text")

    def __init__(self, text: str, events: list[Event], close: list[int], *, file: str, bom: str) -> None:
        """Keep the text without its byte order mark, the events, and where each node's last event is."""
        self.text = text
        self.events = events
        self.close = close
        self.file = file
        self.bom = bom

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
        """Give the node that an alias stands for: the last one before it with that anchor."""
        name = self.events[alias].value
        for at in range(alias - 1, -1, -1):
            if self.events[at].anchor == name:
                return at
        return None

    def aliases_of(self, node: int) -> list[int]:
        """Give the aliases that follow a node's anchor, until the anchor is given to another node."""
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
        """Give the span of a node's own text, past its anchor and its tag."""
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
            column=None if event is None else event.column + 1,
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


def read_document(text: str, *, file: str = "") -> Document:
    """Parse a values file. Raises ValuesEditError when it is not exactly one readable YAML document."""
    if len(text) > MAX_CHARACTERS:
        raise ValuesEditError(
            f"The file has {len(text):,} characters, more than the {MAX_CHARACTERS:,} that are read",
            code="values-too-large",
            hint="split it into several values files",
            file=file,
        )
    bom = BOM if text.startswith(BOM) else ""
    body = text[len(bom) :]
    if BOM in body and (stray := _STRAY_BOM.search(body)):
        raise ValuesEditError(
            "A line begins with a byte order mark, which YAML allows only at the start of the file",
            code="values-unparsable",
            hint="remove the invisible character U+FEFF; nothing was changed",
            file=file,
            line=body.count("\n", 0, stray.end()) + 1,
            column=1,
        )
    try:
        events, close = parser.parse_events(body, file=file, pure=False)
    except (YAMLError, UnicodeError) as first:
        if len(body) > _SECOND_OPINION:
            raise _unparsable(body, file, first) from None
        try:  # the C parser is of an older YAML: it refuses [http://host], which is fine in 1.2
            events, close = parser.parse_events(body, file=file, pure=True)
        except (YAMLError, UnicodeError):
            raise _unparsable(body, file, first) from None
    return Document(body, events, close, file=file, bom=bom)


def _unparsable(text: str, file: str, error: Exception) -> ValuesEditError:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line = column = None
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    if mark is not None:
        line, column = mark.line + 1, mark.column + 1
    elif isinstance(position := getattr(error, "position", None), int):
        line = text.count("\n", 0, position) + 1
        column = position - (text.rfind("\n", 0, position) + 1) + 1
    there = text.split("\n", line)[line - 1].strip()[:60] if line is not None and line <= text.count("\n") + 1 else ""
    return ValuesEditError(
        f"The file is not valid YAML: {problem}" + (f", at {there!r}" if there else ""),
        code="values-unparsable",
        hint="correct the file first; nothing was changed",
        file=file,
        line=line,
        column=column,
    )
