"""Assignments as they are written on the command line: PATH=VALUE, or PATH:=TYPED for what is no text.

Used by `mergeport values set` and `commit`. Reads words only.
"""

from __future__ import annotations

import math

import click

from service.core.values import Scalar, ValueEdit, parse_path
from service.core.values.helm import helm_plain, is_exact
from service.core.values.quoting import read_plain, write_scalar
from service.core.values_paths import path_end


def parse_assignment(text: str) -> ValueEdit:
    """Read PATH=VALUE or PATH:=TYPED as it is written on the command line."""
    end = path_end(text)
    typed = text[end : end + 2] == ":="
    if not typed and text[end : end + 1] != "=":
        raise click.UsageError(f"{text!r} is not PATH=VALUE or PATH:=TYPED")
    path = text[:end]
    parse_path(path)
    written = text[end + (2 if typed else 1) :]
    return ValueEdit(path, _typed(text, written) if typed else written)


def _typed(assignment: str, written: str) -> Scalar:
    value = read_plain(written.strip())
    if value is not None and not isinstance(value, str):
        return value
    read = helm_plain(written.strip())
    if isinstance(read, bool | int | float):
        raise click.UsageError(
            f"{assignment!r}: {written.strip()} is {shown(read)} for Helm, and something else for other readers of "
            f"YAML; write :={shown(read)}, or PATH={written.strip()} for the text"
        )
    raise click.UsageError(f"{assignment!r}: write a number, true or false after :=; for text write PATH=VALUE")


def shown(value: Scalar | None) -> str:
    """Write a typed value as it stands in a file; a whole float has no point, because Helm knows one kind of number."""
    if value is None:
        return "null"
    if isinstance(value, float) and not math.isfinite(value):
        return ".nan" if math.isnan(value) else ".inf" if value > 0 else "-.inf"
    whole = isinstance(value, float) and value.is_integer() and is_exact(int(value))
    return value if isinstance(value, str) else write_scalar(int(value) if whole else value, "", flow=False)
