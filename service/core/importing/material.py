"""The texts that an import reads, and how a file that a pipeline names is found among them. Pure.

A file is looked for by its whole path in a repository, then by the end of the path, because a pipeline's checkout may
lie in another folder than ours. A variable in a path stands for one folder's or file's name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property

from service.core.importing.findings import At
from service.core.importing.pieces import Known, Text, Unknown, literal
from service.core.values.image_paths import ImagePaths, list_images
from service.core.values.listing import SettablePath, list_paths
from service.errors import ValuesEditError

_MOST_LINES = 20_000


@dataclass(frozen=True)
class Material:
    """One file: its path in its repository, its text, the path by which people open it, and the repository.

    `repository` is owner/name, or empty if the checkout does not tell.
    """

    path: str
    text: str
    shown: str
    repository: str = ""

    @property
    def name(self) -> str:
        """The file's own name."""
        return self.path.rpartition("/")[2]

    @property
    def is_yaml(self) -> bool:
        """Tell it by the name."""
        return self.name.endswith((".yaml", ".yml"))

    def at(self, line: int) -> At:
        """Name a line of it."""
        return At(self.shown, line)

    @cached_property
    def values(self) -> tuple[SettablePath, ...]:
        """What Mergeport's editor can set in it; nothing if it is not YAML."""
        try:
            return tuple(list_paths(self.text)) if self._readable else ()
        except (ValuesEditError, RecursionError):
            return ()

    @cached_property
    def images(self) -> tuple[ImagePaths, ...]:
        """The images in it."""
        try:
            return tuple(list_images(self.text)) if self._readable else ()
        except (ValuesEditError, RecursionError):
            return ()

    @property
    def _readable(self) -> bool:
        return self.is_yaml and self.text.count("\n") < _MOST_LINES


class Library:
    """All files of an import."""

    def __init__(self, materials: Iterable[Material]) -> None:
        """Keep the files in their order."""
        self.materials = tuple(materials)

    def __iter__(self) -> Iterator[Material]:
        """Give the files."""
        return iter(self.materials)

    def named(self, file: Text, repository: str = "") -> list[Material]:
        """Give the files that a path means: by the whole path, else by its end; several only if the path varies."""
        pattern = _pattern(file)
        if pattern is None:
            return []
        here = [one for one in self.materials if not (repository and one.repository) or repository == one.repository]
        whole = [one for one in here if pattern.fullmatch(one.path)]
        if whole:
            return whole if literal(file) is None or "*" in (literal(file) or "") else whole[:1]
        plain = literal(file)
        if plain is None:
            return []
        ends = [one for one in here if "/" in one.path and plain.endswith(f"/{one.path}")]
        ends = ends or ([one for one in here if one.path.endswith(f"/{plain}")] if "/" in plain else [])
        return ends if len(ends) == 1 else []


def _pattern(file: Text) -> re.Pattern[str] | None:
    """Make a pattern of a path: a variable is some text of one name."""
    if not any(piece.strip("/*") if isinstance(piece, str) else _options(piece) for piece in file):
        return None
    parts = [
        _of_variable(piece)
        if not isinstance(piece, str)
        else re.escape(piece).replace(r"\*\*", ".*").replace(r"\*", "[^/]*")
        for piece in file
    ]
    return re.compile("".join(parts))


def _options(piece: Known | Unknown) -> tuple[str, ...]:
    return piece.options if isinstance(piece, Unknown) else ()


def _of_variable(piece: Known | Unknown) -> str:
    options = _options(piece)
    return f"(?:{'|'.join(map(re.escape, options))})" if options else "[^/]+"
