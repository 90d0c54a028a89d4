"""What a substitution of `sed` matches: its script taken apart, its pattern as a regular expression of Python. Pure.

A variable in a pattern stands for any text without blanks. A pattern that could take long on a hostile line is refused.
https://pubs.opengroup.org/onlinepubs/9799919799/utilities/sed.html
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from service.core.importing.pieces import Text

_CLASSES = {
    "space": r"\s",
    "blank": r" \t",
    "alnum": "A-Za-z0-9",
    "alpha": "A-Za-z",
    "digit": "0-9",
    "lower": "a-z",
    "upper": "A-Z",
    "punct": r"!-/:-@\[-`{-~",
    "word": r"\w",
}
_MOST_REPEATS = 4
_ANY = r"[^\s\"']*"


class Substitution(NamedTuple):
    """One `s/pattern/replacement/`; `address` is what stands before it, as written."""

    pattern: str
    replacement: str
    address: str = ""


def substitutions(script: str) -> Iterator[Substitution | None]:
    """Give the substitutions of a script; None for the first part that is not understood, and nothing after it."""
    at = _skipped(script, 0)
    while at < len(script):
        begin = _begin(script, at)
        if begin is None:
            yield None
            return
        delimiter = script[begin + 1]
        middle = _closing(script, begin + 2, delimiter)
        end = _closing(script, middle + 1, delimiter)
        if end >= len(script):
            yield None
            return
        pattern, replacement = script[begin + 2 : middle], script[middle + 1 : end]
        yield Substitution(
            pattern.replace(f"\\{delimiter}", delimiter),
            replacement.replace(f"\\{delimiter}", delimiter),
            script[at:begin].strip(" {"),
        )
        at = end + 1
        while at < len(script) and script[at] in "gpIiMmew0123456789":
            at += 1
        at = _skipped(script, at)


def _skipped(script: str, at: int) -> int:
    while at < len(script) and script[at] in " \t\n;}":
        at += 1
    return at


def _begin(script: str, at: int) -> int | None:
    """Give the place of the `s` after an address; None if another command stands there."""
    while at < len(script):
        if script[at] == "/":
            at = _closing(script, at + 1, "/") + 1
        elif script[at] == "s" and _is_delimiter(script[at + 1 : at + 2]):
            return at
        elif script[at].isdigit() or script[at] in "$,~+{ \t":
            at += 1
        else:
            return None
    return None


def _is_delimiter(text: str) -> bool:
    return bool(text) and not text.isalnum() and text not in {" ", "\n", "\\"}


def _closing(script: str, at: int, delimiter: str) -> int:
    """Give the place of the next delimiter that no backslash takes away and that stands in no variable."""
    while at < len(script) and script[at] != delimiter:
        if script.startswith("${{", at):
            at = max(script.find("}}", at) + 1, at)
        elif script.startswith(("${", "$("), at):
            closer = "}" if script[at + 1] == "{" else ")"
            at = max(script.find(closer, at), at)
        elif script[at] == "\\":
            at += 1
        at += 1
    return at


def compiled(pattern: Text, *, extended: bool) -> re.Pattern[str] | None:
    """Give the pattern for Python; None if it is not understood, or could take long."""
    parts = [_translated(piece, extended=extended) if isinstance(piece, str) else _ANY for piece in pattern]
    text = re.sub(r"(?:\.\*){2,}", ".*", "".join(parts))
    repeats = len(re.findall(r"(?<!\\)[*+]|(?<!\\)\{\d*,", text))
    if repeats > _MOST_REPEATS or re.search(r"\([^()]*(?<!\\)[*+{][^()]*\)[*+{]", text):
        return None
    try:
        return re.compile(text)
    except (re.error, OverflowError, RecursionError):
        return None


def _translated(text: str, *, extended: bool) -> str:
    """Turn a POSIX pattern into Python's: a basic one has a backslash before what groups and repeats."""
    kept: list[str] = []
    at = 0
    while at < len(text):
        character = text[at]
        if character == "[":
            end = _bracket_end(text, at)
            kept.append(_bracket(text[at:end]))
            at = end
            continue
        if character == "\\" and at + 1 < len(text):
            following = text[at + 1]
            special = following in "(){}|+?"
            if following in "sSwWb" or following.isdigit():
                kept.append(f"\\{following}")
            else:
                kept.append(following if special and not extended else re.escape(following))
            at += 2
            continue
        kept.append(re.escape(character) if character in "(){}|+?" and not extended else _plain(character, kept))
        at += 1
    return "".join(kept)


def _plain(character: str, kept: list[str]) -> str:
    """Keep what is special in both; a star at the beginning is itself."""
    if character == "*" and (not kept or kept[-1] in {"(", "|", "^"}):
        return r"\*"
    return character if character in ".*^$(){}|+?" else re.escape(character)


def _bracket_end(text: str, at: int) -> int:
    start = at + 1 + (text[at + 1 : at + 2] == "^")
    start += text[start : start + 1] == "]"
    end = start
    while end < len(text) and text[end] != "]":
        end = text.find(":]", end) + 2 if text.startswith("[:", end) and ":]" in text[end:] else end + 1
    return min(end + 1, len(text))


def _bracket(text: str) -> str:
    named = re.sub(r"\[:(\w+):\]", lambda found: _CLASSES.get(found[1], found[1]), text)
    inner = named[1:-1].replace("[", r"\[")
    return f"[{inner}]" if inner else re.escape(text)
