"""Reads, line by line and with PyYAML, whether a values file changed in the wanted scalars and in nothing else.

Used by the checker. It shares nothing with the product's own editor: the lines are compared as bytes, the documents
as another parser sees them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

import yaml

Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def parse(content: bytes) -> object:
    """Load a values file; raises yaml.YAMLError, or UnicodeDecodeError."""
    return yaml.load(content.decode(), Loader=Loader)  # noqa: S506 - a safe loader, in C where it is there


def faults(before: bytes, after: bytes, wanted: Mapping[str, str]) -> Iterator[str]:
    """Report what differs besides the wanted values, and which of the wanted values is wrong."""
    old, new = dict(_scalars(parse(before))), dict(_scalars(parse(after)))
    for path in sorted({*old, *new}):
        if path not in wanted and (path not in old or path not in new or not _same(old[path], new[path])):
            yield f"{path} was changed: {old.get(path)!r} -> {new.get(path)!r}"
    changed: dict[str, tuple[bytes, bytes]] = {}
    for path, value in wanted.items():
        if new.get(path) != value:
            yield f"{path} is {new.get(path)!r}, not {value!r}"
        elif old.get(path) != value:
            changed[path] = (str(old.get(path)).encode(), value.encode())
    yield from _lines(before, after, changed)


def value_at(document: object, path: str) -> object:
    """Give the scalar at a path of plain keys; None where there is none."""
    return dict(_scalars(document)).get(path)


def _same(one: object, other: object) -> bool:
    return type(one) is type(other) and one == other


def _scalars(node: object, path: str = "") -> Iterator[tuple[str, object]]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _scalars(value, f"{path}.{key}" if path else str(key))
    elif isinstance(node, list):
        for number, value in enumerate(node):
            yield from _scalars(value, f"{path}[{number}]")
    else:
        yield path, node


def _lines(before: bytes, after: bytes, changed: Mapping[str, tuple[bytes, bytes]]) -> Iterator[str]:
    """Compare line by line without the changed values; quotes around them must stay, or may be new."""
    old, new = before.split(b"\n"), after.split(b"\n")
    if len(old) != len(new):
        yield f"{len(old)} lines became {len(new)}"
        return
    left = dict(changed)
    for number, (one, other) in enumerate(zip(old, new, strict=True), start=1):
        if one == other:
            continue
        for path, (was, now) in list(left.items()):
            here, there = _place(was, one), _place(now, other)
            if here is not None and there is not None and here[1] in {b"", there[1]}:
                one, other = here[0], there[0]  # noqa: PLW2901 - what is left of the two lines
                del left[path]
        if one != other:
            yield f"line {number} differs outside the values: {old[number - 1]!r} -> {new[number - 1]!r}"
    for path in left:
        yield f"{path} did not change on a line of its own value"


def _place(value: bytes, line: bytes) -> tuple[bytes, bytes] | None:
    """Give the line without the value that follows its key, and the value's quote."""
    around = rb"(?P<lead>[:{,] *)(?P<quote>[\"']?)" + re.escape(value) + rb"(?P=quote)(?=[\s,}]|$)"
    found = re.search(around, line)
    if found is None:
        return None
    return line[: found.end("lead")] + b"\0" + line[found.end() :], found["quote"]
