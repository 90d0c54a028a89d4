"""The language of values paths: `image.tag`, `a."key.with.dots".b`, `env[2].value`, `env[name=TAG].value`.

Called by the editor, the command line and the configuration's checks. Knows nothing of any file.

A bare key runs to the next `.` or `[`; a backslash takes the next character as it is. A quoted key is
written as JSON writes text, or in single quotes with `''` for one of them; both may also stand in brackets: `a["b.c"]`.
A selector has one condition or several, `[kind=Deployment,metadata.name=web]`, each with the keys of a scalar; one
without keys, `[=TEXT]`, is for items that are plain texts. A bare value runs to the `]`, or to a comma with the next
condition after it. At the beginning of a path a selector or an index may also choose one of several documents.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

from service.errors import ValuesEditError

MAX_STEPS = 250
_SURROGATE = re.compile("[\ud800-\udfff]")
_BARE = re.compile(r"(?:[^\\.\[\]\"'=\s]|\\.)(?:(?:[^\\.\[\]\"'=\r\n\t]|\\.)*(?:[^\\.\[\]\"'=\s]|\\.))?")
_QUOTED = re.compile(r'"(?:[^"\\]|\\.)*"|' + r"'(?:[^']|'')*'", re.DOTALL)
_NEXT_CONDITION = re.compile(r",(?=\s*(?:[^\\.\[\]\"'=\s,]+(?:\.[^\\.\[\]\"'=\s,]+)*|\"[^\"]*\")=)")
_BARE_VALUE = re.compile(r"[^\],=\\\"'\s](?:[^\],=\\]*[^\],=\\\s])?")
_INDEX = re.compile(r"\d{1,9}(?=\])", re.ASCII)
_PLAIN_KEY = re.compile(r"[^\\.\[\]\"'=\s:#](?:[^\\.\[\]\"'=\s:#]|:(?=[^\s=]))*")


class Key(NamedTuple):
    """The entry of a mapping under this key."""

    name: str


class Index(NamedTuple):
    """The item of a sequence at this place, counted from 0."""

    number: int


class Condition(NamedTuple):
    """A scalar that an item must have, and the keys that lead to it; without keys it is the item itself."""

    keys: tuple[str, ...]
    value: str


class Selector(NamedTuple):
    """The one item of a sequence, or document of a file, that meets all conditions."""

    conditions: tuple[Condition, ...]


Step = Key | Index | Selector


class ValuesPath(NamedTuple):
    """A path as written and its steps, of which there is at least one."""

    text: str
    steps: tuple[Step, ...]


def parse_path(text: str) -> ValuesPath:
    """Read a values path. Raises ValuesEditError (`values-path-invalid`) with the column that is wrong."""
    if half := _SURROGATE.search(text):
        raise _invalid(text, half.start(), "it is not Unicode text")
    steps: list[Step] = []
    at = 0
    while at < len(text):
        if text[at] == "[":
            step, at = _bracket(text, at + 1)
        else:
            if steps and text[at] != ".":
                raise _invalid(text, at, "expected `.` or `[`")
            step, at = _key(text, at + 1 if steps else at)
        steps.append(step)
    if not steps:
        raise _invalid(text, 0, "the path is empty")
    if len(steps) > MAX_STEPS:
        raise _invalid(text, 0, f"it has more than {MAX_STEPS} steps")
    return ValuesPath(text, tuple(steps))


def path_end(text: str) -> int:
    """Give the place where the path of an assignment `PATH=VALUE` or `PATH:=TYPED` ends."""
    at = 0
    while at < len(text):
        if text[at] == "[":
            _, at = _bracket(text, at + 1)
        elif at == 0 or text[at] == ".":
            start = at + 1 if at else 0
            bare = text[start : start + 1] not in {'"', "'"}
            _, at = _key(text, start)
            if bare and text[at : at + 1] == "=" and text[at - 1] == ":" and text[at - 2] != "\\":
                return at - 1
        else:
            break
    return at


def format_path(steps: tuple[Step, ...]) -> str:
    """Write steps as a path that parses to the same steps."""
    written = ""
    for step in steps:
        match step:
            case Key(name):
                written += ("." if written else "") + format_key(name)
            case Index(number):
                written += f"[{number}]"
            case Selector(conditions):
                written += f"[{','.join(map(_format_condition, conditions))}]"
    return written


def select(**conditions: str) -> Selector:
    """Give the selector of items that have these scalars under these keys."""
    return Selector(tuple(Condition((key,), value) for key, value in conditions.items()))


def _format_condition(condition: Condition) -> str:
    return f"{'.'.join(map(format_key, condition.keys))}={_format_value(condition.value)}"


def _format_value(value: str) -> str:
    """Write a selector's value bare if that reads back as the same value, else quoted."""
    bare = value.isprintable() and value[:1] not in {'"', "'", ""} and _BARE_VALUE.fullmatch(value) is not None
    return value if bare else json.dumps(value, ensure_ascii=not value.isprintable())


