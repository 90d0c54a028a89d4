"""How a value is written: which quotes, which escapes. The rule is asked of YAML itself.

Called by the editor for each value it writes and reads. A candidate text stands only if a parser finds that very
string in it and the resolvers of YAML 1.1 and 1.2 both call it a string. No list of special words decides.
"""

from __future__ import annotations

import json
import math
import re
from functools import lru_cache

from ruamel.yaml.loader import SafeLoader
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.resolver import VersionedResolver

from service.core.values.document import Document
from service.core.values.events import Event, parse_strictly
from service.core.values.helm import helm_plain, is_exact
from service.core.values.model import Scalar
from service.errors import ValuesEditError

_VERSIONS = ((1, 1), (1, 2))
_STR = "tag:yaml.org,2002:str"
_BLOCK_KEY = "{0}:\n  {0}: a\n  b:\n  - {0}: c\n"
_FLOW_KEY = "- {{{0}: a}}\n- {{b: c, {0}: [d]}}\n"
_FRAME = "candidate"
# Both parsers of ruamel.yaml must read a candidate alike; the one in Python is slow on long text.
_BOTH_PARSERS = 2_000
_SURROGATE = re.compile("[\ud800-\udfff]")
# The number of YAML 1.2's core schema, which the resolver does not know in full (`.5e3`):
# https://yaml.org/spec/1.2.2/#1032-tag-resolution
_CORE_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?", re.ASCII)
# Where a value may be: after its key, on the next line, in a list; and the same within braces and brackets.
_BLOCK_CONTEXT = "a: {0}\nb:\n  {0}\nc:\n- {0}\n- d: {0} # e\nf: g\n"
_FLOW_CONTEXT = "a: [{0}]\nb: {{c: {0}}}\nd: {{e: {0} , f: g}}\nh: [\n{0}\n, i]\n"


def write_scalar(value: Scalar, style: str, *, flow: bool) -> str:
    """Write a value as YAML text on one line, in the quote style `style` if that can hold it.

    A number or boolean is always written plain. Raises ValuesEditError for text that no YAML file can hold (half a
    surrogate pair).
    """
    if not isinstance(value, str):
        return _write_typed(value)
    if _SURROGATE.search(value):
        raise ValuesEditError(
            f"The value {value!r} is not Unicode text",
            code="values-value-invalid",
            hint="it holds half of a surrogate pair: check how it was decoded",
        )
    if style == "'":
        candidates = [_single(value)]
    elif style == '"':
        candidates = []
    else:
        candidates = [value]
    if value.isprintable():
        for candidate in candidates:
            if reads_as(candidate, value, flow=flow):
                return candidate
    return double_quoted(value)


def write_key(name: str, *, flow: bool, quoted: bool = False) -> str:
    """Write a mapping's key, plain where every parser reads it as this very text."""
    plain = not quoted and name.isprintable() and is_string(name)
    return name if plain and _fits(_FLOW_KEY if flow else _BLOCK_KEY, name, name) else double_quoted(name)


def reads_as(candidate: str, value: str, *, flow: bool) -> bool:
    """Tell whether a text is read as this string in every place of a value, by YAML 1.1 and 1.2."""
    if candidate == value and not is_string(candidate):
        return False
    return _fits(_FLOW_CONTEXT if flow else _BLOCK_CONTEXT, candidate, value)


def is_string(plain: str) -> bool:
    """Tell whether a plain scalar of this text is a string under YAML 1.1 and 1.2, and for Helm."""
    if not isinstance(helm_plain(plain), str):
        return False
    return _CORE_FLOAT.fullmatch(plain) is None and all(_resolve(plain, version) == _STR for version in _VERSIONS)


def read_plain(text: str) -> Scalar | None:
    """Give a plain scalar's value if YAML 1.1, YAML 1.2 and Helm agree on it, else its text."""
    value, helms = _read_plain(text), helm_plain(text)
    if isinstance(value, str) or value is None:
        return value
    agreed = isinstance(value, bool) == isinstance(helms, bool) and isinstance(helms, bool | int | float)
    return value if agreed and (value == helms or _both_nan(value, helms)) else text


