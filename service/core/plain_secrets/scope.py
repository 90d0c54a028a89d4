"""Which files of a manifest repository are searched for plain secrets: those that the configuration names, and `apps/`.

Bounded: what is too large is told, not searched.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from service.core.config import Target

APPS = "apps/"
MOST_FILES, MOST_FILE_BYTES, MOST_BYTES = 20_000, 1024 * 1024, 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Scope:
    """The files that are searched, and words about those that are not."""

    files: Mapping[str, bytes]
    left: tuple[str, ...] = ()


def in_scope(targets: Iterable[Target], names: Iterable[str]) -> list[str]:
    """Give those of the names that are searched, each once, sorted."""
    named = {file for target in targets for file in (*(one.file for one in target.values), *target.chart.values)}
    return sorted({name for name in names if name in named or name.startswith(APPS)})


def chosen(contents: Mapping[str, bytes | None]) -> Scope:
    """Leave out what is no text, and tell of what is too large or too much."""
    files: dict[str, bytes] = {}
    left: list[str] = []
    size = 0
    for name, content in contents.items():
        if content is None:
            continue
        if b"\0" in content[:8192]:
            if name.endswith((".yaml", ".yml", ".json")):
                left.append(f"{name} is not UTF-8 text")
            continue
        if len(content) > MOST_FILE_BYTES:
            left.append(f"{name} is larger than {MOST_FILE_BYTES // 1024 // 1024} MiB")
        elif len(files) >= MOST_FILES or size + len(content) > MOST_BYTES:
            left.append(f"{name} and what follows: more than {MOST_FILES} files or {MOST_BYTES // 1024 // 1024} MiB")
            break
        else:
            files[name] = content
            size += len(content)
    return Scope(files, tuple(left))