def format_key(name: str) -> str:
    """Write one key bare if that reads back as the same key, else quoted."""
    if _PLAIN_KEY.fullmatch(name) and name.isprintable():
        return name
    return json.dumps(name, ensure_ascii=not name.isprintable())


def _key(text: str, at: int) -> tuple[Key, int]:
    if text[at : at + 1] in {'"', "'"}:
        name, end = _quoted(text, at)
        return Key(name), end
    return _bare_key(text, at)


def _bare_key(text: str, at: int) -> tuple[Key, int]:
    found = _BARE.match(text, at)
    if found is None:
        raise _invalid(text, at, "expected a key")
    return Key(_unescape(found[0])), found.end()


def _unescape(bare: str) -> str:
    return re.sub(r"\\(.)", r"\1", bare)


def _quoted(text: str, at: int) -> tuple[str, int]:
    found = _QUOTED.match(text, at)
    if found is None:
        raise _invalid(text, at, "the quote is not closed")
    if text[at] == "'":
        return found[0][1:-1].replace("''", "'"), found.end()
    try:
        name = str(json.loads(found[0], strict=False))
    except ValueError:
        raise _invalid(text, at, "the quoted key has an unknown escape") from None
    if _SURROGATE.search(name):
        raise _invalid(text, at, "the quoted key is not Unicode text")
    return name, found.end()


def _bracket(text: str, at: int) -> tuple[Step, int]:
    if index := _INDEX.match(text, at):
        return Index(int(index[0])), index.end() + 1
    conditions: list[Condition] = []
    while True:
        keys, end = _condition_keys(text, at)
        if text[end : end + 1] != "=":
            if text[at : at + 1] in {'"', "'"} and len(keys) == 1 and not conditions:
                return Key(keys[0]), _closed(text, end)
            raise _invalid(text, at, "expected an index, a quoted key or name=value in the brackets")
        value, end = _selector_value(text, end + 1)
        conditions.append(Condition(keys, value))
        if text[end : end + 1] != ",":
            return Selector(tuple(conditions)), _closed(text, end)
        at = end + 1
        while text[at : at + 1] == " ":
            at += 1


def _closed(text: str, end: int) -> int:
    if text[end : end + 1] != "]":
        raise _invalid(text, end, "expected `]`")
    return end + 1


def _condition_keys(text: str, at: int) -> tuple[tuple[str, ...], int]:
    """Read the keys before `=`; there may be none."""
    if text[at : at + 1] == "=":
        return (), at
    keys: list[str] = []
    while True:
        key, at = _key(text, at)
        keys.append(key.name)
        if text[at : at + 1] != ".":
            return tuple(keys), at
        at += 1


def _selector_value(text: str, at: int) -> tuple[str, int]:
    if text[at : at + 1] in {'"', "'"}:
        return _quoted(text, at)
    end = text.find("]", at)
    if end < 0:
        raise _invalid(text, at, "expected `]`")
    another = _NEXT_CONDITION.search(text, at, end)
    end = end if another is None else another.start()
    return text[at:end], end


def _invalid(text: str, at: int, why: str) -> ValuesEditError:
    there = text[at : at + 20]
    return ValuesEditError(
        f"The values path {text[:200]!r} is not valid: {why} at column {at + 1}"
        + (f", found {there!r}" if there else ""),
        code="values-path-invalid",
        hint='write it like image.tag, a."key.with.dots".b, env[2].value or env[name=TAG].value',
        path=text,
    )
