"""What a plain YAML scalar means, and whether all readers agree on it.

Called by the document reader. A text such as `on`, `012` or `2024-01-01` is one thing to a YAML 1.1
reader and another to a YAML 1.2 reader; editors, Helm and people differ as well. Such a scalar is
reported as ambiguous and never guessed.

Sources: https://yaml.org/spec/1.2.2/#103-core-schema and https://yaml.org/type/
"""

from __future__ import annotations

import math
import re
from typing import NamedTuple

Plain = str | int | float | bool | None

_NULL = {"", "~", "null", "Null", "NULL"}
_TRUE = {"true", "True", "TRUE"}
_FALSE = {"false", "False", "FALSE"}
_OLD_TRUE = {"y", "Y", "yes", "Yes", "YES", "on", "On", "ON"}
_OLD_FALSE = {"n", "N", "no", "No", "NO", "off", "Off", "OFF"}
_LONGEST_NUMBER = 300
"""Characters. Python refuses to turn more than 4,300 digits into a number, and nobody needs such a number."""
_WHOLE = re.compile(r"[-+]?[0-9][0-9_]*|[-+]?0x[0-9a-fA-F_]+")
_NOT_FINITE = re.compile(r"[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)")

_INTEGER = re.compile(r"[-+]?[0-9]+")
_OCTAL = re.compile(r"0o[0-7]+")
_HEXADECIMAL = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")

_OLD_DECIMAL = re.compile(r"[-+]?(0|[1-9][0-9_]*)")
_OLD_HEXADECIMAL = re.compile(r"[-+]?0x_*[0-9a-fA-F][0-9a-fA-F_]*")
_OLD_FLOAT = re.compile(r"([-+]?[0-9][0-9_]*\.[0-9_]*|\.[0-9][0-9_]*)([eE][-+][0-9]+)?")
_OLD_OTHERS = (
    (re.compile(r"[-+]?0b[01_]+"), "a binary number"),
    (re.compile(r"[-+]?0x_+|[-+]0o[0-7_]+|0o[0-7]*_[0-7_]*"), "a number to some readers"),
    (re.compile(r"[-+]?0[0-7_]+"), "an octal number"),
    (re.compile(r"[-+]?[0-9][0-9_]*(:[0-5]?[0-9])+(\.[0-9_]*)?"), "a number to base 60"),
    (re.compile(r"\d{4}-\d\d?-\d\d?([Tt]|[ \t]+|$).*"), "a date"),
    (re.compile(r"(?=[-+.0-9])[-+.]*(?:[0-9][0-9.]*)?_[0-9_.eE+-]*"), "a number to some readers"),
    (re.compile(r"<<"), "a merge key"),
    (re.compile(r"="), "a default key"),
)


class Ambiguous(NamedTuple):
    """A scalar that readers understand differently: its values in YAML 1.1 and in YAML 1.2."""

    old: str
    new: str


def plain_value(text: str) -> Plain | Ambiguous:
    """Give what an unquoted scalar means, or how readers disagree on it; infinity for a number that is too long."""
    if _NOT_FINITE.fullmatch(text):
        return float(text.replace(".", ""))
    if len(text) > _LONGEST_NUMBER and _WHOLE.fullmatch(text):
        return math.inf
    new, old = _core_value(text), _old_value(text)
    if isinstance(old, str) and isinstance(new, str):
        return text
    if type(new) is type(old) and new == old:
        return new
    return Ambiguous(old=_named(text, old), new=_named(text, new))


def _core_value(text: str) -> Plain:
    """Give its value in YAML 1.2."""
    if text in _NULL:
        return None
    if text in _TRUE | _FALSE:
        return text in _TRUE
    if _INTEGER.fullmatch(text):
        return int(text)
    if _OCTAL.fullmatch(text):
        return int(text, 0)
    if _HEXADECIMAL.fullmatch(text):
        return int(text, 0)
    return float(text) if _FLOAT.fullmatch(text) else text


class _Other(NamedTuple):
    """A type that YAML 1.2 does not have."""

    name: str


def _old_value(text: str) -> Plain | _Other:
    """Give its value in YAML 1.1, as common readers of it see it."""
    if text in _NULL:
        return None
    if text in _TRUE | _OLD_TRUE | _FALSE | _OLD_FALSE:
        return text in _TRUE | _OLD_TRUE
    if _OLD_DECIMAL.fullmatch(text):
        return int(text.replace("_", ""))
    if _OLD_HEXADECIMAL.fullmatch(text):
        return int(text.replace("_", ""), 16)
    if _OLD_FLOAT.fullmatch(text):
        return float(text.replace("_", ""))
    return next((_Other(name) for pattern, name in _OLD_OTHERS if pattern.fullmatch(text)), text)


def _named(text: str, value: Plain | _Other) -> str:
    match value:
        case _Other(name):
            return name
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case int() | float():
            return f"the number {value}"
        case _:
            return f'the text "{text}"'
