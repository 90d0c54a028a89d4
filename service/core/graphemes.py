"""Cuts text between characters as people see them, so that no emoji and no accented letter is torn.

Called by what shortens people's text. It knows the joins that occur in names and titles, not all of Unicode's.
"""

from __future__ import annotations

import unicodedata

_JOINER = "\u200d"
_MOST = 64
"""How far back it looks for a whole character; text that joins more than that is torn."""


def whole_before(text: str, end: int) -> int:
    """Give the last place at or before `end` at which a text can be cut."""
    if end >= len(text):
        return len(text)
    for place in range(end, max(end - _MOST, 0), -1):
        if not _joins(text, place):
            return place
    return end if end > _MOST else 0


def _joins(text: str, place: int) -> bool:
    """Tell whether the characters on both sides of a place belong together."""
    before, after = text[place - 1], text[place]
    if _JOINER in {before, after} or unicodedata.category(after) in {"Mn", "Me", "Mc"}:
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff" or "\U000e0020" <= after <= "\U000e007f":
        return True
    if "\u1160" <= after <= "\u11ff":  # a vowel or a final consonant of a Korean syllable in parts
        return "\u1100" <= before <= "\u11ff"
    if not _is_flag(after):
        return False
    flags = 0
    while flags < min(place, _MOST) and _is_flag(text[place - 1 - flags]):
        flags += 1
    return flags % 2 == 1


def _is_flag(character: str) -> bool:
    """Tell whether it is half of a flag."""
    return "\U0001f1e6" <= character <= "\U0001f1ff"
