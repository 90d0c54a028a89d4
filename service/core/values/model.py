"""The input and output of the values editor: edits, changes, edited text.

Used by the pipeline, the manifest writer and the command line. Never reads or writes anything.
"""

from __future__ import annotations

from dataclasses import dataclass

Scalar = str | int | float | bool


@dataclass(frozen=True, slots=True)
class ValueEdit:
    """One wanted scalar: a values path as written, and the value it must have.

    Text is always written as a YAML string, a number or a boolean as that type.
    """

    path: str
    value: Scalar


@dataclass(frozen=True, slots=True)
class FileEdit:
    """What one values file should say; `create` adds keys that are missing, `new_file` also makes a missing file."""

    file: str
    edits: tuple[ValueEdit, ...]
    create: bool = False
    new_file: bool = False


@dataclass(frozen=True, slots=True)
class ScalarChange:
    """One scalar that changed; `line` counts from 1 in the new text, `before` is None for a created key."""

    path: str
    line: int
    before: str | None
    after: str


@dataclass(frozen=True, slots=True)
class EditedText:
    """The whole new text, what changed in it (empty: nothing), and warnings for people."""

    text: str
    changes: tuple[ScalarChange, ...]
    warnings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Splice:
    """Characters `start` to `end` of a text, and what replaces them."""

    start: int
    end: int
    text: str


def apply_splices(text: str, splices: list[Splice]) -> str:
    """Replace all spans at once; they must not overlap. Spans at one place keep their order."""
    pieces: list[str] = []
    done = 0
    for splice in sorted(splices, key=lambda one: (one.start, one.end)):
        if splice.start < done:
            raise AssertionError("two edits of the same characters")
        pieces += (text[done : splice.start], splice.text)
        done = splice.end
    pieces.append(text[done:])
    return "".join(pieces)
