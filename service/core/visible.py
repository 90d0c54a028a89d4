"""Text of strangers made safe to show on a terminal: nothing in it moves the cursor, colours, links or turns around.

Used by the command line's printing for everything that it prints. Pages need no such thing: a browser shows
control characters as nothing.
"""

from __future__ import annotations

import re

_BIDIRECTIONAL = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
_UNSEEN = "\u2028\u2029\ufeff\U000e0000-\U000e007f"
HARMFUL = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f{_BIDIRECTIONAL}{_UNSEEN}\ud800-\udfff]")
"""C0 and C1 without tab and line feed, marks of text direction, other line ends, tags, and lone surrogates."""
_SEQUENCE = re.compile(
    r"(?:\x1b\[|\x9b)[0-?]*[ -/]*[@-~]|(?:\x1b\]|\x9d)[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\|\x9c)|\x1b[@-Z\\^_a-z]"
)
"""Colours, movements, titles and links of terminals: ECMA-48's control sequences and strings."""


def visible(text: str) -> str:
    """Give a text with each harmful character replaced by its Python escape."""
    return HARMFUL.sub(lambda found: _escape(ord(found[0])), text)


def unstyled(text: str) -> str:
    """Give a text without what only styles it on a terminal, which may stand within a word or right before one."""
    return _SEQUENCE.sub("", text)


def one_line(text: str) -> str:
    """Give a text that stays on one line of a table."""
    return visible(text).replace("\t", "\\t").replace("\n", "\\n")


def _escape(code: int) -> str:
    if code < 0x100:  # noqa: PLR2004 - two digits
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"  # noqa: PLR2004 - four digits
