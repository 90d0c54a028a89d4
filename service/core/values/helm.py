"""What Helm makes of a plain scalar: the rules of the YAML library that it, kubectl and Argo CD read with.

Called wherever a value is read or compared. A test asks the real Helm about each kind of text. Never raises.
"""

from __future__ import annotations

import math
import re
from functools import lru_cache

from service.core.values.model import Scalar

# sigs.k8s.io/yaml reads with its copy of go-yaml 2: https://github.com/kubernetes-sigs/yaml/blob/v1.4.0/goyaml.v2/resolve.go
_WORDS: dict[str, Scalar | None] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("y", "Y", "yes", "Yes", "YES", "true", "True", "TRUE", "on", "On", "ON"), True),
    **dict.fromkeys(("n", "N", "no", "No", "NO", "false", "False", "FALSE", "off", "Off", "OFF"), False),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), math.nan),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), math.inf),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), -math.inf),
}
_POINT = re.compile(r"\.[0-9]+(?:_[0-9]+)*(?:[eE][-+]?[0-9]+(?:_[0-9]+)*)?", re.ASCII)
_INTEGER = re.compile(
    r"(?P<sign>[-+]?)(?:0[xX](?P<hex>[0-9a-fA-F]+)|0[bB](?P<bits>[01]+)|0[oO]?(?P<octal>[0-7]+)|(?P<digits>0|[1-9][0-9]*))"
)
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
_BASES = {"hex": 16, "bits": 2, "octal": 8, "digits": 10}
_LONGEST = 4000
"""The most characters of a number; nobody writes more."""


@lru_cache(maxsize=4096)
def helm_plain(text: str) -> Scalar | None:
    """Give the number, boolean, null or text that Helm reads in a plain scalar."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) > _LONGEST or text[0] not in "+-.0123456789":
        return text
    if text[0] == ".":
        return _finite(text, text) if _POINT.fullmatch(text) else text
    digits = text.replace("_", "")
    whole = _INTEGER.fullmatch(digits)
    if whole is not None:
        base = next(name for name in _BASES if whole[name] is not None)
        number = int(whole["sign"] + whole[base], _BASES[base])
        if -(2**63) <= number < 2**63 or (not whole["sign"] and number < 2**64):
            return number if is_exact(number) else int(float(number))
    return _finite(digits, text) if _FLOAT.fullmatch(digits) else text


def is_exact(number: int) -> bool:
    """Tell whether Helm keeps a whole number as it is: its numbers are floats, exact up to 2^53."""
    return abs(number) <= 2**53


def helm_key(text: str) -> str:
    """Give the text that a plain key has once Helm has read it: `0644` is `420`, `on` is `true`."""
    value = helm_plain(text)
    match value:
        case bool():
            return "true" if value else "false"
        case float() if math.isfinite(value) and value.is_integer() and abs(value) < 1e21:  # noqa: PLR2004 - as Go writes it
            return str(int(value))
        case int() | float():
            return str(value)
        case _:
            return text


def _finite(number: str, text: str) -> float | str:
    """Give the number, or the text where it is larger than a float can be."""
    value = float(number)
    return value if math.isfinite(value) else text