def _read_plain(text: str) -> Scalar | None:
    tags = {_resolve(text, version) for version in _VERSIONS}
    if len(tags) > 1:
        return text
    match tags.pop().rpartition(":")[2]:
        case "null":
            return None
        case "int":
            first, second = (_construct(text, version) for version in _VERSIONS)
            return second if first == second else text
        case "float" | "bool":
            return _construct(text, (1, 2))
        case _:
            return text


def same_value(doc: Document, node: int, value: Scalar) -> bool:
    """Tell whether a node already is this value, of this type, under both versions of YAML."""
    event = doc.events[node]
    if event.style:
        return isinstance(value, str) and event.value == value
    if isinstance(value, str):
        return event.value == value and is_string(value)
    there = read_plain(event.value)
    return type(there) is type(value) and (there == value or _both_nan(there, value))


def double_quoted(value: str) -> str:
    """Write text in double quotes, with invisible characters as escapes."""
    return '"' + "".join(character if _shows(character) else _escape(character) for character in value) + '"'


def _both_nan(one: object, other: object) -> bool:
    return isinstance(one, float) and isinstance(other, float) and math.isnan(one) and math.isnan(other)


def _shows(character: str) -> bool:
    return character.isprintable() and character not in '"\\'


def _escape(character: str) -> str:
    code = ord(character)
    if code > 0xFFFF:  # noqa: PLR2004 - YAML's \U takes eight digits, JSON would give a surrogate pair
        return f"\\U{code:08x}"
    return json.dumps(character)[1:-1] if code != 0x7F else "\\x7f"  # noqa: PLR2004 - JSON leaves DEL as it is


def _single(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _write_typed(value: float | bool) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if not is_exact(value):
            raise ValuesEditError(
                "Helm does not keep this number: it keeps whole numbers only up to 2^53",
                code="values-value-invalid",
                hint="write it as text",
            )
        return str(value)
    if not math.isfinite(value):
        raise ValuesEditError(
            f"{value} is not a number that Helm can read: it would refuse the file",
            code="values-value-invalid",
            hint="write a finite number, or text",
        )
    written = repr(value)
    mantissa, e, exponent = written.partition("e")
    # YAML 1.1 wants a point in a float, and a sign in its exponent: 1e+20 would be text
    return mantissa + ("" if "." in mantissa else ".0") + e + exponent


def _fits(context: str, candidate: str, value: str) -> bool:
    """Tell whether both parsers read the candidate as the value at every place of a context."""
    parsers = (False, True) if len(candidate) <= _BOTH_PARSERS else (False,)
    for pure in parsers:
        frame, found = _frame(context, pure), parse_strictly(context.format(candidate), pure=pure)
        if found is None or len(found) != len(frame):
            return False
        for event, expected in zip(found, frame, strict=True):
            there = value if expected.value == _FRAME else expected.value
            if (event.kind, event.value, event.anchor, event.tag) != (expected.kind, there, None, None):
                return False
    return True


@lru_cache(maxsize=8)
def _frame(context: str, pure: bool) -> list[Event]:
    return parse_strictly(context.format(_FRAME), pure=pure) or []


def _filled(version: tuple[int, int]) -> VersionedResolver:
    """Give a resolver that has loaded its rules: it does so at first use, in which two threads must not meet."""
    resolver = VersionedResolver(version=version)
    resolver.resolve(ScalarNode, "x", (True, False))
    return resolver


_RESOLVERS = {version: _filled(version) for version in _VERSIONS}


def _resolve(text: str, version: tuple[int, int]) -> str:
    return str(_RESOLVERS[version].resolve(ScalarNode, text, (True, False)))


@lru_cache(maxsize=256)
def _construct(text: str, version: tuple[int, int]) -> Scalar:
    """Give the number or boolean that a version of YAML makes of a plain scalar, else its text."""
    try:
        node = ScalarNode(_resolve(text, version), text)
        value = SafeLoader("", version=version).construct_object(node)
    except (ValueError, OverflowError):  # 0x_ has only the form of a number
        return text
    return value if isinstance(value, bool | int | float) else text
