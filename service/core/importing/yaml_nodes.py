"""YAML documents as mappings that know their lines and tolerate everything: what is of another type is empty.

Called by the readers of workflows and of Kubernetes objects. Values that are edited are found by the editor, not here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import YAMLError
from ruamel.yaml.scalarstring import FoldedScalarString, LiteralScalarString

from service.core.importing.findings import At
from service.core.importing.material import Material

_LONGEST, _DEEPEST = 256 * 1024, 100


class Unreadable(Exception):  # noqa: N818 - what it is, not an error of ours
    """A YAML text that is not read, and why, at a line."""

    def __init__(self, why: str, line: int = 1) -> None:
        """Keep the reason and the line."""
        super().__init__(why)
        self.why, self.line = why, line


class Node:
    """One mapping."""

    def __init__(self, raw: object, material: Material, line: int = 1) -> None:
        """Keep the parser's mapping, or an empty one in the place of anything else."""
        self._raw: Any = raw if isinstance(raw, CommentedMap) else CommentedMap()
        self._material, self._line = material, line

    def __bool__(self) -> bool:
        """Tell whether there is anything in it."""
        return bool(self._raw)

    def __contains__(self, key: str) -> bool:
        """Tell whether a key is there."""
        return key in self._raw

    def keys(self) -> list[str]:
        """Name the keys."""
        return [str(key) for key in self._raw]

    def text(self, key: str) -> str:
        """Give the text, number or boolean under a key."""
        return _text(self._raw.get(key))

    def texts(self, key: str) -> tuple[str, ...]:
        """Give a list of texts; a single text is a list of one."""
        value = self._raw.get(key)
        if isinstance(value, CommentedSeq):
            return tuple(_text(item) for item in value if _text(item))
        return (_text(value),) if _text(value) else ()

    def node(self, key: str) -> Node:
        """Give the mapping under a key."""
        return Node(self._raw.get(key), self._material, self.line(key))

    def nodes(self, key: str) -> Iterator[Node]:
        """Give the mappings of the list under a key."""
        value = self._raw.get(key)
        for number, item in enumerate(value if isinstance(value, CommentedSeq) else ()):
            yield Node(item, self._material, _line_of(value, number, self._line))

    def line(self, key: str) -> int:
        """Give the line of a key, from 1."""
        return _line_of(self._raw, key, self._line)

    def first_line(self, key: str) -> int:
        """Give the line on which the text under a key begins: below the key for a block."""
        block = isinstance(self._raw.get(key), LiteralScalarString | FoldedScalarString)
        return self.line(key) + block

    def at(self, key: str = "") -> At:
        """Name the place of a key."""
        return self._material.at(self.line(key) if key else self._line)


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, str | int | float) else ""


def _line_of(raw: Any, key: str | int, default: int) -> int:  # noqa: ANN401 - the parser's own types
    try:
        return int(raw.lc.key(key)[0]) + 1
    except (AttributeError, KeyError, TypeError, IndexError):
        return default


def read_nodes(material: Material) -> list[Node]:
    """Give the mappings of all documents of a file; raise Unreadable."""
    if len(material.text) > _LONGEST:
        raise Unreadable(f"longer than {_LONGEST // 1024} KiB")
    if _depth(material.text) > _DEEPEST:
        raise Unreadable("nested too deeply")
    parser = YAML(typ="rt", pure=True)
    parser.allow_duplicate_keys = True
    try:
        found = [raw for raw in parser.load_all(material.text) if isinstance(raw, CommentedMap)]
    except YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise Unreadable(
            f"not YAML: {getattr(error, 'problem', None) or 'broken'}", mark.line + 1 if mark else 1
        ) from None
    except (RecursionError, ValueError, TypeError, KeyError, AttributeError, NotImplementedError, AssertionError):
        raise Unreadable("not YAML that can be read") from None
    return [Node(raw, material, (raw.lc.line or 0) + 1) for raw in found]


def _depth(text: str) -> int:
    """Give how deeply brackets may be nested at most: the parser is slow on many."""
    depth = deepest = 0
    for character in re.findall(r"[\[{\]}]", text):
        depth = max(depth + (1 if character in "[{" else -1), 0)
        deepest = max(deepest, depth)
    return deepest
