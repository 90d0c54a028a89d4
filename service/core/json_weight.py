"""Counts the values of a JSON text before it is parsed: a few bytes can become objects of a hundred each.

Called by sources on what is signed but may still be hostile. Knows nothing of what the text says,
and does not check that it is JSON.
"""

from __future__ import annotations

import re

_SEPARATORS = (b",", b"[", b"{", b":")
_TOKEN = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|[,\[{:]', re.DOTALL)
"""A string, whose content does not count, or a character before a value."""


def is_heavier(raw: bytes, most: int) -> bool:
    """Tell whether a text has more than so many values.

    Every value but the first follows a separator. First all separators are counted fast, even those in strings. Only if
    these are too many, they are counted exactly, as far as needed.
    """
    if sum(raw.count(separator) for separator in _SEPARATORS) <= most:
        return False
    separators = strings = 0
    for token in _TOKEN.finditer(raw):
        if raw[token.start()] == 0x22:  # noqa: PLR2004 - a double quote
            strings += 1
        else:
            separators += 1
        if max(separators, strings) > most:
            return True
    return False
