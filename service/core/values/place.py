"""Finds the place for a value that does not exist yet: after `key:`, after a dash, after an anchor.

Called by the editor and by `create`. Changes nothing itself.
"""

from __future__ import annotations

from service.core.values.document import Document, skip_blank


def value_place(doc: Document, node: int, key: int | None, *, flow: bool) -> tuple[int, str] | None:
    """Give the place for an empty node's value and what to write before it; None for a key without a colon."""
    event = doc.events[node]
    if event.anchor is not None or key is None:
        return event.end, " "
    after_key = doc.events[key].end
    colon = skip_blank(doc.text, after_key)
    if doc.text[colon : colon + 1] == ":":
        return colon + 1, " "
    return (after_key, ": ") if flow else None


def gap(text: str, at: int) -> str:
    """Give the space that separates a value from what follows it on the line."""
    return "" if at >= len(text) or text[at] in " \t\r\n,]}" else " "
